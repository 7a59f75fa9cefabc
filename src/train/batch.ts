// Token sequences as training batches: packed inputs, targets, weights, and the shifted copies for multi-token prediction.
import { type PackedBatch, packSequences } from "../nn/batch.js";
import { tensor } from "../tensor/engine.js";
import type { Tensor } from "../tensor/tensor.js";

/** A sequence to learn from: which of its tokens count as targets (default: all but the first). */
export interface TrainSequence {
  readonly ids: ArrayLike<number>;
  /** First index whose token is a target; earlier ones (a prompt) are only read. */
  readonly learnFrom?: number;
}

/** One micro-batch on the device. Position i of a sequence reads token i and predicts token i+1. */
export interface TrainBatch {
  readonly inputs: PackedBatch;
  /** i32 [T]. */
  readonly targets: Tensor;
  /** f32 [T]: 1/divisor on targets that count, else 0. */
  readonly weights: Tensor;
  /** For depth k = 1, 2, …: the tokens i+k to read, the tokens i+k+1 to predict and their weights. */
  readonly mtp: readonly { ids: Tensor; targets: Tensor; weights: Tensor }[];
  readonly numTargets: number;
}

/** Number of counted targets of some sequences. */
export function countTargets(sequences: readonly TrainSequence[]): number {
  return sequences.reduce((n, { ids, learnFrom = 1 }) => n + Math.max(0, ids.length - Math.max(1, learnFrom)), 0);
}

/** Packs sequences (each of at least two tokens); the tensors belong to the current scope. `divisor` is the number of targets of the whole step. */
export function makeTrainBatch(sequences: readonly TrainSequence[], numMtp: number, divisor: number): TrainBatch {
  const inputs = packSequences(sequences.map(({ ids }) => Int32Array.from(ids).subarray(0, ids.length - 1)));
  const depths = Array.from({ length: numMtp + 1 }, (_, k) => shiftedBy(sequences, k + 1, inputs.numTokens, divisor));
  const mtp = depths.slice(1).map(({ ids, weights }, k) => ({ ids: depths[k].ids, targets: ids, weights }));
  return { inputs, targets: depths[0].ids, weights: depths[0].weights, mtp, numTargets: countTargets(sequences) };
}

/** For every position i the token i+k, with its weight as a target; 0 and weight 0 past a sequence's end. */
function shiftedBy(sequences: readonly TrainSequence[], k: number, numTokens: number, divisor: number): { ids: Tensor; weights: Tensor } {
  const ids = new Int32Array(numTokens);
  const weights = new Float32Array(numTokens);
  let at = 0;
  for (const { ids: source, learnFrom = 1 } of sequences) {
    for (let i = 0; i + 1 < source.length; i++, at++) {
      if (i + k >= source.length) continue;
      ids[at] = source[i + k];
      weights[at] = i + k >= learnFrom ? 1 / divisor : 0;
    }
  }
  return { ids: tensor(ids, [numTokens], "i32"), weights: tensor(weights, [numTokens]) };
}
