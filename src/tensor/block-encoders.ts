// Weights into blocks, on the host: nearest e4m3, and for the quantised types of GGUF a search for the scales with the
// least squared error. Knows nothing of tensors; block-formats.ts says what the bytes mean.
import { ShapeError } from "../errors.js";
import { fromE4m3, rowBytes, type StorageType, scaleBlock } from "./block-formats.js";
import { type BlockType, blockSizes, fromF16Bits, isBlockType, roundToEven, toBf16Bits, toF16Bits } from "./dtype.js";

/** Writes the block of values[from …] to out[at …]. */
type EncodeBlock = (values: Float32Array, from: number, out: Uint8Array, at: number) => void;

function putHalf(out: Uint8Array, at: number, x: number): number {
  const bits = toF16Bits(x);
  out[at] = bits & 255;
  out[at + 1] = bits >> 8;
  return fromF16Bits(bits);
}

/** Comparisons, as Math.min and Math.max with their care for NaN and signed zeros are several times slower here. */
const clampTo = (x: number, low: number, high: number): number => (x < low ? low : x > high ? high : x);

/** The number of largest magnitude, with its sign. */
function extreme(values: ArrayLike<number>, from: number, count: number): number {
  let found = 0;
  let size = 0;
  for (let i = from; i < from + count; i++) {
    const magnitude = Math.abs(values[i]);
    if (magnitude > size) {
      size = magnitude;
      found = values[i];
    }
  }
  return found;
}

const encodeQ8_0: EncodeBlock = (values, from, out, at) => {
  const d = putHalf(out, at, Math.abs(extreme(values, from, 32)) / 127);
  const inverse = d === 0 ? 0 : 1 / d;
  for (let i = 0; i < 32; i++) out[at + 2 + i] = clampTo(roundToEven(values[from + i] * inverse), -127, 127);
};

/**
 * The scale for `count` numbers in quanta −limit … limit−1 with the least Σ x²·(x − scale·q)², among scales near those
 * that put the number of largest magnitude on −limit (large weights matter most: the error of a product grows with
 * them).
 */
function fitSymmetric(values: Float32Array, from: number, count: number, limit: number): number {
  const largest = extreme(values, from, count);
  if (largest === 0) return 0;
  let scale = 0;
  let bestGain = 0;
  for (let step = -9; step <= 9; step++) {
    const inverse = -(limit + 0.1 * step) / largest;
    let cross = 0;
    let square = 0;
    for (let i = from; i < from + count; i++) {
      const x = values[i];
      const q = clampTo(roundToEven(x * inverse), -limit, limit - 1);
      const weighted = x * x * q;
      cross += weighted * x;
      square += weighted * q;
    }
    // The error left by the least-squares scale cross/square is a constant less cross²/square.
    if (square > 0 && cross * cross > bestGain * square) {
      bestGain = (cross * cross) / square;
      scale = cross / square;
    }
  }
  return scale;
}

const WIDTH = 32;
const quantaOf = new Uint8Array(WIDTH);

/**
 * Quanta of 32 numbers as nibbles, those of numbers 0–15 below those of 16–31, after their fifth bits where
 * `hasFifthBits`.
 */
function putNibbles(quanta: Uint8Array, out: Uint8Array, at: number, hasFifthBits: boolean): void {
  const nibbles = at + (hasFifthBits ? 4 : 0);
  out.fill(0, at, nibbles + 16);
  for (let i = 0; i < WIDTH; i++) {
    out[nibbles + (i & 15)] |= (quanta[i] & 15) << (i < 16 ? 0 : 4);
    if (hasFifthBits) out[at + (i >> 3)] |= (quanta[i] >> 4) << (i & 7);
  }
}

