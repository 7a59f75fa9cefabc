// Stops a running command at a moment of its own log, or at random ones, and goes on with it until it is done.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Ended, luciole, start } from "./command.js";

const POLL_MS = 5;

/** Counts the lines of a run's metrics so far, of one phase; reads them again only when the file has grown. */
function stepCounter(run: string, phase: string): () => number {
  const file = join(run, "metrics.jsonl");
  let seen = 0;
  let count = 0;
  return () => {
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (size !== seen) count = readFileSync(file, "utf8").split(`"phase":"${phase}"`).length - 1;
    seen = size;
    return count;
  };
}

/** Runs a command and sends `signal` once its run has logged so many steps of a phase. Throws when it ended before. */
export async function stopAt(
  args: readonly string[],
  run: string,
  phase: string,
  steps: number,
  signal: NodeJS.Signals,
): Promise<Ended> {
  const { child, ended } = start(args);
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  const numSteps = stepCounter(run, phase);
  while (!isOver && numSteps() < steps) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  if (isOver)
    throw new Error(`luciole ${args.join(" ")} ended before step ${steps} of ${phase}: ${JSON.stringify(await ended)}`);
  child.kill(signal);
  return ended;
}

/** Resumes a run again and again, killing it after so many milliseconds each time, and the last time lets it finish. */
export async function resumeThroughKills(verb: string, run: string, delaysMs: readonly number[]): Promise<Ended> {
  for (const delayMs of delaysMs) {
    const { child, ended } = start([verb, "--resume", run, "--json"]);
    const timer = setTimeout(() => child.kill("SIGKILL"), delayMs);
    const { code } = await ended;
    clearTimeout(timer);
    if (code === 0) break;
  }
  return luciole([verb, "--resume", run, "--json"]);
}
