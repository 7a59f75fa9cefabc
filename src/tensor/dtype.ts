// Element types and their conversion on the host. Knows nothing of tensors or devices.
import { ShapeError } from "../errors.js";

/** Types whose elements stand alone. */
export type ScalarType = "f32" | "bf16" | "f16" | "i32" | "u8";
/**
 * Storage types of weights: blocks of consecutive numbers of a row that share a scale (block-formats.ts), and e4m3, one
 * byte a number, whose scales of 128 × 128 blocks are a tensor of their own. They are stored and multiplied with, never
 * computed.
 */
export type BlockType = (typeof blockTypes)[number];
/** Every BlockType. */
export const blockTypes = [
  ...(["q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "iq4_nl", "mxfp4"] as const),
  ...(["q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_xs", "e4m3"] as const),
] as const;
/** Element types a tensor may have. Sums are always f32 or wider, whatever the storage. */
export type DType = ScalarType | BlockType;

/** Precision of matrix products: f32, or bf16 operands with f32 sums. */
export type ComputeType = "f32" | "bf16";
/** The precision of products with a weight of this element type. */
export const computeOf = ({ dtype }: { readonly dtype: DType }): ComputeType => (dtype === "bf16" ? "bf16" : "f32");

/** Numbers and bytes of one block of each type; a row is a whole number of blocks. */
export const blockSizes: Readonly<Record<BlockType, { readonly numbers: number; readonly bytes: number }>> = {
  q8_0: { numbers: 32, bytes: 34 },
  q4_0: { numbers: 32, bytes: 18 },
  q4_1: { numbers: 32, bytes: 20 },
  q5_0: { numbers: 32, bytes: 22 },
  q5_1: { numbers: 32, bytes: 24 },
  iq4_nl: { numbers: 32, bytes: 18 },
  mxfp4: { numbers: 32, bytes: 17 },
  q2_k: { numbers: 256, bytes: 84 },
  q3_k: { numbers: 256, bytes: 110 },
  q4_k: { numbers: 256, bytes: 144 },
  q5_k: { numbers: 256, bytes: 176 },
  q6_k: { numbers: 256, bytes: 210 },
  iq4_xs: { numbers: 256, bytes: 136 },
  e4m3: { numbers: 1, bytes: 1 },
};

/** Whether numbers of this type are stored in blocks, to be read by the ops on stored weights alone. */
export const isBlockType = (dtype: DType): dtype is BlockType => Object.hasOwn(blockSizes, dtype);

const perNumber = Object.fromEntries(
  blockTypes.map((type) => [type, blockSizes[type].bytes / blockSizes[type].numbers]),
) as Record<BlockType, number>;
/** Storage size of one element, in bytes; of block types the average, an exact binary fraction. */
export const dtypeBytes: Readonly<Record<DType, number>> = {
  f32: 4,
  bf16: 2,
  f16: 2,
  i32: 4,
  u8: 1,
  ...perNumber,
};

/** Bytes of `numElements` numbers of a type. Throws ShapeError where they are not whole blocks. */
export function storageBytes(dtype: DType, numElements: number): number {
  if (isBlockType(dtype) && numElements % blockSizes[dtype].numbers !== 0)
    throw new ShapeError(`${dtype}: ${numElements} numbers are no whole blocks of ${blockSizes[dtype].numbers}`);
  return numElements * dtypeBytes[dtype];
}

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
  const sign = (bits & 0x8000) << 16;
  const magnitude = bits & 0x7fff;
  // Below 2^-14 a whole number of 2^-24 steps; infinity and NaN have all exponent bits set; the rest is a float with
  // another exponent bias.
  if (magnitude < 0x400) return (sign ? -magnitude : magnitude) * 2 ** -24;
  scratchU32[0] =
    sign | (magnitude >= 0x7c00 ? 0x7f800000 | ((magnitude & 0x3ff) << 13) : (magnitude << 13) + 0x38000000);
  return scratchF32[0];
}

/** The IEEE half-precision bits nearest to `x` (ties to even); beyond 65504 infinite, NaN stays NaN. */
export function toF16Bits(x: number): number {
  scratchF32[0] = x;
  const bits = scratchU32[0];
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // From 65520 on rounds to infinity; below 2^-14 neighbours are 2^-24 apart.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) return sign | roundToEven(Math.abs(scratchF32[0]) * 2 ** 24);
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

/** Added and taken away, leaves the nearest whole number: a double of this size has no places after the point. */
const wholeNumbersFrom = 1.5 * 2 ** 52;

/** The nearest whole number, ties to even; |x| below 2^51. */
export const roundToEven = (x: number): number => x + wholeNumbersFrom - wholeNumbersFrom;

/** A host array of numbers: what reference kernels and reads work with. */
export type HostArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/**
 * Device bytes of dtype as host numbers; f32, i32 and u8 share memory with `bytes` (which must be aligned), 16-bit
 * floats are converted, blocks stay bytes.
 */
export function decodeBytes(bytes: Uint8Array, dtype: DType): HostArray {
  const { buffer, byteOffset, byteLength } = bytes;
  if (dtype === "f32") return new Float32Array(buffer, byteOffset, byteLength / 4);
  if (dtype === "i32") return new Int32Array(buffer, byteOffset, byteLength / 4);
  if (dtype === "u8" || isBlockType(dtype)) return new Uint8Array(buffer, byteOffset, byteLength);
  const raw = new Uint16Array(buffer, byteOffset, byteLength / 2);
  const toNumber = dtype === "bf16" ? fromBf16Bits : fromF16Bits;
  const numbers = new Float32Array(raw.length);
  for (let i = 0; i < raw.length; i++) numbers[i] = toNumber(raw[i]);
  return numbers;
}

/**
 * Numbers as device bytes of `dtype`, in their own memory where they have that type already; of block types the numbers
 * are the bytes (encodeRow makes them from values).
 */
export function encodeBytes(values: ArrayLike<number>, dtype: DType): Uint8Array {
  if (dtype === "bf16" || dtype === "f16") {
    const toBits = dtype === "bf16" ? toBf16Bits : toF16Bits;
    const out = new Uint16Array(values.length);
    for (let i = 0; i < out.length; i++) out[i] = toBits(values[i]);
    return new Uint8Array(out.buffer);
  }
  const Numbers = dtype === "f32" ? Float32Array : dtype === "i32" ? Int32Array : Uint8Array;
  const array = values instanceof Numbers ? values : new Numbers(values);
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
