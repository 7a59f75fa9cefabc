// What the runtime sees of a model: steps over a paged cache, given as host arrays. Knows no weights, no attention, no
// requests.
import type { StepRows } from "../../nn/batch.js";
import type { Tensor } from "../../tensor/tensor.js";

/** One step of the model. */
export interface StepPlan extends StepRows {
  /** Rows of the T, rising, whose logits are wanted; [R], perhaps none. */
  readonly logitRows: Int32Array;
}

/**
 * One step of the multi-token-prediction layer. Its row for position i joins the main model's hidden state of position
 * i with the token of position i + 1 and predicts that of i + 2; its cache entry lies where position i's does, in a
 * cache of its own with the same block ids.
 */
export interface DraftPlan extends StepRows {
  /** For each row, the row of the last `step` whose hidden state it takes, [T]; `ids` holds the tokens one place on. */
  readonly hiddenRows: Int32Array;
  /** Rows of the T, rising, whose predictions are wanted; [R], perhaps none. */
  readonly draftRows: Int32Array;
}

/** Drafting by the model's own multi-token-prediction layer. */
export interface MtpRunner {
  /**
   * The likeliest tokens after next at `draftRows`, i32 [R], owned by the caller's scope. Called at most once after
   * each `step`.
   */
  draft(plan: DraftPlan): Tensor;
}

/**
 * A model over a paged cache of `numBlocks` blocks of `blockSize` tokens. A row's logits depend, to the bit, on the
 * tokens its sequence sees, on which of them were computed as prompt, and on its adapter; not on neighbours, block ids
 * or how the tokens were cut into steps.
 */
export interface ModelRunner {
  readonly vocabSize: number;
  /** Longest sequence the model takes. */
  readonly maxPositions: number;
  readonly blockSize: number;
  readonly numBlocks: number;
  /** Names of the adapters over the model, in the order of their indexes in a plan. Default: none. */
  readonly adapters?: readonly string[];
  /**
   * Whether prompt and generation paths give the same bits (attention over heads), so that generated blocks may serve
   * later prompts. Default false.
   */
  readonly pathsAgree?: boolean;
  /**
   * Writes the new tokens' cache entries and returns logits f32 [R,V] of `logitRows`, owned by the caller's scope,
   * which may change them. Keeps hidden states for `mtp`.
   */
  step(plan: StepPlan): Tensor;
  /** The hidden state [1,d] of the last token of a prompt, computed without the cache; owned by the caller's scope. */
  promptState?(prompt: ArrayLike<number>): Tensor;
  /**
   * Why logits of `plan`, which was the last step, are NaN or infinite, naming the weight or the layer; null where that
   * cannot be told. Steps again.
   */
  explainNonFinite?(plan: StepPlan): Promise<string | null>;
  /** Present where the model has a multi-token-prediction layer. */
  readonly mtp?: MtpRunner;
}
