// What the runtime sees of a model: steps over a paged cache, given as host arrays. Knows no weights, no attention, no requests.
import type { Tensor } from "../tensor/tensor.js";

/** S sequences' new tokens, packed, and where their cache entries lie. All arrays are read before the call returns; the caller reuses them. */
export interface PagedRows {
  /** New tokens, i32 [T], sequence after sequence. */
  readonly ids: Int32Array;
  /** Each token's place in its sequence, [T]; consecutive within a sequence. */
  readonly positions: Int32Array;
  /** Block that takes each token's cache entry, [T]. */
  readonly blockIds: Int32Array;
  /** Place of the entry within its block, [T]: positions mod blockSize. */
  readonly blockOffsets: Int32Array;
  /** Blocks of each sequence in order of position, [S, maxBlocks] row-major; entries behind a sequence's last block are 0. */
  readonly blockTables: Int32Array;
  readonly maxBlocks: number;
  /** Sequence s has rows cuQueries[s] … cuQueries[s+1] of the T, [S+1]. */
  readonly cuQueries: Int32Array;
  /** Tokens each sequence sees including its new ones, [S]: the last new token stands at contextLengths[s] − 1. */
  readonly contextLengths: Int32Array;
  /** The first numPrefill sequences are pieces of prompts (MLA: expanded); the rest generate, verify drafts or replay what was generated (MLA: absorbed). */
  readonly numPrefill: number;
}

/** One step of the model. */
export interface StepPlan extends PagedRows {
  /** Rows of the T, rising, whose logits are wanted; [R], perhaps none. */
  readonly logitRows: Int32Array;
}

/**
 * One step of the multi-token-prediction layer. Its row for position i joins the main model's hidden state of position i with the token of
 * position i + 1 and predicts that of i + 2; its cache entry lies where position i's does, in a cache of its own with the same block ids.
 */
export interface DraftPlan extends PagedRows {
  /** For each row, the row of the last `step` whose hidden state it takes, [T]; `ids` holds the tokens one place on. */
  readonly hiddenRows: Int32Array;
  /** Rows of the T, rising, whose predictions are wanted; [R], perhaps none. */
  readonly draftRows: Int32Array;
}

/** Drafting by the model's own multi-token-prediction layer. */
export interface MtpRunner {
  /** The likeliest tokens after next at `draftRows`, i32 [R], owned by the caller's scope. Called at most once after each `step`. */
  draft(plan: DraftPlan): Tensor;
}

/**
 * A model over a paged cache of `numBlocks` blocks of `blockSize` tokens. A row's logits depend, to the bit, on the tokens its sequence sees and
 * on which of them were computed as prompt; not on neighbours, block ids or how the tokens were cut into steps.
 */
export interface ModelRunner {
  readonly vocabSize: number;
  /** Longest sequence the model takes. */
  readonly maxPositions: number;
  readonly blockSize: number;
  readonly numBlocks: number;
  /** Whether prompt and generation paths give the same bits (attention over heads), so that generated blocks may serve later prompts. Default false. */
  readonly pathsAgree?: boolean;
  /** Writes the new tokens' cache entries and returns logits f32 [R,V] of `logitRows`, owned by the caller's scope, which may change them. Keeps hidden states for `mtp`. */
  step(plan: StepPlan): Tensor;
  /** Present where the model has a multi-token-prediction layer. */
  readonly mtp?: MtpRunner;
}
