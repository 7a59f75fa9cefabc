// Sampling trajectories for problems of a task: what evaluation counts and reinforcement learning learns from. Knows
// neither.
import { type Sample, withSampling } from "../inference/runtime/generate.js";
import type { LanguageModel } from "../models/language-model.js";
import { withAnswer } from "../tasks/response.js";
import type { Problem, Task } from "../tasks/task.js";
import { eachOf, uninterrupted } from "./each-of.js";
import { type EpisodeStart, firstRequest, playEpisode, singleTurn } from "./episode.js";
import { type ProblemPrompt, type Prompting, prompterOf } from "./problem-prompt.js";
import { replyEncoder } from "./reply-encoding.js";
import type { Trajectory } from "./trajectory.js";

/** What samples: a model, how its text becomes tokens, and how problems are put to it. */
export interface Policy extends Prompting {
  readonly model: LanguageModel;
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
      task,
      problem,
      prompt,
      seed: `${seed}/${firstProblem + p}/${g}`,
    }));
  });
  if (starts.length === 0) return [];
  if (!task.environment) return uninterrupted(options.signal, () => sampleTurns(policy, starts, options));
  const trajectories: Trajectory[] = new Array(starts.length);
  await playEach(policy, starts, options, (trajectory, index) => {
    trajectories[index] = trajectory;
  });
  return trajectories;
}

/** Where a trajectory begins, and the task whose problem it is about. */
export interface TrajectoryStart extends EpisodeStart {
  readonly task: Task;
}

/** How trajectories are played one by one. */
export interface PlayOptions extends Omit<RolloutOptions, "numGenerations" | "seed" | "firstProblem"> {
  /** Whether more is sampled from where trajectories stopped, whose cached blocks then serve again; default: no. */
  readonly areContinued?: boolean;
}

/**
 * Samples a trajectory from each start, so many at a time on one engine, and hands each over as soon as it has ended,
 * with the means to sample more where it stopped. Throws as `rollout`.
 */
export async function playEach(
  policy: Policy,
  starts: readonly TrajectoryStart[],
  options: PlayOptions,
  take: (trajectory: Trajectory, index: number, sample: Sample) => void | Promise<void>,
): Promise<void> {
  const { model, tokenizer, stopIds, template } = policy;
  const { maxNewTokens, maxSequences } = options;
  const hasEnvironment = starts.some(({ task }) => task.environment);
  const areContinued = hasEnvironment || options.areContinued;
  const sizes = { ...sizesOf(starts, maxNewTokens), areContinued };
  const encoder = hasEnvironment ? replyEncoder(tokenizer, template) : null;
  await uninterrupted(options.signal, () =>
    eachOf(starts, maxSequences, options.signal, (work, signal) =>
      withSampling(model, sizes, { ...options, tokenizer, stopIds, signal }, (sample) => {
        // No more than run at once: what waits between two turns would lose its cache to what has not begun.
        return work(async (start, index, own) => {
          const { environment } = start.task;
          const trajectory =
            environment && encoder
              ? await playEpisode({ environment, sample, tokenizer, encoder, stopIds, maxNewTokens }, start, own)
              : singleTurn(start, await sample(firstRequest(start, maxNewTokens)));
          if (trajectory.finishReason !== "cancelled") await take(answered(start, trajectory), index, sample);
        });
      }),
    ),
  );
}

/** What says where an answer stands. */
export interface AnsweredBy extends Pick<TrajectoryStart, "task" | "problem"> {
  readonly prompt: Pick<ProblemPrompt, "form">;
}

/** With the answer where the task finds it, unless an environment gave one. */
export function answered({ task, problem, prompt }: AnsweredBy, trajectory: Trajectory): Trajectory {
  const { response, turns } = trajectory;
  if (!task.answerIn || turns) return trajectory;
  return { ...trajectory, response: withAnswer(response, prompt.form, task.answerIn(problem, response.reply)) };
}

/** One turn for each start. */
function sampleTurns(
  { model, tokenizer, stopIds }: Policy,
  starts: readonly TrajectoryStart[],
  options: RolloutOptions,
): Promise<Trajectory[]> {
  const { maxNewTokens } = options;
  const sampling = { ...options, tokenizer, stopIds };
  return withSampling(model, sizesOf(starts, maxNewTokens), sampling, (sample) =>
    Promise.all(
      starts.map(async (start) => answered(start, singleTurn(start, await sample(firstRequest(start, maxNewTokens))))),
    ),
  );
}

const sizesOf = (starts: readonly EpisodeStart[], maxNewTokens: number) => ({
  numRequests: starts.length,
  maxTokens: starts.reduce((most, { prompt }) => Math.max(most, prompt.ids.length), 0) + maxNewTokens,
});
