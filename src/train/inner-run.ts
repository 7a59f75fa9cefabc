// A run inside a run: with its own directory, checkpoints and report, begun by a stage of the run around it.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RunSummary, TrainingSummary } from "../run/records.js";
import { readRun } from "../run/run-directory.js";
import type { RunContext } from "./run-context.js";

/**
 * Performs the run in `path`: from its beginning, from where it stopped, or not at all where it is finished; gives its
 * summary. `context` is that of the run around it. Throws what `perform` throws.
 */
export async function innerRun<S extends RunSummary | TrainingSummary>(
  context: RunContext,
  path: string,
  perform: (context: RunContext) => Promise<S>,
): Promise<S> {
  if (existsSync(join(path, "summary.json"))) {
    const { summary, training } = readRun(path);
    // Safe: the run in `path` is one that `perform` made.
    return (summary ?? training) as S;
  }
  return perform({ ...context, path, resumes: existsSync(join(path, "config.json")) });
}
