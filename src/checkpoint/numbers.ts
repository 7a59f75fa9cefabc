// Stored tensors as f32 numbers and back, for every type a model's weights may have. Fast enough for whole models. Knows no files.
import { CheckpointError } from "../errors.js";
import { fromF16Bits } from "../tensor/dtype.js";
import type { HostDtype, HostTensor } from "./host-tensor.js";
import { float32Values } from "./host-tensor.js";

/** All numbers of a tensor. Throws CheckpointError for a type that holds no floats. */
export function decodeNumbers(tensor: HostTensor): Float32Array {
  const { dtype, data } = tensor;
  if (dtype === "f32") return float32Values(tensor);
  if (dtype === "bf16") return decodeBf16(words(data));
  if (dtype === "f16") return decodeF16(words(data));
  throw new CheckpointError(`numbers stored as ${dtype} cannot be read; expected f32, bf16 or f16`);
}

function words(data: Uint8Array): Uint16Array {
  const aligned = data.byteOffset % 2 === 0 ? data : data.slice();
  return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
}

function decodeBf16(bits: Uint16Array): Float32Array {
  const wide = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) wide[i] = bits[i] << 16;
  return new Float32Array(wide.buffer);
}

let halfValues: Float32Array | undefined;

function decodeF16(bits: Uint16Array): Float32Array {
  halfValues ??= Float32Array.from({ length: 65536 }, (_, i) => fromF16Bits(i));
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = halfValues[bits[i]];
  return values;
}

/** Whether `decodeNumbers` reads this type. */
export const isFloatDtype = (dtype: HostDtype): boolean => dtype === "f32" || dtype === "bf16" || dtype === "f16";
