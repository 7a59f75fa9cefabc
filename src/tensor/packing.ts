// Weights in the layout that the device's products like best, for weights that are used many times before they change
// (decoding). Knows nothing of that layout: only the backend that made a packed copy reads it.
import { assert } from "../errors.js";
import { type Device, defaultDevice } from "./device.js";
import type { DType } from "./dtype.js";
import { emptyPacked, packedSlice } from "./engine.js";
import type { Tensor, TensorSpec } from "./tensor.js";

/**
 * A packed copy of weights [N,K] or [E,N,K] for use as the weight of `linear` or `groupedLinear`, with bit-equal
 * results; owned by the current scope. Null where the backend has no better layout for them. Does not follow later
 * changes of `w`.
 */
export function packWeights(w: Tensor): Tensor | null {
  return packStored(w);
}

/**
 * As `packWeights`, for weights of any storage type and the ops on stored weights. The scales of e4m3 go into the copy:
 * the ops then take none.
 */
export function packStored(w: Tensor, scales: Tensor | null = null): Tensor | null {
  const { packer } = w.device.backend;
  if (!packer?.accepts(w)) return null;
  const copy = emptyPacked(w.shape, w.dtype, packer.packedBytes(w), w.device);
  packer.pack(w, scales, copy);
  return copy;
}

/** Whether the backend has a better layout for weights of this shape and type. */
export const canPack = (weights: TensorSpec, device: Device = defaultDevice()): boolean =>
  device.backend.packer?.accepts(weights) ?? false;

/**
 * Memory for weights [N,K] or [E,N,K] whose rows (of every expert) come in parts of `partRows`, to be filled by
 * `packInto`; owned by the current scope. Null where the backend has no better layout, or cannot pack these parts one
 * by one.
 */
export function emptyForParts(
  shape: readonly number[],
  dtype: DType,
  partRows: readonly number[],
  device = defaultDevice(),
): Tensor | null {
  const { packer } = device.backend;
  const width = shape[shape.length - 1];
  if (
    !packer?.accepts({ shape, dtype }) ||
    partRows.slice(0, -1).some((rows) => rows % packer.partRows !== 0) ||
    !partRows.every((rows) => packer.accepts({ shape: [rows, width], dtype }))
  )
    return null;
  return emptyPacked(shape, dtype, packer.packedBytes({ shape, dtype }), device);
}

/** Packs a part [n,K] (and the scales of e4m3) into memory of `emptyForParts`, at `row` of `expert`. */
export function packInto(part: Tensor, scales: Tensor | null, whole: Tensor, row: number, expert = 0): void {
  const { packer } = whole.device.backend;
  assert(packer, "packInto: the backend does not support packing");
  const [rows, width] = whole.shape.slice(-2);
  const bytes = (n: number) => (n === 0 ? 0 : packer.packedBytes({ shape: [n, width], dtype: whole.dtype }));
  const slice = packedSlice(whole, part.shape, expert * bytes(rows) + bytes(row));
  packer.pack(part, scales, slice);
  slice.dispose();
}
