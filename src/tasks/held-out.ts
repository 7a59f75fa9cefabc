// The held-out problems of an evaluation, drawn without replacement: each counts once. Knows no model.
import { ConfigError } from "../errors.js";
import type { Problem, Task } from "./task.js";

/** How many held-out problems to take; `all` is for tasks with a fixed list. */
export type ProblemCount = number | "all";

/** A generator that gave nothing new in so many draws is taken to have no more. */
const MAX_REPEATS = 1000;

/**
 * The first `count` distinct held-out problems of a seed, in the task's order; fewer where the task has no more.
 * @throws ConfigError when the task holds out nothing, or `all` is asked of a task without a fixed list
 */
export function heldOutProblems(task: Task, seed: number, count: ProblemCount): Problem[] {
  const listed = task.numProblems?.heldout;
  if (listed === 0)
    throw new ConfigError(
      `task ${task.name}: no problems are held out; set heldOutFraction above 0 (1 holds out all of them)`,
    );
  if (count === "all" && listed === undefined)
    throw new ConfigError(
      `task ${task.name}: the number of problems is unlimited, so "all" cannot be evaluated; give a number`,
    );
  const [wanted, limit] = [count === "all" ? Number.POSITIVE_INFINITY : count, listed ?? Number.POSITIVE_INFINITY];
  const byId = new Map<string, Problem>();
  for (let index = 0, repeats = 0; byId.size < wanted && index < limit && repeats < MAX_REPEATS; index++, repeats++) {
    const problem = task.generate(seed, index, "heldout");
    if (byId.has(problem.id)) continue;
    byId.set(problem.id, problem);
    repeats = 0;
  }
  return [...byId.values()];
}

/** One line for the person who asked for more problems than there are; null when there were enough. */
export function shortfall(task: Task, asked: ProblemCount, found: number): string | null {
  if (asked === "all" || found >= asked) return null;
  const mend = task.numProblems?.train ? " (heldOutFraction=1 holds out every line)" : "";
  return (
    `task ${task.name} has ${found} distinct held-out problem${found === 1 ? "" : "s"}, not the ${asked} ` +
    `asked for; each is counted once${mend}`
  );
}
