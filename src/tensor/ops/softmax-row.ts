// Softmax of one row of logits, as the references of sampling and of the output head define it: the twin of
// softmax-row.h. Knows nothing of either.
import { exp, log } from "../../elementary.js";

/** softmax(logits / temperature) of a row; temperature 0 counts as 1. */
export interface RowSoftmax {
  /** Log-probabilities: all NaN where the row is no distribution (NaN or +inf among its logits, or none above -inf). */
  readonly logProbs: Float64Array;
  /** Probabilities over the largest one; 0 for what cannot be drawn. */
  readonly masses: Float64Array;
  /** log Σ exp((logit − the largest) / temperature). */
  readonly logSum: number;
}

/** The largest number; NaN is left out. */
const largestOf = (row: Float64Array) => row.reduce((a, x) => (x > a ? x : a), Number.NEGATIVE_INFINITY);

/** See `RowSoftmax`. The temperature is the nearest f32. */
export function rowSoftmax(logits: ArrayLike<number>, temperature: number): RowSoftmax {
  const row = Float64Array.from(logits);
  const max = largestOf(row);
  const divisor = Math.fround(temperature) || 1;
  // What is masked stays masked at any temperature, infinite ones included.
  const scaled = row.map((x) => (x === Number.NEGATIVE_INFINITY && max > x ? x : (x - max) / divisor));
  const logSum = log(scaled.reduce((sum, z) => sum + exp(z), 0));
  return { logProbs: scaled.map((z) => z - logSum), masses: scaled.map((z) => exp(z) || 0), logSum };
}

/** The first index of the largest number; 0 for a row of NaN. */
export function argmax(row: ArrayLike<number>): number {
  const max = largestOf(Float64Array.from(row));
  return Math.max(0, Array.from(row).indexOf(max));
}
