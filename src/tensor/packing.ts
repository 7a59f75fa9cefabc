// Weights in the layout that the device's products like best, for weights that are used many times before they change (decoding).
// Knows nothing of that layout: only the backend that made a packed copy reads it.
import { assert } from "../errors.js";
import type { DType } from "./dtype.js";
import { currentBackend, emptyPacked, packedSlice } from "./engine.js";
import type { Tensor } from "./tensor.js";

/**
 * A packed copy of weights [N,K] or [E,N,K] for use as the weight of `linear` or `groupedLinear`, with bit-equal results; owned by the
 * current scope. Null where the backend has no better layout for them. Does not follow later changes of `w`.
 */
export function packWeights(w: Tensor): Tensor | null {
  return packStored(w);
}

/**
 * As `packWeights`, for weights of any storage type and the ops on stored weights. The scales of e4m3 go into the copy: the ops then take
 * none.
 */
export function packStored(w: Tensor, scales: Tensor | null = null): Tensor | null {
  const { packer } = currentBackend();
  if (!packer?.accepts(w)) return null;
  const copy = emptyPacked(w.shape, w.dtype, packer.packedBytes(w));
  packer.pack(w, scales, copy);
  return copy;
}

/** Memory for packed experts [E,N,K], to be filled by `packExpert` one by one; null where the backend has no better layout for them. */
export function emptyExperts(shape: readonly [number, number, number], dtype: DType): Tensor | null {
  const { packer } = currentBackend();
  return packer?.accepts({ shape, dtype }) ? emptyPacked(shape, dtype, packer.packedBytes({ shape, dtype })) : null;
}

/** Packs the weights [N,K] of expert `e` (and the scales of e4m3) into memory of `emptyExperts`. */
export function packExpert(weights: Tensor, scales: Tensor | null, experts: Tensor, e: number): void {
  const { packer } = currentBackend();
  assert(packer, "packExpert: the backend packs nothing");
  const each = packer.packedBytes(weights);
  assert(each * experts.shape[0] === packer.packedBytes({ shape: experts.shape, dtype: experts.dtype }), "packed experts do not lie one after another");
  const slice = packedSlice(experts, weights.shape, e * each);
  packer.pack(weights, scales, slice);
  slice.dispose();
}
