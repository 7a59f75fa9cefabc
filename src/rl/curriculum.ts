// A curriculum by difficulty: of several problems drawn, the one is taken whose level teaches most, as the recent
// accuracy at each level tells. Plain numbers; knows no model.
import { z } from "zod";
import { ConfigError } from "../errors.js";
import type { Trajectory } from "../eval/trajectory.js";
import type { Random } from "../random.js";
import type { Problem, Task } from "../tasks/task.js";
import { weightedDraw } from "../tasks/weighted-draw.js";

/** The options, as zod checks them. */
export const curriculumSchema = z.strictObject({
  /** Number of problems drawn for each one that is taken. */
  candidates: z.int().min(2).default(4),
  /** Weight of levels that are always or never solved, relative to those solved half of the time. */
  floor: z.number().gt(0).max(1).default(0.1),
  /** Factor by which earlier results at a level lose weight with each new group of completions. */
  decay: z.number().min(0).lt(1).default(0.9),
});

/** Options of a curriculum, every default filled in. */
export type CurriculumOptions = z.output<typeof curriculumSchema>;

/** Recent results at one level: sums with decay. */
export interface LevelResults {
  readonly right: number;
  readonly seen: number;
}

/** Results by level; JSON, a part of the trainer's state. */
export type Levels = Readonly<Record<string, LevelResults>>;

/** The level of a problem: its difficulty, which in a mix is on the scale of its task. */
export const levelOf = ({ difficulty, meta: { task } }: Problem): string =>
  typeof task === "string" ? `${task}/${difficulty}` : `${difficulty}`;

/** Recent accuracy at a level, with one group at a half beforehand: a level that nobody has tried teaches most. */
export const accuracyAt = (levels: Levels, level: string): number => {
  const { right, seen } = levels[level] ?? { right: 0, seen: 0 };
  return (right + 0.5) / (seen + 1);
};

/** Takes one of some problems, with the variance of their results as weight (learnability, arXiv 2502.12272). */
export function takeOne(candidates: readonly Problem[], levels: Levels, floor: number, random: Random): Problem {
  const weights = candidates.map((problem): [Problem, number] => {
    const accuracy = accuracyAt(levels, levelOf(problem));
    return [problem, Math.max(floor, 4 * accuracy * (1 - accuracy))];
  });
  return weightedDraw(weights).draw(random);
}

/** The results after those of more groups, consecutive in `trajectories`. Problems without a verifier tell nothing. */
export function withResults(
  levels: Levels,
  task: Task,
  trajectories: readonly Trajectory[],
  numGenerations: number,
  decay: number,
): Levels {
  const results: Record<string, LevelResults> = { ...levels };
  for (let at = 0; at < trajectories.length; at += numGenerations) {
    const { problem } = trajectories[at];
    if (!(task.hasVerifier?.(problem) ?? true)) continue;
    const scores = trajectories
      .slice(at, at + numGenerations)
      .map(({ response: { answer } }) => (answer === null ? 0 : task.verify(problem, answer)));
    const accuracy = scores.reduce((a, b) => a + b, 0) / scores.length;
    const { right, seen } = results[levelOf(problem)] ?? { right: 0, seen: 0 };
    results[levelOf(problem)] = { right: decay * right + accuracy, seen: decay * seen + 1 };
  }
  return results;
}

const NUM_LOOKED_AT = 64;

/** Throws ConfigError where the first problems are all of one level: there is nothing to choose by. */
export function refuseOneLevel(task: Task, seed: number): void {
  const levels = new Set(Array.from({ length: NUM_LOOKED_AT }, (_, i) => levelOf(task.generate(seed, i, "train"))));
  if (levels.size > 1) return;
  throw new ConfigError(
    `rl.curriculum has no effect: all problems of task ${task.name} are of one difficulty (${[...levels][0]}); widen ` +
      "its options, or name the column that tells it with task.difficultyColumn",
  );
}
