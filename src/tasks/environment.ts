// A task put into an environment, and the options of environments. Knows text, no tokens and no model.
import { z } from "zod";
import type { Awaitable } from "./call-limits.js";
import type { Grade, Task, TaskEnvironment } from "./task.js";

/** The options, as zod checks them. */
export const environmentSchema = z.strictObject({
  /** Maximum number of turns of the model in an episode; null uses the one of training, else 16. */
  maxTurns: z.int().min(1).nullable().default(null),
  /**
   * Time limit in seconds of each reply; null uses the one of training, else 10. An environment that exceeds it stops
   * the run and is named.
   */
  timeoutSeconds: z.number().positive().nullable().default(null),
  /** Options of the environment itself, which its module's function gets. */
  options: z.record(z.string(), z.unknown()).default({}),
});

/** Options of an environment, every default filled in. */
export type EnvironmentOptions = z.output<typeof environmentSchema>;

/** The same task, with every problem in an environment, whose instruction stands in the prompts. */
export function inEnvironment(task: Task, environment: TaskEnvironment): Task {
  const { instruction } = environment.environment;
  return {
    name: task.name,
    numProblems: task.numProblems,
    environment,
    generate: (seed, index, split) => task.generate(seed, index, split),
    hasVerifier: (problem) => task.hasVerifier?.(problem) ?? true,
    verify: (problem, answer) => task.verify(problem, answer),
    grade: task.grade && ((problem, answer) => task.grade?.(problem, answer) as Awaitable<Grade>),
    instruction: task.instruction,
    answerIn: task.answerIn && ((problem, reply) => task.answerIn?.(problem, reply) ?? null),
    sameAnswer: (problem, a, b) => task.sameAnswer?.(problem, a, b) ?? false,
    renderPrompt(problem, template) {
      const prompt = task.renderPrompt(problem, template);
      if (instruction === undefined || template === "compact") return prompt;
      return template === "plain" ? `${prompt}\n${instruction}` : `${instruction}\n${prompt}`;
    },
    validate: () => task.validate(),
  };
}
