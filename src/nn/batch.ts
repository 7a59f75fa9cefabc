// What models are fed: packed sequences (training, prefill) and single decode steps. Token data only.
import { tensor } from "../tensor/engine.js";
import type { Tensor } from "../tensor/tensor.js";

/** Sequences laid end to end, without padding. Legend: T tokens in all, S sequences. */
export interface PackedBatch {
  /** Token ids, i32 [T]. */
  readonly ids: Tensor;
  /** Position of each token in its own sequence, i32 [T]. */
  readonly positions: Tensor;
  /** Sequence boundaries, i32 [S+1]. */
  readonly cuSeqlens: Tensor;
  readonly numTokens: number;
}

/** Packs sequences; the tensors belong to the current scope. */
export function packSequences(sequences: readonly ArrayLike<number>[]): PackedBatch {
  const numTokens = sequences.reduce((n, s) => n + s.length, 0);
  const ids = new Int32Array(numTokens);
  const positions = new Int32Array(numTokens);
  const cuSeqlens = new Int32Array(sequences.length + 1);
  let at = 0;
  sequences.forEach((sequence, s) => {
    for (let i = 0; i < sequence.length; i++) {
      ids[at] = sequence[i];
      positions[at++] = i;
    }
    cuSeqlens[s + 1] = at;
  });
  return {
    ids: tensor(ids, [numTokens], "i32"),
    positions: tensor(positions, [numTokens], "i32"),
    cuSeqlens: tensor(cuSeqlens, [sequences.length + 1], "i32"),
    numTokens,
  };
}

/** One new token for each of B rows of a cache. */
export interface DecodeStep {
  /** Token ids, i32 [B]. */
  readonly ids: Tensor;
  /** Position each token takes, i32 [B]. */
  readonly positions: Tensor;
  /** Cache row of each, i32 [B]. */
  readonly slots: Tensor;
  /** Tokens visible to each, itself included, i32 [B]. */
  readonly lengths: Tensor;
}

/** Where a packed batch's keys and values go during prefill: the cache row of every token, i32 [T]. */
export interface PrefillTarget {
  readonly slots: Tensor;
}
