// Sampling trajectories for problems of a task: what evaluation counts and reinforcement learning learns from. Knows neither.
import { generate } from "../inference/generate.js";
import type { LanguageModel } from "../models/language-model.js";
import { hashString } from "../random.js";
import { opensThought } from "../tasks/response.js";
import type { Problem, PromptTemplate, Task } from "../tasks/task.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { Interrupted } from "../train/interrupted.js";
import type { Trajectory } from "./trajectory.js";

/** What samples: a model and how its text becomes tokens. */
export interface Policy {
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  readonly template: PromptTemplate;
  /** Tokens that end a completion. */
  readonly stopIds: readonly number[];
}

/** How trajectories are drawn. */
export interface RolloutOptions {
  readonly numGenerations: number;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topP?: number;
  readonly slots: number;
  /** Trajectory g of the n-th problem draws from the seed (seed, n, g). */
  readonly seed: number;
  /** n of the first problem; default 0. So that problems sampled in several calls are sampled as in one. */
  readonly firstProblem?: number;
  readonly signal?: AbortSignal;
}

/** Samples `numGenerations` completions of each problem; groups are consecutive. Throws Interrupted when `signal` fires meanwhile. */
export async function rollout(policy: Policy, task: Task, problems: readonly Problem[], options: RolloutOptions): Promise<Trajectory[]> {
  const { numGenerations, maxNewTokens, temperature, topP, slots, seed, firstProblem = 0, signal } = options;
  const prompts = problems.map((problem) => task.renderPrompt(problem, policy.template));
  const { tokenizer, stopIds } = policy;
  const promptIds = prompts.map((prompt) => tokenizer.encode(prompt, { addSpecialTokens: true }));
  const requests = problems.flatMap((_, p) =>
    Array.from({ length: numGenerations }, (_, g) => ({
      prompt: promptIds[p],
      form: "tagged" as const,
      thinking: { startsInside: opensThought(prompts[p]) },
      seed: hashString(`${seed}/${firstProblem + p}/${g}`),
      maxNewTokens,
    })),
  );
  const completions = await generate(policy.model, requests, { temperature, topP, slots, stopIds, tokenizer, signal });
  if (signal?.aborted) throw new Interrupted(); // half-finished completions would be counted as wrong ones
  return completions.map(({ ids: completionIds, response, ...rest }, i) => {
    const p = Math.floor(i / numGenerations);
    return { problem: problems[p], prompt: prompts[p], promptIds: promptIds[p], completionIds, completion: response.text, response, ...rest };
  });
}
