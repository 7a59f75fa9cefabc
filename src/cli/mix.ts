// `luciole mix`: the recipe that compares a mix of specialists with one larger model, from the command line.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  MIX_LABELS,
  MIX_PRESETS,
  type MixPreset,
  type MixSummary,
  mixRecipeOptions,
  runMix,
} from "../../recipes/mix.js";
import { formatDuration, formatNumber, formatPercent, withError } from "../number-text.js";
import { ownCommand, shownPath } from "../terminal/own-command.js";
import { configOfRun } from "../train/reopen.js";
import { performRun, type RunFlags, refuseBesideResume, tell, writeResult } from "./run-verb.js";
import { applySettings } from "./settings.js";

/** Flags as commander gives them. */
export interface MixFlags extends RunFlags {
  readonly preset?: MixPreset;
}

/** Runs or resumes the recipe; prints what each mix came to. */
export async function mix(flags: MixFlags): Promise<void> {
  refuseBesideResume(flags, ["preset"]);
  const { options, seed } = flags.resume === undefined ? requestOf(flags) : recordedRequest(flags.resume);
  const summary =
    finishedSummary(flags.resume) ?? (await performRun("mix", flags, (context) => runMix(options, seed, context)));
  writeResult(flags.json, summary, () => linesOf(summary));
}

function requestOf({ preset = "tiny", seed = 0, ...flags }: MixFlags) {
  return { options: mixRecipeOptions(applySettings(MIX_PRESETS[preset], flags)), seed };
}

function recordedRequest(path: string) {
  const { options, seed } = configOfRun(path, "mix");
  return { options: mixRecipeOptions(options), seed };
}

function finishedSummary(path: string | undefined): MixSummary | undefined {
  const file = path === undefined ? "" : join(path, "summary.json");
  if (!existsSync(file)) return undefined;
  tell("this run is already finished");
  return JSON.parse(readFileSync(file, "utf8"));
}

function linesOf({ models, measurements, claims, runDir }: MixSummary): string[] {
  return [
    "",
    ...models.map(
      ({ name, params, activeParams, cpuSeconds, pass1 }) =>
        `${name.padEnd(16)}${formatNumber(params)} parameters (${formatNumber(activeParams)} active), ` +
        `${formatDuration(cpuSeconds)} of processor time, ${formatPercent(pass1)} on its own tasks`,
    ),
    "",
    ...measurements.map(
      ({ name, pass1, stderr, tokensPerAnswer, flopsPerAnswer }) =>
        `${MIX_LABELS[name].padEnd(22)}${withError(pass1, stderr, formatPercent).padEnd(18)}` +
        `${tokensPerAnswer.toFixed(1)} tokens, ${(flopsPerAnswer / 1e6).toFixed(1)} MFLOP per answer`,
    ),
    "",
    ...claims.map(
      ({ claim, value, stderr, holds }) =>
        `${holds ? "holds" : "does not hold"}: ${claim}: ${value.toFixed(3)}` +
        `${stderr === null ? "" : ` ± ${stderr.toFixed(3)}`}`,
    ),
    "",
    `report:  ${shownPath(join(runDir, "report.html"))}`,
    `try it:  ${ownCommand()} run ${shownPath(runDir)}`,
  ];
}