/** q4_0 (limit 8) and q5_0 (limit 16). */
function encodeSymmetric(values: Float32Array, from: number, out: Uint8Array, at: number, limit: number): void {
  const d = putHalf(out, at, fitSymmetric(values, from, WIDTH, limit));
  const inverse = d === 0 ? 0 : 1 / d;
  for (let i = 0; i < WIDTH; i++)
    quantaOf[i] = clampTo(roundToEven(values[from + i] * inverse), -limit, limit - 1) + limit;
  putNibbles(quantaOf, out, at + 2, limit === 16);
}

/** q4_1 (top 15) and q5_1 (top 31). */
function encodeWithMin(values: Float32Array, from: number, out: Uint8Array, at: number, top: number): void {
  const fit = fitAffine(values, from, top, false);
  const scale = putHalf(out, at, fit.scale);
  const min = -putHalf(out, at + 2, 0 - fit.min);
  quantiseAffine(values, from, { scale, min }, top, quantaOf);
  putNibbles(quantaOf, out, at + 4, top === 31);
}

/** Scale (≥ 0) and minimum of a sub-block: x ≈ scale·q − min. */
interface AffineFit {
  scale: number;
  min: number;
}

const weightOf = new Float64Array(WIDTH);

/**
 * A search over step widths around (max − min)/top: each gives quanta, the quanta a least-squares scale and minimum,
 * and the fit with the least error under weights (root mean square + |x|) is kept. That error follows from the sums
 * over the quanta alone. `fromZero`: the minimum is not negative, for types that store it so, and zero lies in what the
 * quanta reach.
 */
function fitAffine(values: Float32Array, from: number, top: number, fromZero: boolean): AffineFit {
  let low = fromZero ? 0 : values[from];
  let high = low;
  let squares = 0;
  for (let i = from; i < from + WIDTH; i++) {
    const x = values[i];
    if (x < low) low = x;
    if (x > high) high = x;
    squares += x * x;
  }
  if (high === low) return { scale: 0, min: 0 - low };
  const typical = Math.sqrt(squares / WIDTH);
  let w = 0;
  let wx = 0;
  let wxx = 0;
  for (let i = 0; i < WIDTH; i++) {
    const x = values[from + i];
    const weight = typical + Math.abs(x);
    weightOf[i] = weight;
    w += weight;
    wx += weight * x;
    wxx += weight * x * x;
  }
  const best: AffineFit = { scale: (high - low) / top, min: -low };
  let bestError = Number.POSITIVE_INFINITY;
  for (let step = 0; step <= 20; step++) {
    const inverse = (top - 1 + 0.1 * step) / (high - low);
    let wq = 0;
    let wqq = 0;
    let wqx = 0;
    for (let i = 0; i < WIDTH; i++) {
      const x = values[from + i];
      const q = clampTo(roundToEven((x - low) * inverse), 0, top);
      const weighted = weightOf[i] * q;
      wq += weighted;
      wqq += weighted * q;
      wqx += weighted * x;
    }
    const determinant = w * wqq - wq * wq;
    if (!(determinant > 0)) continue;
    let min = (wq * wqx - wqq * wx) / determinant;
    let scale = (w * wqx - wq * wx) / determinant;
    if (fromZero && min < 0) {
      min = 0;
      scale = wqx / wqq;
    }
    const error = scale * scale * wqq + min * min * w + wxx - 2 * (scale * min * wq + scale * wqx - min * wx);
    if (scale > 0 && error < bestError) {
      bestError = error;
      best.scale = scale;
      best.min = min;
    }
  }
  return best;
}

function quantiseAffine(
  values: Float32Array,
  from: number,
  { scale, min }: AffineFit,
  top: number,
  quanta: Uint8Array,
): void {
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let i = 0; i < WIDTH; i++) quanta[i] = clampTo(roundToEven((values[from + i] + min) * inverse), 0, top);
}

