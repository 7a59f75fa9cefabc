// Stored tensors as f32 numbers and back, for every type a model's weights may have. Knows no files.
import { CheckpointError } from "../errors.js";
import { type EncodedType, encodeRow } from "../tensor/block-encoders.js";
import { decodeRow, rowBytes, type StorageType } from "../tensor/block-formats.js";
import { isBlockType } from "../tensor/dtype.js";
import type { HostDtype, HostTensor } from "./host-tensor.js";

/** Whether weights may be stored in a type: a float, or blocks of scaled whole numbers. */
export function isWeightType(dtype: HostDtype): dtype is StorageType {
  return dtype === "f32" || dtype === "bf16" || dtype === "f16" || isBlockType(dtype as StorageType);
}

/**
 * All numbers of a tensor; of e4m3 without its scales. Throws CheckpointError for a type that weights are not stored
 * in.
 */
export function decodeNumbers({ dtype, shape, data }: HostTensor): Float32Array {
  const values = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
  decodeRow(weightType(dtype), data, values);
  return values;
}

/** Numbers in another type, whole blocks of them; e4m3 takes numbers that are scaled already. */
export function encodeNumbers(values: Float32Array, dtype: EncodedType): Uint8Array {
  const data = new Uint8Array(rowBytes(dtype, values.length));
  encodeRow(dtype, values, data);
  return data;
}

function weightType(dtype: HostDtype): StorageType {
  if (isWeightType(dtype)) return dtype;
  throw new CheckpointError(
    `weights stored as ${dtype} cannot be read; expected f32, bf16, f16, e4m3 or a quantised type`,
  );
}
