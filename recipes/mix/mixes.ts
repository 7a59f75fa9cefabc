// The mixes that the recipe compares, as files that `luciole run` and `eval` open too.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fitMix } from "../../src/mix/fit.js";
import { type MixContents, parseMix, writeMix } from "../../src/mix/mix-file.js";
import { POLICY_SCHEMAS, type PolicyOptions } from "../../src/mix/policy-options.js";
import { World } from "../../src/tasks/world.js";
import type { RunContext } from "../../src/train/run-context.js";
import { LARGER, type MixRecipeOptions, openingOf, worldOf } from "./options.js";

/** The files of the mixes, from the run's folder. */
export const MIX_FILES = {
  /** The specialists behind their router: the mix itself. */
  mix: "mix.json",
  /** The larger model alone. */
  larger: "larger.mix.json",
  /** The larger model's samples vote. */
  largerVotes: "larger-votes.mix.json",
  /** The samples of the specialist that the router chooses vote. */
  mixVotes: "votes.mix.json",
  /** The specialist that the router chooses, then the larger model where that is unsure. */
  cascade: "cascade.mix.json",
} as const;
/** The name of one. */
export type MixName = keyof typeof MIX_FILES;

/** Where a model's run lies, from the run's folder. */
export const modelFolder = (name: string): string => (name === LARGER ? LARGER : join("members", name));

const memberOf = (name: string) => ({ name, model: modelFolder(name) });

/** The task that all are measured on. */
export const comparedTask = (options: MixRecipeOptions, seed: number) => new World(worldOf(options, LARGER), seed).task;

/** Writes the mixes that need no measurement, unless they are there, and fits router and cascade, unless they are. */
export async function makeMixes(
  path: string,
  options: MixRecipeOptions,
  seed: number,
  context: RunContext,
): Promise<void> {
  const specialists = Object.keys(options.specialists).map(memberOf);
  const { votes, fitProblems, fitSamples, keep } = options.measure;
  const fit = { ...{ task: comparedTask(options, seed), problems: fitProblems, samples: fitSamples, keep }, seed };
  const asked = { ...fit, maxNewTokens: options.rl.maxCompletionLength, signal: context.signal };
  const opening = openingOf(options);
  write(path, "mix", { members: specialists, policy: POLICY_SCHEMAS.route.parse({ kind: "route" }) });
  const route = parseMix(join(path, MIX_FILES.mix)).policy as Extract<PolicyOptions, { kind: "route" }>;
  if (route.router === null) await fitMix(path, asked, opening);
  write(path, "larger", { members: [memberOf(LARGER)], policy: { kind: "vote", samples: 1, round: null } });
  write(path, "largerVotes", { members: [memberOf(LARGER)], policy: { kind: "vote", samples: votes, round: votes } });
  const cascade = POLICY_SCHEMAS.cascade.parse({ kind: "cascade", samples: 1, router: "router.json" });
  write(path, "cascade", { members: [...specialists, memberOf(LARGER)], policy: cascade });
  const file = join(path, MIX_FILES.cascade);
  const { thresholds } = parseMix(file).policy as Extract<PolicyOptions, { kind: "cascade" }>;
  if (thresholds === null) await fitMix(file, asked, opening);
}

/** The vote of the mix that takes as many tokens as that of the larger model. */
export function makeVotes(path: string, votes: number, tokensOfLarger: number, tokensOfMix: number): void {
  const samples = Math.max(1, Math.floor((votes * tokensOfLarger) / Math.max(1, tokensOfMix)));
  const { members, policy } = parseMix(join(path, MIX_FILES.mix));
  if (policy.kind === "route") write(path, "mixVotes", { members, policy: { ...policy, samples, round: samples } });
}

function write(path: string, name: MixName, contents: MixContents): void {
  const file = join(path, MIX_FILES[name]);
  if (!existsSync(file)) writeMix(file, contents);
}
