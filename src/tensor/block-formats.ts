// Weights stored in blocks, on the host: the byte layouts of GGUF's quantised types (ggml's ggml-common.h) and of e4m3,
// and what they decode to. The specification of the kernels on stored weights; knows nothing of tensors.
// block-encoders.ts goes the other way.
import { ShapeError } from "../errors.js";
import { type BlockType, blockSizes, dtypeBytes, fromF16Bits, isBlockType } from "./dtype.js";

/** Types that a weight may be stored in. */
export type StorageType = BlockType | "f32" | "bf16" | "f16";

/** Side of the square blocks of weights that share one f32 scale in DeepSeek's FP8 checkpoints (`weight_scale_inv`). */
export const scaleBlock = 128;

const halfAt = (bytes: Uint8Array, at: number): number => fromF16Bits(bytes[at] | (bytes[at + 1] << 8));
const signed = (byte: number): number => (byte << 24) >> 24;

/**
 * Writes the numbers of one block at bytes[at …] to out[to …]; products are rounded to f32 where the kernels round
 * them.
 */
type DecodeBlock = (bytes: Uint8Array, at: number, out: Float32Array, to: number) => void;

/** d, then 32 signed bytes. */
const decodeQ8_0: DecodeBlock = (bytes, at, out, to) => {
  const d = halfAt(bytes, at);
  for (let i = 0; i < 32; i++) out[to + i] = d * signed(bytes[at + 2 + i]);
};

/** The 4-bit code of number i of 32: the lower nibbles of 16 bytes hold 0–15, the upper ones 16–31. */
const nibbleAt = (bytes: Uint8Array, at: number, i: number): number => (bytes[at + (i & 15)] >> (i < 16 ? 0 : 4)) & 15;

/** d, then nibbles, 8 too large. */
const decodeQ4_0: DecodeBlock = (bytes, at, out, to) => {
  const d = halfAt(bytes, at);
  for (let i = 0; i < 32; i++) out[to + i] = d * (nibbleAt(bytes, at + 2, i) - 8);
};

/** d, m, then nibbles as q4_0's: d·q + m. */
const decodeQ4_1: DecodeBlock = (bytes, at, out, to) => {
  const [d, m] = [halfAt(bytes, at), halfAt(bytes, at + 2)];
  for (let i = 0; i < 32; i++) out[to + i] = d * nibbleAt(bytes, at + 4, i) + m;
};

/**
 * q5_0: d, 4 bytes with the fifth bit of number i at bit i, nibbles as q4_0's; 16 too large. q5_1: d, m, the same; d·q
 * + m.
 */
function decodeFiveBits(bytes: Uint8Array, at: number, out: Float32Array, to: number, hasMin: boolean): void {
  const bits = at + (hasMin ? 4 : 2);
  const [d, m] = [halfAt(bytes, at), hasMin ? halfAt(bytes, at + 2) : 0];
  for (let i = 0; i < 32; i++) {
    const q = nibbleAt(bytes, bits + 4, i) | (((bytes[bits + (i >> 3)] >> (i & 7)) & 1) << 4);
    out[to + i] = hasMin ? d * q + m : d * (q - 16);
  }
}

/** What the codes of iq4_nl and iq4_xs stand for: denser around zero, as weights are. */
const NON_LINEAR = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];
/** Twice what the codes of mxfp4 (e2m1) stand for. */
const TWICE_E2M1 = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/** d, then codes of NON_LINEAR. */
const decodeIq4_nl: DecodeBlock = (bytes, at, out, to) => {
  const d = halfAt(bytes, at);
  for (let i = 0; i < 32; i++) out[to + i] = d * NON_LINEAR[nibbleAt(bytes, at + 2, i)];
};

/** An exponent e (e8m0), then codes of TWICE_E2M1, all times 2^(e − 128). */
const decodeMxfp4: DecodeBlock = (bytes, at, out, to) => {
  const d = 2 ** (bytes[at] - 128);
  for (let i = 0; i < 32; i++) out[to + i] = d * TWICE_E2M1[nibbleAt(bytes, at + 1, i)];
};

/**
 * d, 2 bytes and 4 bytes with the upper two and lower four bits of 8 scales, 32 too large, then codes of NON_LINEAR by
 * sub-blocks of 32.
 */
const decodeIq4_xs: DecodeBlock = (bytes, at, out, to) => {
  const d = halfAt(bytes, at);
  for (let s = 0; s < 8; s++) {
    const scale =
      ((bytes[at + 4 + (s >> 1)] >> (4 * (s & 1))) & 15) | (((bytes[at + 2 + (s >> 2)] >> (2 * (s & 3))) & 3) << 4);
    const step = Math.fround(d * (scale - 32));
    for (let i = 0; i < 32; i++) out[to + 32 * s + i] = step * NON_LINEAR[nibbleAt(bytes, at + 8 + 16 * s, i)];
  }
};

/** The two bits of number i of 256: four numbers, 32 apart, share a byte. */
const bitPairAt = (bytes: Uint8Array, at: number, i: number): number =>
  (bytes[at + (i >> 7) * 32 + (i & 31)] >> (2 * ((i >> 5) & 3))) & 3;

/**
 * 16 bytes with the scales (lower nibbles) and minima of 16 numbers each, 64 bytes of bit pairs, d, dmin: d·scale·q −
 * dmin·min.
 */
const decodeQ2_k: DecodeBlock = (bytes, at, out, to) => {
  const [d, dMin] = [halfAt(bytes, at + 80), halfAt(bytes, at + 82)];
  for (let i = 0; i < 256; i++) {
    const both = bytes[at + (i >> 4)];
    out[to + i] = Math.fround(d * (both & 15)) * bitPairAt(bytes, at + 16, i) - Math.fround(dMin * (both >> 4));
  }
};

