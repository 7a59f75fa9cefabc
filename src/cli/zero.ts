// `luciole zero`: the R1-Zero recipe from the command line.
import { resumeZero, runZero, ZERO_PRESETS, type ZeroPreset, zeroOptions } from "../../recipes/r1-zero.js";
import { readRun, readRunConfig } from "../run/run-directory.js";
import { isFinished, performRun, type RunContext, type RunFlags, refuseBesideResume, writeResult } from "./run-verb.js";
import { applySettings } from "./settings.js";
import { summaryLines } from "./summary-table.js";

/** Flags as commander gives them. */
export interface ZeroFlags extends RunFlags {
  readonly preset?: ZeroPreset;
}

/** Runs or resumes the recipe; prints before and after. */
export async function zero(flags: ZeroFlags): Promise<void> {
  refuseBesideResume(flags, ["preset"]);
  const finished =
    flags.resume && readRunConfig(flags.resume) && isFinished(flags.resume) ? readRun(flags.resume).summary : undefined;
  if (finished) process.stderr.write("this run is already finished\n");
  const summary = finished ?? (await (flags.resume ? resume(flags) : begin(flags)));
  writeResult(flags.json, summary, () => summaryLines(summary, "3 5 8 = 23"));
}

function begin(flags: ZeroFlags) {
  const preset = flags.preset ?? "tiny";
  // Read before the machine is opened: a wrong key is said at once.
  const options = zeroOptions(preset, applySettings(ZERO_PRESETS[preset], flags));
  return performRun("zero", flags, (context) =>
    runZero({ ...request(context), options, seed: context.seed, out: context.path }),
  );
}

function resume(flags: ZeroFlags) {
  return performRun("zero", flags, (context) => resumeZero(context.path, request(context)));
}

const request = ({ progress, signal, machine, notice }: RunContext) => ({ progress, signal, machine, notice });
