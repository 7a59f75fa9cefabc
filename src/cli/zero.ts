// `luciole zero`: the R1-Zero recipe from the command line.
import { resumeZero, runZero, type ZeroPreset, zeroOptions } from "../../recipes/r1-zero.js";
import { Progress } from "../run/progress.js";
import { openMachine } from "../tensor/backends/machine.js";
import { Interrupted } from "../train/interrupted.js";

/** Flags as commander gives them. */
export interface ZeroFlags {
  preset: ZeroPreset;
  seed: string;
  out?: string;
  resume?: string;
  set?: string;
  json?: boolean;
}

/** Runs or resumes the recipe; prints the summary. */
export async function zero(flags: ZeroFlags): Promise<void> {
  const options = zeroOptions(flags.preset, JSON.parse(flags.set ?? "{}"));
  const machine = await openMachine();
  const controller = new AbortController();
  process.on("SIGINT", () => controller.abort());
  const common = {
    progress: new Progress({ json: flags.json }),
    signal: controller.signal,
    machine: { ...machine, peakFlops: machine.peakFlops(options.compute) },
    notice: console.error,
  };
  try {
    const summary = flags.resume ? await resumeZero(flags.resume, common) : await runZero({ ...common, options, seed: Number(flags.seed), out: flags.out });
    console.log(JSON.stringify(summary));
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    console.error("stopped; saved");
    process.exitCode = 130;
  }
}
