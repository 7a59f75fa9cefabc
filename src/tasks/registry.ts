// Tasks by the name a recipe or the command line gives. Knows how to build each task and nothing of how it is used.
import { ConfigError } from "../errors.js";
import { createArithmeticTask } from "./arithmetic.js";
import { createCountdownTask } from "./countdown.js";
import { createGeneralTask } from "./general/general.js";
import { createKnightsAndKnavesTask } from "./knights-and-knaves.js";
import { createLinearEquationsTask } from "./linear-equations.js";
import { createLinearSystemsTask } from "./linear-systems.js";
import { createMixTask } from "./mix.js";
import type { Problem, Task } from "./task.js";
import { createWordProblemsTask } from "./word-problems/word-problems.js";

const FACTORIES = {
  countdown: createCountdownTask,
  arithmetic: createArithmeticTask,
  "linear-equations": createLinearEquationsTask,
  "linear-systems": createLinearSystemsTask,
  "knights-and-knaves": createKnightsAndKnavesTask,
  "word-problems": createWordProblemsTask,
  general: createGeneralTask,
  mix: (options: unknown): Task<Problem> => createMixTask(options, createTask),
} as const;

/** A name that `createTask` knows. */
export type TaskName = keyof typeof FACTORIES;

/** All names that `createTask` knows. */
export const TASK_NAMES = Object.keys(FACTORIES) as readonly TaskName[];

/**
 * Builds a task from a name and unchecked options; the factory checks them. @throws ConfigError for an unknown name,
 * listing the known ones
 */
export function createTask(name: string, options: unknown = {}): Task<Problem> {
  if (!Object.hasOwn(FACTORIES, name))
    throw new ConfigError(`unknown task "${name}"; known tasks: ${TASK_NAMES.join(", ")}`);
  // Safe: a task is only ever given back the problems it made itself.
  return FACTORIES[name as TaskName](options as never) as unknown as Task<Problem>;
}
