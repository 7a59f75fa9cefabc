// Several tasks as one: each problem comes from one of them, drawn by weight. Knows tasks by name only; how they are
// made is given.
import { z } from "zod";
import { ConfigError, didYouMean } from "../errors.js";
import { Random } from "../random.js";
import { parseOptions, weightsSchema } from "./options.js";
import { type Problem, sameAnswer, type Task } from "./task.js";
import { validateTask } from "./validate-task.js";
import { weightedDraw } from "./weighted-draw.js";

/** Tasks with verifiers and an endless supply of problems; a mix holds them all by default. */
export const REASONING_TASKS = [
  "countdown",
  "arithmetic",
  "linear-equations",
  "linear-systems",
  "knights-and-knaves",
  "word-problems",
] as const;
/** Tasks that can be mixed. */
export const MIXED_TASKS = [...REASONING_TASKS, "general"] as const;

/** The options, as zod checks them. */
export const mixSchema = z.strictObject({
  /**
   * Weights of the tasks by name: `{"countdown": 1, "word-problems": 2}`. Tasks that are left out do not occur; by
   * default all but `general` do.
   */
  weights: weightsSchema.default(Object.fromEntries(REASONING_TASKS.map((name) => [name, 1]))),
  /** Options of the tasks by name: `{"arithmetic": {"maxDigits": 2}}`. */
  options: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
});

/** Knobs of the task; every one has a default. */
export type MixOptions = z.input<typeof mixSchema>;

/** The name of the task that a problem of a mix comes from. */
export const taskNameOf = ({ meta }: Problem): string => `${meta.task}`;

function checkNames(given: readonly string[], known: readonly string[], option: string): void {
  const unknown = given.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new ConfigError(
      `task mix: option "${option}": expected ${known.join(", ")}, got "${unknown}"${didYouMean(unknown, known)}`,
    );
}

/**
 * The mix. Its problems are those of the tasks, with the task's name in `meta.task` and before the id; `make` builds a
 * task by name. @throws ConfigError on unknown tasks or bad options of one
 */
export function createMixTask(
  input: unknown,
  make: (name: string, options: Readonly<Record<string, unknown>>) => Task<Problem>,
): Task<Problem> {
  const { weights, options } = parseOptions(mixSchema, input, "task mix");
  checkNames(Object.keys(weights), MIXED_TASKS, "weights");
  const names = Object.keys(weights).filter((name) => weights[name] > 0);
  checkNames(Object.keys(options), names, "options");
  const tasks = new Map(names.map((name) => [name, make(name, options[name] ?? {})]));
  const taskOf = (problem: Problem): Task<Problem> => tasks.get(taskNameOf(problem)) as Task<Problem>;
  const drawName = weightedDraw(Object.entries(weights));
  const mix: Task<Problem> = {
    name: "mix",
    generate(seed, index, split) {
      const name = drawName.draw(new Random(seed).fork("mix").fork(split).fork(index));
      const problem = (tasks.get(name) as Task<Problem>).generate(seed, index, split);
      return { ...problem, id: `${name}/${problem.id}`, meta: { ...problem.meta, task: name } };
    },
    hasVerifier(problem) {
      return taskOf(problem).hasVerifier?.(problem) ?? true;
    },
    verify: (problem, answerText) => taskOf(problem).verify(problem, answerText),
    sameAnswer: (problem, a, b) => sameAnswer(taskOf(problem), problem, a, b),
    renderPrompt: (problem, template) => taskOf(problem).renderPrompt(problem, template),
    validate: () => validateTask(mix),
  };
  return mix;
}
