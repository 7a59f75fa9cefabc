// How far a result may be from the reference. Knows nothing of ops.
import { type DType, decodeBytes, type ScalarType } from "../../src/tensor/dtype.js";

/**
 * Default tolerances by output type, relative to the reference's largest magnitude. A bf16 has 8 significant bits: half
 * a unit is 2^-9.
 */
export const defaultTolerance: Readonly<Record<ScalarType, number>> = {
  f32: 2e-5,
  bf16: 4.5e-3,
  f16: 1e-3,
  i32: 0,
  u8: 0,
};

/**
 * The largest |got - expected| relative to the largest |expected| (at least 1e-3: where everything cancels, noise is
 * all there is); infinite where one is a number and the other is not. NaN equals NaN and an infinity itself.
 */
export function relativeError(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  let scale = 1e-3;
  for (let i = 0; i < expected.length; i++)
    if (Number.isFinite(expected[i])) scale = Math.max(scale, Math.abs(expected[i]));
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(got[i], expected[i]) || got[i] === expected[i]) continue;
    const error = Math.abs(got[i] - expected[i]) / scale;
    worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
  }
  return worst;
}

/** The numbers of raw bytes. */
export const numbersOf = (bytes: Uint8Array, dtype: DType): ArrayLike<number> => decodeBytes(bytes, dtype);