/**
 * 32 bytes of third bits (bit i/32 of byte i mod 32), 64 bytes of bit pairs, 12 bytes of 6-bit scales, d; numbers are 4
 * too large, scales 32.
 */
const decodeQ3_k: DecodeBlock = (bytes, at, out, to) => {
  const d = halfAt(bytes, at + 108);
  for (let i = 0; i < 256; i++) {
    const q = bitPairAt(bytes, at + 32, i) | (((bytes[at + (i & 31)] >> (i >> 5)) & 1) << 2);
    out[to + i] = Math.fround(d * (sixBitScale(bytes, at + 96, i >> 4) - 32)) * (q - 4);
  }
};

/**
 * Scale s of 16 from 12 bytes: the lower four bits in the nibbles of the first 8 bytes, the upper two in the last 4.
 */
const sixBitScale = (bytes: Uint8Array, at: number, s: number): number =>
  ((bytes[at + (s & 7)] >> (4 * (s >> 3))) & 15) | (((bytes[at + 8 + (s & 3)] >> (2 * (s >> 2))) & 3) << 4);

/** The 6-bit scale and minimum of sub-block s of 8, from the 12 bytes at `at`. */
export function scaleAndMin(bytes: Uint8Array, at: number, s: number): [number, number] {
  if (s < 4) return [bytes[at + s] & 63, bytes[at + s + 4] & 63];
  const low = bytes[at + s + 4];
  return [(low & 15) | ((bytes[at + s - 4] >> 6) << 4), (low >> 4) | ((bytes[at + s] >> 6) << 4)];
}

/**
 * q4_k and q5_k: d, dmin, 12 bytes of scales, [q5_k: 32 bytes of fifth bits], 128 bytes of nibbles; 8 sub-blocks of 32
 * with value d·sc·q − dmin·m.
 */
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

const e4m3Values = Float32Array.from({ length: 256 }, (_, byte) => fromE4m3(byte));

const decoders: Readonly<Record<Exclude<BlockType, "e4m3">, DecodeBlock>> = {
  q8_0: decodeQ8_0,
  q4_0: decodeQ4_0,
  q4_1: decodeQ4_1,
  q5_0: (bytes, at, out, to) => decodeFiveBits(bytes, at, out, to, false),
  q5_1: (bytes, at, out, to) => decodeFiveBits(bytes, at, out, to, true),
  iq4_nl: decodeIq4_nl,
  mxfp4: decodeMxfp4,
  q2_k: decodeQ2_k,
  q3_k: decodeQ3_k,
  q4_k: (bytes, at, out, to) => decodeWithMins(bytes, at, out, to, false),
  q5_k: (bytes, at, out, to) => decodeWithMins(bytes, at, out, to, true),
  q6_k: decodeQ6_k,
  iq4_xs: decodeIq4_xs,
};

/**
 * What rows that are no whole blocks of a type are stored in instead, as llama-quantize does (llama-quant.cpp,
 * tensor_type_fallback).
 */
const SMALLER_BLOCKS: Readonly<Partial<Record<StorageType, BlockType>>> = {
  q2_k: "iq4_nl",
  q3_k: "iq4_nl",
  iq4_xs: "iq4_nl",
  q4_k: "q5_0",
  q5_k: "q5_1",
  q6_k: "q8_0",
};

/**
 * The type itself where rows of `width` numbers are whole blocks of it, else one of about its size with smaller blocks;
 * undefined where those do not fit either.
 */
export const fittingType = (type: StorageType, width: number): StorageType | undefined =>
  [type, SMALLER_BLOCKS[type]].find(
    (each) => each !== undefined && (!isBlockType(each) || width % blockSizes[each].numbers === 0),
  );

/** Bytes of a row of `width` numbers. Throws ShapeError where a row is not whole blocks. */
export function rowBytes(type: StorageType, width: number): number {
  if (isBlockType(type) && width % blockSizes[type].numbers !== 0)
    throw new ShapeError(`${type}: expected rows of whole blocks of ${blockSizes[type].numbers} numbers, got ${width}`);
  return width * dtypeBytes[type];
}

/**
 * The numbers of one row (or of any whole number of blocks) of weights of any storage type; of e4m3 without their block
 * scales.
 */
export function decodeRow(type: StorageType, bytes: Uint8Array, out: Float32Array): void {
  if (bytes.byteLength !== rowBytes(type, out.length))
    throw new ShapeError(`${type}: ${bytes.byteLength} bytes are no row of ${out.length} numbers`);
  if (type === "e4m3") {
    for (let i = 0; i < out.length; i++) out[i] = e4m3Values[bytes[i]];
    return;
  }
  if (isBlockType(type)) {
    const { numbers, bytes: size } = blockSizes[type];
    for (let b = 0; b * numbers < out.length; b++) decoders[type](bytes, b * size, out, b * numbers);
    return;
  }
  const { buffer, byteOffset } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  if (type === "f32") {
    out.set(new Float32Array(buffer, byteOffset, out.length));
    return;
  }
  const bits = new Uint16Array(buffer, byteOffset, out.length);
  if (type === "f16") for (let i = 0; i < out.length; i++) out[i] = fromF16Bits(bits[i]);
  else {
    const wide = new Uint32Array(out.buffer, out.byteOffset, out.length);
    for (let i = 0; i < out.length; i++) wide[i] = bits[i] << 16;
  }
}
