// Stored tensors as f32 numbers and back, for every type a model's weights may have. Fast enough for whole models. Knows no files.
import { CheckpointError } from "../errors.js";
import { fromF16Bits } from "../tensor/dtype.js";
import { float32Bytes, float32Values, type HostDtype, type HostTensor } from "./host-tensor.js";

/** Largest magnitude of e4m3. */
export const E4M3_MAX = 448;

/** All numbers of a tensor; of e4m3 without its scales. Throws CheckpointError for a type that holds no floats. */
export function decodeNumbers({ dtype, shape, data }: HostTensor): Float32Array {
  if (dtype === "f32") return float32Values({ dtype, shape, data });
  if (dtype === "bf16") return decodeBf16(words(data));
  if (dtype === "f16") return decodeF16(words(data));
  if (dtype === "e4m3") return decodeE4m3(data);
  throw new CheckpointError(`numbers stored as ${dtype} cannot be read; expected f32, bf16, f16 or e4m3`);
}

/** Numbers in another type, nearest to even; e4m3 takes numbers that are scaled already. Throws CheckpointError for a type that holds no floats. */
export function encodeNumbers(values: Float32Array, dtype: HostDtype, _rowNumbers: number): Uint8Array {
  if (dtype === "f32") return float32Bytes(values);
  if (dtype === "bf16") return encodeBf16(values);
  if (dtype === "f16") return encodeF16(values);
  if (dtype === "e4m3") return encodeE4m3(values);
  throw new CheckpointError(`numbers cannot be stored as ${dtype}`);
}

function words(data: Uint8Array): Uint16Array {
  const aligned = data.byteOffset % 2 === 0 ? data : data.slice();
  return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
}

const bytesOf = (array: Uint16Array): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer, values.byteOffset, values.length);

function decodeBf16(bits: Uint16Array): Float32Array {
  const wide = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) wide[i] = bits[i] << 16;
  return new Float32Array(wide.buffer);
}

function encodeBf16(values: Float32Array): Uint8Array {
  const bits = bitsOf(values);
  const out = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const b = bits[i];
    out[i] = (b & 0x7fffffff) > 0x7f800000 ? (b >>> 16) | 0x40 : (b + 0x7fff + ((b >>> 16) & 1)) >>> 16;
  }
  return bytesOf(out);
}

let halfValues: Float32Array | undefined;

function decodeF16(bits: Uint16Array): Float32Array {
  halfValues ??= Float32Array.from({ length: 65536 }, (_, i) => fromF16Bits(i));
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = halfValues[bits[i]];
  return values;
}

function encodeF16(values: Float32Array): Uint8Array {
  const bits = bitsOf(values);
  const out = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = toF16Bits(bits[i], values[i]);
  return bytesOf(out);
}

function toF16Bits(bits: number, value: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 65520 and more round to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // Below the smallest normal number, 2^-14: a whole number of 2^-24 steps.
  if (magnitude < 0x38800000) return sign | roundHalfEven(Math.abs(value) * 2 ** 24);
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

let e4m3Values: Float32Array | undefined;

/** The value of e4m3 bits: 4 exponent bits of bias 7, 3 of fraction, no infinities, NaN at all ones. */
function e4m3Value(bits: number): number {
  const sign = bits & 0x80 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 3) & 15, bits & 7];
  if (exponent === 15 && fraction === 7) return Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -9 : (1 + fraction / 8) * 2 ** (exponent - 7));
}

function decodeE4m3(data: Uint8Array): Float32Array {
  e4m3Values ??= Float32Array.from({ length: 256 }, (_, i) => e4m3Value(i));
  const values = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) values[i] = e4m3Values[data[i]];
  return values;
}

function encodeE4m3(values: Float32Array): Uint8Array {
  const bits = bitsOf(values);
  const out = new Uint8Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = toE4m3Bits(bits[i], values[i]);
  return out;
}

function toE4m3Bits(bits: number, value: number): number {
  const sign = (bits >>> 24) & 0x80;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7f;
  // More than 448 is the largest number there is.
  if (magnitude >= 0x43e00000) return sign | 0x7e;
  // Below the smallest normal number, 2^-6: a whole number of 2^-9 steps.
  if (magnitude < 0x3c800000) return sign | roundHalfEven(Math.abs(value) * 512);
  return sign | ((magnitude - 0x3c000000 + 0x7ffff + ((magnitude >>> 20) & 1)) >>> 20);
}

/** Whether `decodeNumbers` reads a type. */
export const isReadable = (dtype: HostDtype): boolean => dtype === "f32" || dtype === "bf16" || dtype === "f16" || dtype === "e4m3";
