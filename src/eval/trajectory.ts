// What a rollout leaves behind: token ids, log-probabilities, rewards. Text is never tokenised again.
import type { FinishReason } from "../inference/runtime/request.js";
import type { ParsedResponse } from "../tasks/response.js";
import type { Problem, SpokenTurn } from "../tasks/task.js";
import type { TokenSequence } from "../train/completion-log-probs.js";
import type { SampledResponse } from "./evaluate.js";

/** What one side said in its turn, with its tokens. */
export interface Turn extends SpokenTurn {
  readonly ids: Int32Array;
}

/**
 * One sampled completion of one problem. In an environment it is the model's side alone: what is said here of tokens
 * and text leaves out the replies, which only `turns` tell.
 */
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
  /** Both sides, in the order of the sequence; absent without an environment. */
  readonly turns?: readonly Turn[];
}

/** The tokens as the model saw them: prompt, then both sides' turns. */
export function sequenceOf({ promptIds, completionIds, turns }: Trajectory): TokenSequence {
  const parts = turns ?? [{ from: "model" as const, ids: completionIds }];
  const numTokens = parts.reduce((sum, { ids }) => sum + ids.length, promptIds.length);
  const [ids, targets] = [new Int32Array(numTokens), new Int32Array(completionIds.length)];
  ids.set(promptIds);
  let [at, numOwn] = [promptIds.length, 0];
  for (const part of parts) {
    ids.set(part.ids, at);
    if (part.from === "model") for (let i = 0; i < part.ids.length; i++) targets[numOwn++] = at + i;
    at += part.ids.length;
  }
  return { ids, targets };
}

/** Both sides' words for a record; nothing without an environment. */
export const spokenTurns = ({ turns }: Trajectory): { readonly turns?: readonly SpokenTurn[] } =>
  turns ? { turns: turns.map(({ from, text }) => ({ from, text })) } : {};

/** What of a trajectory is counted and kept. */
export function responseOf(trajectory: Trajectory): SampledResponse {
  const { completion: text, response, numThinking, completionIds, finishReason } = trajectory;
  const { answer, wellFormed } = response;
  const numTokens = completionIds.length;
  return { text, answer, wellFormed, numThinking, numTokens, finishReason, ...spokenTurns(trajectory) };
}
