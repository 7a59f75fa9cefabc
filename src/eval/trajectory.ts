// What a rollout leaves behind: token ids, log-probabilities, rewards. Text is never tokenised again.
import type { StopReason } from "../inference/generate.js";
import type { Problem } from "../tasks/task.js";

/** One sampled completion of one problem. */
export interface Trajectory {
  readonly problem: Problem;
  readonly prompt: string;
  readonly promptIds: Int32Array;
  readonly completionIds: Int32Array;
  readonly completion: string;
  /** The sampler's log-probabilities of the completion's tokens. */
  readonly logProbs: Float32Array;
  readonly stopReason: StopReason;
}
