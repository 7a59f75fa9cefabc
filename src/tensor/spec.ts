// What is known of a tensor without its numbers: shape, element type, whether a backend has laid them out its own way.
import type { DType } from "./dtype.js";

/** Shape (row-major) and element type: all that shape rules and costs may look at. */
export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** The numbers lie in an order that only the backend knows (packing.ts): ops take it only where they say so. */
  readonly isPacked?: boolean;
}

/** Number of elements of a shape. */
export function numElements(shape: readonly number[]): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}