/** The 12 bytes of eight 6-bit scales and minima (see scaleAndMin). */
function putScalesAndMins(out: Uint8Array, at: number, scales: readonly number[], mins: readonly number[]): void {
  for (let s = 0; s < 4; s++) {
    out[at + s] = scales[s] | ((scales[s + 4] >> 4) << 6);
    out[at + s + 4] = mins[s] | ((mins[s + 4] >> 4) << 6);
    out[at + s + 8] = (scales[s + 4] & 15) | ((mins[s + 4] & 15) << 4);
  }
}

/** q4_k (top 15) and q5_k (top 31). */
function encodeWithMins(values: Float32Array, from: number, out: Uint8Array, at: number, top: number): void {
  const fits = Array.from({ length: 8 }, (_, s) => fitAffine(values, from + 32 * s, top, true));
  const d = putHalf(out, at, Math.max(...fits.map((f) => f.scale)) / 63);
  const dMin = putHalf(out, at + 2, Math.max(...fits.map((f) => f.min)) / 63);
  const units = (x: number, unit: number) => (unit === 0 ? 0 : clampTo(roundToEven(x / unit), 0, 63));
  const [scales, mins] = [fits.map((f) => units(f.scale, d)), fits.map((f) => units(f.min, dMin))];
  putScalesAndMins(out, at + 4, scales, mins);
  const nibbles = at + (top === 31 ? 48 : 16);
  out.fill(0, at + 16, nibbles + 128);
  const quanta = quantaOf;
  for (let s = 0; s < 8; s++) {
    quantiseAffine(
      values,
      from + 32 * s,
      { scale: Math.fround(d * scales[s]), min: Math.fround(dMin * mins[s]) },
      top,
      quanta,
    );
    for (let i = 0; i < 32; i++) {
      out[nibbles + (s >> 1) * 32 + i] |= (quanta[i] & 15) << (4 * (s & 1));
      if (top === 31) out[at + 16 + i] |= (quanta[i] >> 4) << s;
    }
  }
}

const encodeQ6_k: EncodeBlock = (values, from, out, at) => {
  const fits = Array.from({ length: 16 }, (_, s) => fitSymmetric(values, from + 16 * s, 16, 32));
  const d = putHalf(out, at + 208, extreme(fits, 0, 16) / -128);
  out.fill(0, at, at + 192);
  for (let s = 0; s < 16; s++) {
    const scale = d === 0 ? 0 : clampTo(roundToEven(fits[s] / d), -128, 127);
    out[at + 192 + s] = scale;
    const step = Math.fround(d * scale);
    for (let i = 16 * s; i < 16 * s + 16; i++) {
      const q = (step === 0 ? 0 : clampTo(roundToEven(values[from + i] / step), -32, 31)) + 32;
      const [half, part, l] = [i >> 7, (i >> 5) & 3, i & 31];
      out[at + half * 64 + (part & 1) * 32 + l] |= (q & 15) << (4 * (part >> 1));
      out[at + 128 + half * 32 + l] |= (q >> 4) << (2 * part);
    }
  }
};

const scratchF32 = new Float32Array(1);
const scratchU32 = new Uint32Array(scratchF32.buffer);

/** The e4m3 byte nearest to x (ties to even), 448 at most; NaN stays NaN. */
export function toE4m3(x: number): number {
  scratchF32[0] = x;
  const bits = scratchU32[0];
  const sign = (bits >>> 24) & 0x80;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return 0x7f;
  if (magnitude >= 0x43e00000) return sign | 0x7e;
  // Below 2^-6 neighbours are 2^-9 apart.
  if (magnitude < 0x3c800000) return sign | roundToEven(Math.abs(scratchF32[0]) * 512);
  return sign | ((magnitude - 0x3c000000 + 0x7ffff + ((magnitude >>> 20) & 1)) >>> 20);
}

