// Weights in the layout that the device's products like best, for weights that are used many times before they change (decoding).
// Knows nothing of that layout: only the backend that made a packed copy reads it.
import { currentBackend, emptyPacked } from "./engine.js";
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
