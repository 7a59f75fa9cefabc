// `luciole zero`: the R1-Zero recipe from the command line.
import { runZero, ZERO_PRESETS, type ZeroPreset, zeroOptions } from "../../recipes/r1-zero.js";
import { configOfRun } from "../train/reopen.js";
import { finishedRun, performRun, type RunFlags, refuseBesideResume, writeResult } from "./run-verb.js";
import { applySettings } from "./settings.js";
import { summaryLines } from "./summary-table.js";

/** Flags as commander gives them. */
export interface ZeroFlags extends RunFlags {
  readonly preset?: ZeroPreset;
}

/** Runs or resumes the recipe; prints before and after. */
export async function zero(flags: ZeroFlags): Promise<void> {
  refuseBesideResume(flags, ["preset"]);
  const { options, seed } = flags.resume === undefined ? requestOf(flags) : recordedRequest(flags.resume);
  const summary =
    finishedRun(flags.resume)?.summary ??
    (await performRun("zero", flags, (context) => runZero(options, seed, context)));
  writeResult(flags.json, summary, () => summaryLines(summary, "3 5 8 = 23"));
}

function requestOf({ preset = "tiny", seed = 0, ...flags }: ZeroFlags) {
  return { options: zeroOptions(applySettings(ZERO_PRESETS[preset], flags)), seed };
}

function recordedRequest(path: string) {
  const { options, seed } = configOfRun(path, "zero");
  return { options: zeroOptions(options), seed };
}
