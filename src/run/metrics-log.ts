// Other programs that follow a run's metrics, each through a log of its own. Knows metrics.jsonl's lines, and neither
// program's form.
import type { MetricsRecord } from "./records.js";

/** Takes the lines of a run's metrics as they are written. */
export interface MetricsFollower {
  take(record: MetricsRecord): void;
  /** Resolves when all has arrived. */
  close(): Promise<void>;
}

/** What a log is told of the run that begins or goes on. */
export interface FollowedRun {
  readonly path: string;
  readonly config: { readonly verb: string; readonly options: Readonly<Record<string, unknown>> };
  /** The lines that are there already: none of a new run, those up to its checkpoint of one that goes on. */
  readonly past: readonly MetricsRecord[];
  /** Receives one-line warnings. */
  readonly notice: (line: string) => void;
}

/** A program's log. */
export interface MetricsLog {
  begin(run: FollowedRun): MetricsFollower;
}

/** What of a line is no figure. */
const MARKS = new Set(["phase", "stage", "model", "step", "time"]);

/**
 * The figures of a line by name, each behind its phase, stage and evaluated model: `rl/reward`, `eval/base/pass1`. Of a
 * list (the load of experts) the largest is told; what was not measured is left out.
 */
export function figuresOf(record: MetricsRecord): [name: string, value: number][] {
  const { phase, stage, model } = record;
  const prefix = [phase, stage, model].filter((part) => typeof part === "string").join("/");
  return Object.entries(record).flatMap(([name, value]): [string, number][] => {
    if (MARKS.has(name) || value === null || value === undefined) return [];
    if (Array.isArray(value)) return [[`${prefix}/${name}/max`, Math.max(...(value as readonly number[]))]];
    return [[`${prefix}/${name}`, Number(value)]]; // also the names of values that are not finite
  });
}
