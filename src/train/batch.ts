// Token sequences as training batches: packed inputs, targets, weights, and the shifted copies for multi-token
// prediction.

import type { MtpInputs } from "../models/language-model.js";
import { type PackedBatch, packSequences } from "../nn/batch.js";
import { type Device, defaultDevice } from "../tensor/device.js";
import { tensor } from "../tensor/engine.js";
import type { Tensor } from "../tensor/tensor.js";

/** A sequence to learn from: which of its tokens count as targets (default: all but the first). */
export interface TrainSequence {
  readonly ids: ArrayLike<number>;
  /** First index whose token is a target; earlier ones (a prompt) are only read. */
  readonly learnFrom?: number;
}

/** What the rows of a packed batch are to predict. */
export interface TrainTargets {
  /** i32 [T]. */
  readonly targets: Tensor;
  /** f32 [T]: 1/divisor on targets that count, else 0. */
  readonly weights: Tensor;
}

/** One micro-batch on the device. Position i of a sequence reads token i and predicts token i+1. */
export interface TrainBatch extends TrainTargets {
  readonly inputs: PackedBatch;
  /**
   * For depth k = 1, 2, …: position i reads token i+k and predicts token i+k+1. Depths at which no sequence has a row
   * are left out.
   */
  readonly mtp: readonly (MtpInputs & TrainTargets)[];
  readonly numTargets: number;
}

/** Number of counted targets of some sequences. */
export function countTargets(sequences: readonly TrainSequence[]): number {
  return sequences.reduce((n, { ids, learnFrom = 1 }) => n + Math.max(0, ids.length - Math.max(1, learnFrom)), 0);
}

/**
 * Packs sequences (each of at least two tokens); the tensors belong to the current scope. `divisor` is the number of
 * targets of the whole step.
 */
export function makeTrainBatch(
  sequences: readonly TrainSequence[],
  numMtp: number,
  divisor: number,
  device = defaultDevice(),
): TrainBatch {
  const { batch: inputs, ...main } = shiftedBy(sequences, 0, divisor, device);
  const depths = Array.from({ length: numMtp }, (_, i) => i + 1).filter((k) =>
    sequences.some((s) => numRows(s, k) > 0),
  );
  const mtp = depths.map((k) => ({
    ...shiftedBy(sequences, k, divisor, device),
    rows: rowsBefore(sequences, k, device),
  }));
  return { inputs, ...main, mtp, numTargets: countTargets(sequences) };
}

/** Positions of a sequence that have a target at depth k (0: the main model). */
const numRows = ({ ids }: TrainSequence, k: number): number => Math.max(0, ids.length - 1 - k);

/**
 * Tokens k, k+1, … of every sequence that has rows at depth k, packed without its last token, and the tokens that
 * follow as targets.
 */
function shiftedBy(
  sequences: readonly TrainSequence[],
  k: number,
  divisor: number,
  device: Device,
): { batch: PackedBatch } & TrainTargets {
  const remaining = sequences.filter((s) => numRows(s, k) > 0);
  const batch = packSequences(
    remaining.map(({ ids }) => Int32Array.from(ids).subarray(k, -1)),
    device,
  );
  const targets = new Int32Array(batch.numTokens);
  const weights = new Float32Array(batch.numTokens);
  let at = 0;
  for (const { ids, learnFrom = 1 } of remaining) {
    for (let i = k + 1; i < ids.length; i++, at++) {
      targets[at] = ids[i];
      weights[at] = i >= learnFrom ? 1 / divisor : 0;
    }
  }
  return { batch, targets: tensor(targets, [at], "i32", device), weights: tensor(weights, [at], "f32", device) };
}

/** Where each row of depth k lies among the rows of depth k−1: all of a sequence's rows but its last. */
function rowsBefore(sequences: readonly TrainSequence[], k: number, device: Device): Tensor {
  const rows: number[] = [];
  let begin = 0;
  for (const sequence of sequences) {
    for (let i = 0; i < numRows(sequence, k); i++) rows.push(begin + i);
    begin += numRows(sequence, k - 1);
  }
  return tensor(Int32Array.from(rows), [rows.length], "i32", device);
}
