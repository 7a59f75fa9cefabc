// Sampling trajectories for problems of a task: what evaluation counts and reinforcement learning learns from. Knows
// neither.
import { withSampling } from "../inference/runtime/generate.js";
import type { LanguageModel } from "../models/language-model.js";
import type { Problem, Task, TaskEnvironment } from "../tasks/task.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { Interrupted } from "../train/interrupted.js";
import { type EpisodeStart, firstRequest, playEpisode, singleTurn } from "./episode.js";
import { type PromptStyle, prompterOf } from "./problem-prompt.js";
import { replyEncoder } from "./reply-encoding.js";
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
  /** In an environment the tokens of both sides. */
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
 * Samples `numGenerations` completions of each problem, in the task's environment where it has one; groups are
 * consecutive. Throws Interrupted when `signal` fires meanwhile, and TrainingError for an environment that fails.
 */
export async function rollout(
  policy: Policy,
  task: Task,
  problems: readonly Problem[],
  options: RolloutOptions,
): Promise<Trajectory[]> {
  const { numGenerations, seed, firstProblem = 0 } = options;
  const prompter = prompterOf(policy);
  const starts = problems.flatMap((problem, p) => {
    const prompt = prompter(task, problem);
    return Array.from({ length: numGenerations }, (_, g) => ({
      problem,
      prompt,
      seed: `${seed}/${firstProblem + p}/${g}`,
    }));
  });
  if (starts.length === 0) return [];
  try {
    const trajectories = await (task.environment
      ? playEpisodes(policy, task.environment, starts, options)
      : sampleTurns(policy, starts, options));
    if (!options.signal?.aborted) return trajectories;
  } catch (error) {
    if (!options.signal?.aborted) throw error;
  }
  throw new Interrupted(); // half-finished completions would be counted as wrong ones
}

/** One turn for each start. */
function sampleTurns(
  { model, tokenizer, stopIds }: Policy,
  starts: readonly EpisodeStart[],
  options: RolloutOptions,
): Promise<Trajectory[]> {
  const { maxNewTokens } = options;
  const sampling = { ...options, tokenizer, stopIds };
  return withSampling(model, sizesOf(starts, maxNewTokens), sampling, (sample) =>
    Promise.all(starts.map(async (start) => singleTurn(start, await sample(firstRequest(start, maxNewTokens))))),
  );
}

/** An episode for each start. */
function playEpisodes(
  { model, tokenizer, stopIds, template }: Policy,
  environment: TaskEnvironment,
  starts: readonly EpisodeStart[],
  options: RolloutOptions,
): Promise<Trajectory[]> {
  const { maxNewTokens, maxSequences } = options;
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(options.signal ? [options.signal] : [])]);
  const sizes = { ...sizesOf(starts, maxNewTokens), areContinued: true };
  const encoder = replyEncoder(tokenizer, template);
  return withSampling(model, sizes, { ...options, tokenizer, stopIds, signal }, (sample) => {
    const plan = { environment, sample, tokenizer, encoder, stopIds, maxNewTokens };
    // No more than run at once: what waits between two turns would lose its cache to what has not begun.
    return eachOf(starts, maxSequences, signal, failed, (start, own) => playEpisode(plan, start, own));
  });
}

const sizesOf = (starts: readonly EpisodeStart[], maxNewTokens: number) => ({
  numRequests: starts.length,
  maxTokens: starts.reduce((most, { prompt }) => Math.max(most, prompt.ids.length), 0) + maxNewTokens,
});

/**
 * Runs `body` for all items, at most so many at a time. The first failure fires `failed`, and is thrown when what is
 * under way has ended. Each item has a signal of its own, which `signal` fires: thousands of listeners on one would be
 * taken for a leak.
 */
async function eachOf<T, R>(
  items: readonly T[],
  atOnce: number,
  signal: AbortSignal,
  failed: AbortController,
  body: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const open = new Set<AbortController>();
  let next = 0;
  const work = async () => {
    while (next < items.length && !signal.aborted) {
      const index = next++;
      const own = new AbortController();
      open.add(own);
      try {
        results[index] = await body(items[index], own.signal);
      } catch (error) {
        failed.abort(error); // only the first one counts
      }
      open.delete(own);
    }
  };
  const abortAll = () => {
    for (const own of open) own.abort(signal.reason);
  };
  signal.addEventListener("abort", abortAll, { once: true });
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, work));
  signal.removeEventListener("abort", abortAll);
  signal.throwIfAborted();
  return results;
}
