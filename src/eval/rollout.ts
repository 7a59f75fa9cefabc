// Sampling trajectories for problems of a task: what evaluation counts and reinforcement learning learns from. Knows
// neither.
import { generate } from "../inference/runtime/generate.js";
import type { LanguageModel } from "../models/language-model.js";
import { hashString } from "../random.js";
import type { Problem, Task } from "../tasks/task.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { Interrupted } from "../train/interrupted.js";
import { type PromptStyle, prompterOf } from "./problem-prompt.js";
import type { Trajectory } from "./trajectory.js";

/** What samples: a model and how its text becomes tokens. */
export interface Policy {
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  /** How problems are put to it. */
  readonly template: PromptStyle;
  /** Tokens that end a completion. */
  readonly stopIds: readonly number[];
}

/** How trajectories are drawn. */
export interface RolloutOptions {
  readonly numGenerations: number;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topP?: number;
  readonly topK?: number;
  /** Completions generated at the same time, at most. */
  readonly maxSequences: number;
  /** Trajectory g of the n-th problem draws from the seed (seed, n, g). */
  readonly seed: number;
  /** n of the first problem; default 0. So that problems sampled in several calls are sampled as in one. */
  readonly firstProblem?: number;
  /**
   * Memory for the cache at most; where not all sequences fit into it, they wait for each other. Default: no bound.
   */
  readonly maxCacheBytes?: number;
  readonly signal?: AbortSignal;
}

/**
 * Samples `numGenerations` completions of each problem; groups are consecutive. Throws Interrupted when `signal` fires
 * meanwhile.
 */
export async function rollout(
  policy: Policy,
  task: Task,
  problems: readonly Problem[],
  options: RolloutOptions,
): Promise<Trajectory[]> {
  const {
    numGenerations,
    maxNewTokens,
    temperature,
    topP,
    topK,
    maxSequences,
    seed,
    firstProblem = 0,
    maxCacheBytes,
    signal,
  } = options;
  const { tokenizer, stopIds } = policy;
  const prompter = prompterOf(policy);
  const prompts = problems.map((problem) => prompter(task, problem));
  const requests = prompts.flatMap(({ ids, form, startsInside }, p) =>
    Array.from({ length: numGenerations }, (_, g) => ({
      prompt: ids,
      form,
      thinking: { startsInside },
      seed: hashString(`${seed}/${firstProblem + p}/${g}`),
      maxNewTokens,
    })),
  );
  const completions = await generate(policy.model, requests, {
    temperature,
    topP,
    topK,
    maxSequences,
    stopIds,
    tokenizer,
    maxCacheBytes,
    signal,
  });
  if (signal?.aborted) throw new Interrupted(); // half-finished completions would be counted as wrong ones
  return completions.map(
    ({ ids: completionIds, text: completion, response, logProbs, numThinking, finishReason }, i) => {
      const p = Math.floor(i / numGenerations);
      const { text: prompt, ids: promptIds } = prompts[p];
      const read = { completion, response, numThinking };
      return { problem: problems[p], prompt, promptIds, completionIds, ...read, logProbs, finishReason };
    },
  );
}
