// What a reward function is: what it sees of a completion, and what it says. Knows no task, no policy and no algorithm.
import type { Awaitable } from "./call-limits.js";
import type { ParsedResponse } from "./response.js";
import type { Problem, SpokenTurn } from "./task.js";

/**
 * One completion as a reward function sees it. Every function sees copies of its own: it may change them without
 * changing what is learnt.
 */
export interface RewardSample {
  readonly prompt: string;
  /** In an environment the model's side alone. */
  readonly completion: string;
  /** What both sides said, in order, where an environment answered; empty without one. */
  readonly turns: readonly SpokenTurn[];
  /** Token ids of the completion, without prompt and padding. */
  readonly completionIds: ArrayLike<number>;
  /** Text of the thinking block; null when there is none. */
  readonly think: string | null;
  /** Text between the answer tags; null when there is none. */
  readonly answer: string | null;
  readonly wellFormed: boolean;
  /** The tags of the response in order, one that the prompt opened with first. */
  readonly tags: ParsedResponse["tags"];
  readonly problem: Problem;
  /** The problem's fields by name; for a data set, every column of its line. */
  readonly columns: Readonly<Record<string, unknown>>;
  /**
   * Logs a metric; the mean over all samples of the step is reported. The names of the trainer's own metrics are
   * refused.
   */
  log(metric: string, value: number): void;
}

/** A finite number, or null for "does not apply to this sample". */
export type RewardValue = number | null;

/** Scores one sample. Any plain function will do; its name names the metric. */
export type SampleReward = (sample: RewardSample) => Awaitable<RewardValue>;

/** Scores all samples at once, one value each, in order; made by `batchReward`. */
export interface BatchReward {
  readonly name: string;
  // An object, not a second function type: so the parameters of a plain function are inferred where one is written in
  // place.
  readonly scoreBatch: (samples: readonly RewardSample[]) => Awaitable<readonly RewardValue[]>;
}

/** A reward of one sample, or of the whole batch at once. */
export type RewardFunction = SampleReward | BatchReward;
