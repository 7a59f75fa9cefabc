// What a rollout leaves behind: token ids, log-probabilities, rewards. Text is never tokenised again.
import type { FinishReason } from "../inference/runtime/request.js";
import type { ParsedResponse } from "../tasks/response.js";
import type { Problem } from "../tasks/task.js";
import type { SampledResponse } from "./evaluate.js";

/** One sampled completion of one problem. */
export interface Trajectory {
  readonly problem: Problem;
  readonly prompt: string;
  readonly promptIds: Int32Array;
  readonly completionIds: Int32Array;
  readonly completion: string;
  /** The completion taken apart, as it was read from its tokens. */
  readonly response: ParsedResponse;
  /** Tokens of thought, the tags not included. */
  readonly numThinking: number;
  /** The sampler's log-probabilities of the completion's tokens. */
  readonly logProbs: Float32Array;
  readonly finishReason: FinishReason;
}

/** What of a trajectory is counted and kept. */
export const responseOf = ({
  completion,
  response: { answer, wellFormed },
  numThinking,
}: Trajectory): SampledResponse => ({
  text: completion,
  answer,
  wellFormed,
  numThinking,
});