const encoders = {
  q8_0: encodeQ8_0,
  q4_0: (values, from, out, at) => encodeSymmetric(values, from, out, at, 8),
  q4_1: (values, from, out, at) => encodeWithMin(values, from, out, at, 15),
  q5_0: (values, from, out, at) => encodeSymmetric(values, from, out, at, 16),
  q5_1: (values, from, out, at) => encodeWithMin(values, from, out, at, 31),
  q4_k: (values, from, out, at) => encodeWithMins(values, from, out, at, 15),
  q5_k: (values, from, out, at) => encodeWithMins(values, from, out, at, 31),
  q6_k: encodeQ6_k,
} satisfies Partial<Record<BlockType, EncodeBlock>>;

/** Block types that numbers are encoded into; the others are only read. */
export type EncodedBlockType = keyof typeof encoders | "e4m3";
/** Storage types that numbers are encoded into. */
export type EncodedType = Exclude<StorageType, BlockType> | EncodedBlockType;
/** Whether numbers are encoded into a type. */
export const isEncodedType = (type: StorageType): type is EncodedType =>
  !isBlockType(type) || type === "e4m3" || Object.hasOwn(encoders, type);
/** Every EncodedBlockType. */
export const encodedBlockTypes = [...(Object.keys(encoders) as (keyof typeof encoders)[]), "e4m3"] as const;

/** One row (or any whole number of blocks) of numbers as bytes of a storage type. */
export function encodeRow(type: EncodedType, values: ArrayLike<number>, out: Uint8Array): void {
  if (out.byteLength !== rowBytes(type, values.length))
    throw new ShapeError(`${type}: ${values.length} numbers do not fill ${out.byteLength} bytes`);
  const floats = values instanceof Float32Array ? values : Float32Array.from(values);
  if (type === "e4m3") for (let i = 0; i < floats.length; i++) out[i] = toE4m3(floats[i]);
  else if (!isBlockType(type)) out.set(encodeFloats(floats, type));
  else {
    const { numbers, bytes } = blockSizes[type];
    for (let b = 0; b * numbers < floats.length; b++) encoders[type](floats, b * numbers, out, b * bytes);
  }
}

function encodeFloats(values: Float32Array, type: "f32" | "bf16" | "f16"): Uint8Array {
  if (type === "f32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const out = new Uint16Array(values.length);
  if (type === "f16") for (let i = 0; i < out.length; i++) out[i] = toF16Bits(values[i]);
  else for (let i = 0; i < out.length; i++) out[i] = toBf16Bits(values[i]);
  return new Uint8Array(out.buffer);
}

/** Numbers [.., width] as bytes of a storage type, row by row. */
export function encodeRows(type: EncodedType, values: Float32Array, width: number): Uint8Array {
  const size = rowBytes(type, width);
  const out = new Uint8Array((values.length / width) * size);
  for (let r = 0; r * width < values.length; r++)
    encodeRow(type, values.subarray(r * width, (r + 1) * width), out.subarray(r * size, (r + 1) * size));
  return out;
}

/**
 * Weights [rows, width] as e4m3 with the scale (largest magnitude / 448) of every 128 × 128 block: scales [⌈rows/128⌉,
 * ⌈width/128⌉], to multiply by.
 */
export function encodeE4m3Blocks(
  values: ArrayLike<number>,
  rows: number,
  width: number,
): { bytes: Uint8Array; scales: Float32Array } {
  const across = Math.ceil(width / scaleBlock);
  const scales = new Float32Array(Math.ceil(rows / scaleBlock) * across);
  const scaleAt = (i: number) =>
    Math.floor(Math.floor(i / width) / scaleBlock) * across + Math.floor((i % width) / scaleBlock);
  for (let i = 0; i < rows * width; i++) scales[scaleAt(i)] = Math.max(scales[scaleAt(i)], Math.abs(values[i]));
  for (let i = 0; i < scales.length; i++) scales[i] = scales[i] === 0 ? 1 : scales[i] / fromE4m3(0x7e);
  const bytes = Uint8Array.from({ length: rows * width }, (_, i) => toE4m3(values[i] / scales[scaleAt(i)]));
  return { bytes, scales };
}
