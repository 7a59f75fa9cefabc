// Weights stored in blocks, on the host: the byte layouts of GGUF's quantised types (ggml's ggml-common.h) and of e4m3, and what they decode to.
// The specification of the kernels on stored weights; knows nothing of tensors. block-encoders.ts goes the other way.
import { ShapeError } from "../errors.js";
import { type BlockType, blockSizes, dtypeBytes, fromBf16Bits, fromF16Bits, isBlockType } from "./dtype.js";

/** Types that a weight may be stored in. */
export type StorageType = BlockType | "f32" | "bf16" | "f16";

/** Side of the square blocks of weights that share one f32 scale in DeepSeek's FP8 checkpoints (`weight_scale_inv`). */
export const scaleBlock = 128;

const halfAt = (bytes: Uint8Array, at: number): number => fromF16Bits(bytes[at] | (bytes[at + 1] << 8));
const signed = (byte: number): number => (byte << 24) >> 24;

/** Writes the numbers of one block at bytes[at …] to out[to …]; products are rounded to f32 where the kernels round them. */
type DecodeBlock = (bytes: Uint8Array, at: number, out: Float32Array, to: number) => void;

/** d, then 32 signed bytes. */
const decodeQ8_0: DecodeBlock = (bytes, at, out, to) => {
  const d = halfAt(bytes, at);
  for (let i = 0; i < 32; i++) out[to + i] = d * signed(bytes[at + 2 + i]);
};

/** d, then 16 bytes: the lower nibbles are numbers 0–15, the upper ones 16–31, 8 too large. */
const decodeQ4_0: DecodeBlock = (bytes, at, out, to) => {
  const d = halfAt(bytes, at);
  for (let i = 0; i < 16; i++) {
    out[to + i] = d * ((bytes[at + 2 + i] & 15) - 8);
    out[to + 16 + i] = d * ((bytes[at + 2 + i] >> 4) - 8);
  }
};

/** The 6-bit scale and minimum of sub-block s of 8, from the 12 bytes at `at`. */
export function scaleAndMin(bytes: Uint8Array, at: number, s: number): [number, number] {
  if (s < 4) return [bytes[at + s] & 63, bytes[at + s + 4] & 63];
  const low = bytes[at + s + 4];
  return [(low & 15) | ((bytes[at + s - 4] >> 6) << 4), (low >> 4) | ((bytes[at + s] >> 6) << 4)];
}

/** q4_k and q5_k: d, dmin, 12 bytes of scales, [q5_k: 32 bytes of fifth bits], 128 bytes of nibbles; 8 sub-blocks of 32 with value d·sc·q − dmin·m. */
function decodeWithMins(bytes: Uint8Array, at: number, out: Float32Array, to: number, highBits: boolean): void {
  const [d, dMin] = [halfAt(bytes, at), halfAt(bytes, at + 2)];
  const nibbles = at + 16 + (highBits ? 32 : 0);
  for (let s = 0; s < 8; s++) {
    const [scale, min] = scaleAndMin(bytes, at + 4, s);
    const [step, floor] = [Math.fround(d * scale), Math.fround(dMin * min)];
    for (let i = 0; i < 32; i++) {
      const byte = bytes[nibbles + (s >> 1) * 32 + i];
      const high = highBits ? ((bytes[at + 16 + i] >> s) & 1) << 4 : 0;
      out[to + s * 32 + i] = step * (((s & 1 ? byte >> 4 : byte) & 15) | high) - floor;
    }
  }
}

/** 128 bytes of lower nibbles, 64 bytes of upper bit pairs, 16 signed scales of 16 numbers each, d; 32 too large. */
const decodeQ6_k: DecodeBlock = (bytes, at, out, to) => {
  const d = halfAt(bytes, at + 208);
  for (let i = 0; i < 256; i++) {
    const [half, part, l] = [i >> 7, (i >> 5) & 3, i & 31];
    const low = bytes[at + half * 64 + (part & 1) * 32 + l] >> (4 * (part >> 1));
    const high = bytes[at + 128 + half * 32 + l] >> (2 * part);
    out[to + i] = Math.fround(d * signed(bytes[at + 192 + (i >> 4)])) * (((low & 15) | ((high & 3) << 4)) - 32);
  }
};

/** The value of an e4m3 byte (OCP FP8, finite: 0x7f is NaN, the largest number 448). */
export function fromE4m3(byte: number): number {
  const [exponent, fraction] = [(byte >> 3) & 15, byte & 7];
  const magnitude = exponent === 0 ? fraction * 2 ** -9 : (1 + fraction / 8) * 2 ** (exponent - 7);
  if ((byte & 0x7f) === 0x7f) return Number.NaN;
  return byte & 0x80 ? -magnitude : magnitude;
}

const decoders: Readonly<Record<BlockType, DecodeBlock>> = {
  q8_0: decodeQ8_0,
  q4_0: decodeQ4_0,
  q4_k: (bytes, at, out, to) => decodeWithMins(bytes, at, out, to, false),
  q5_k: (bytes, at, out, to) => decodeWithMins(bytes, at, out, to, true),
  q6_k: decodeQ6_k,
  e4m3: (bytes, at, out, to) => {
    out[to] = fromE4m3(bytes[at]);
  },
};

/** Bytes of a row of `width` numbers. Throws ShapeError where a row is not whole blocks. */
export function rowBytes(type: StorageType, width: number): number {
  if (isBlockType(type) && width % blockSizes[type].numbers !== 0)
    throw new ShapeError(`${type}: expected rows of whole blocks of ${blockSizes[type].numbers} numbers, got ${width}`);
  return width * dtypeBytes[type];
}

/** The numbers of one row (or of any whole number of blocks) of weights of any storage type; of e4m3 without their block scales. */
export function decodeRow(type: StorageType, bytes: Uint8Array, out: Float32Array): void {
  if (bytes.byteLength !== rowBytes(type, out.length)) throw new ShapeError(`${type}: ${bytes.byteLength} bytes are no row of ${out.length} numbers`);
  if (isBlockType(type)) {
    const { numbers, bytes: size } = blockSizes[type];
    for (let b = 0; b * numbers < out.length; b++) decoders[type](bytes, b * size, out, b * numbers);
    return;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < out.length; i++) {
    if (type === "f32") out[i] = view.getFloat32(4 * i, true);
    else out[i] = type === "bf16" ? fromBf16Bits(view.getUint16(2 * i, true)) : fromF16Bits(view.getUint16(2 * i, true));
  }
}
