// Element types and their conversion on the host. Knows nothing of tensors or devices.

/** Element types a tensor may have. Sums are always f32 or wider, whatever the storage. */
export type DType = "f32" | "bf16" | "f16" | "i32" | "u8";

/** Storage size of one element, in bytes. */
export const dtypeBytes: Readonly<Record<DType, number>> = { f32: 4, bf16: 2, f16: 2, i32: 4, u8: 1 };

const scratch = new ArrayBuffer(4);
const scratchF32 = new Float32Array(scratch);
const scratchU32 = new Uint32Array(scratch);

/** The bfloat16 bits nearest to `x` (ties to even); NaN stays NaN. */
export function toBf16Bits(x: number): number {
  scratchF32[0] = x;
  const bits = scratchU32[0];
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The value of bfloat16 bits. */
export function fromBf16Bits(bits: number): number {
  scratchU32[0] = bits << 16;
  return scratchF32[0];
}

/** The value of IEEE half-precision bits. */
export function fromF16Bits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** A host array of numbers: what reference kernels and reads work with. */
export type HostArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** Device bytes of dtype as host numbers; f32, i32 and u8 share memory with `bytes` (which must be aligned), 16-bit floats are converted. */
export function decodeBytes(bytes: Uint8Array, dtype: DType): HostArray {
  const { buffer, byteOffset, byteLength } = bytes;
  if (dtype === "f32") return new Float32Array(buffer, byteOffset, byteLength / 4);
  if (dtype === "i32") return new Int32Array(buffer, byteOffset, byteLength / 4);
  if (dtype === "u8") return new Uint8Array(buffer, byteOffset, byteLength);
  const raw = new Uint16Array(buffer, byteOffset, byteLength / 2);
  return Float32Array.from(raw, dtype === "bf16" ? fromBf16Bits : fromF16Bits);
}

/** Numbers as device bytes of `dtype` (f16 is read-only: its writing is not needed by any model). */
export function encodeBytes(values: ArrayLike<number>, dtype: Exclude<DType, "f16">): Uint8Array {
  if (dtype === "bf16") {
    const out = new Uint16Array(values.length);
    for (let i = 0; i < out.length; i++) out[i] = toBf16Bits(values[i]);
    return new Uint8Array(out.buffer);
  }
  const array = dtype === "f32" ? Float32Array.from(values) : dtype === "i32" ? Int32Array.from(values) : Uint8Array.from(values);
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
