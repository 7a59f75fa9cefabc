// What a run is given to work with, and how its directory is opened: a new one when the run begins, or that of the run
// that goes on. Knows no stage.
import type { Machine } from "../backends/machine.js";
import type { LoadedCheckpoint } from "../checkpoint/index.js";
import type { Fingerprints } from "../run/fingerprints.js";
import type { MetricsFollower, MetricsLog } from "../run/metrics-log.js";
import { RunDirectory } from "../run/run-directory.js";
import type { Progress } from "../terminal/progress.js";
import { reopenRun } from "./reopen.js";
import type { SessionParts } from "./session.js";

/** What a run is given to work with. */
export interface RunContext {
  /** The run's directory, to be made or to be gone on with. */
  readonly path: string;
  readonly resumes: boolean;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly machine: Pick<Machine, "isa" | "threads" | "peakFlops">;
  /** Receives one-line warnings, such as of a damaged checkpoint that was passed over. */
  readonly notice: (line: string) => void;
  /** Go on although files that decide the run have changed. */
  readonly acceptChanges: boolean;
  /** Other programs that follow the metrics. */
  readonly logs?: readonly MetricsLog[];
}

/** What config.json says of a new run. */
export interface RunRecord {
  readonly seed: number;
  readonly options: Readonly<Record<string, unknown>>;
  readonly fingerprints?: Fingerprints;
  /** The type that the run computes in. */
  readonly compute: "f32" | "bf16";
}

/** A run whose stages are being prepared. */
export interface OpenedRun {
  /** Where a run that goes on stands; undefined for one that has nothing saved yet. */
  readonly checkpoint?: LoadedCheckpoint;
  /** Makes the run's directory unless it is there, and gives what every session needs of the run. */
  begin(record: RunRecord): Pick<SessionParts, "run" | "seed" | "progress" | "signal" | "peakFlops">;
}

/**
 * Opens the run that goes on, or prepares a new one, for as long as `body` takes. The directory of a new run is only
 * made by `begin`: a run that is refused before leaves nothing.
 */
export async function withRun<R>(
  verb: string,
  context: RunContext,
  body: (opened: OpenedRun) => Promise<R>,
): Promise<R> {
  const { path, progress, signal, machine, logs = [], notice } = context;
  const reopened = context.resumes ? await reopenRun(path, verb, context) : undefined;
  let run = reopened?.run;
  let followers: readonly MetricsFollower[] | undefined;
  const begin = ({ compute, ...record }: RunRecord) => {
    run ??= RunDirectory.create({ verb, path, ...record, isa: machine.isa, threads: machine.threads });
    followers ??= run.follow(logs, notice);
    return { run, seed: record.seed, progress, signal, peakFlops: machine.peakFlops(compute) };
  };
  try {
    return await body({ checkpoint: reopened?.checkpoint, begin });
  } finally {
    run?.close();
    await Promise.all((followers ?? []).map((follower) => follower.close()));
  }
}
