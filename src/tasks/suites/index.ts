// The suites by name, and the names of several together.
import { ConfigError, didYouMean } from "../../errors.js";
import { aime2024, aime2025 } from "./aime.js";
import { countdown } from "./countdown.js";
import { gpqa } from "./gpqa.js";
import { gsm8k } from "./gsm8k.js";
import { humanevalPlus } from "./humaneval-plus.js";
import { ifeval } from "./ifeval.js";
import { knightsAndKnaves } from "./knights-and-knaves.js";
import { livecodebench } from "./livecodebench.js";
import { math500 } from "./math-500.js";
import { mmluPro } from "./mmlu-pro.js";
import type { Suite } from "./suite.js";
import { zebra } from "./zebra.js";

export type { Suite, SuiteProblem, SuiteSource } from "./suite.js";

const SUITES: readonly Suite[] = [
  ...[aime2024, aime2025, math500, gpqa, gsm8k, mmluPro, ifeval],
  ...[livecodebench, humanevalPlus, knightsAndKnaves, zebra, countdown],
];

/** Names that stand for several suites. */
const GROUPS: Readonly<Record<string, readonly Suite[]>> = {
  aime: [aime2024, aime2025],
  logic: [knightsAndKnaves, zebra],
};

/** All names that `suitesNamed` knows. */
export const SUITE_NAMES: readonly string[] = [...SUITES.map(({ name }) => name), ...Object.keys(GROUPS)];

/** The suites of some names, each once, in their order. Throws ConfigError for an unknown name. */
export function suitesNamed(names: readonly string[]): Suite[] {
  const found = names.flatMap((name) => {
    const suite = SUITES.find((each) => each.name === name);
    const group = suite ? [suite] : Object.hasOwn(GROUPS, name) ? GROUPS[name] : undefined;
    if (group) return group;
    throw new ConfigError(`--suite ${name}: expected one of ${SUITE_NAMES.join(", ")}${didYouMean(name, SUITE_NAMES)}`);
  });
  return [...new Set(found)];
}
