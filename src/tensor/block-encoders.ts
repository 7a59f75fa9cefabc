// Weights into blocks, on the host: nearest e4m3, and for the quantised types of GGUF a search for the scales with the least squared error.
// Knows nothing of tensors; block-formats.ts says what the bytes mean.
import { ShapeError } from "../errors.js";
import { fromE4m3, rowBytes, type StorageType, scaleBlock } from "./block-formats.js";
import { type BlockType, blockSizes, encodeBytes, fromF16Bits, isBlockType, roundToEven, toF16Bits } from "./dtype.js";

/** Writes the block of values[from …] to out[at …]. */
type EncodeBlock = (values: ArrayLike<number>, from: number, out: Uint8Array, at: number) => void;

function putHalf(out: Uint8Array, at: number, x: number): number {
  const bits = toF16Bits(x);
  out[at] = bits & 255;
  out[at + 1] = bits >> 8;
  return fromF16Bits(bits);
}

const clampTo = (x: number, low: number, high: number): number => Math.max(low, Math.min(high, x));

/** The number of largest magnitude, with its sign. */
function extreme(values: ArrayLike<number>, from: number, count: number): number {
  let found = 0;
  for (let i = from; i < from + count; i++) if (Math.abs(values[i]) > Math.abs(found)) found = values[i];
  return found;
}

const encodeQ8_0: EncodeBlock = (values, from, out, at) => {
  const d = putHalf(out, at, Math.abs(extreme(values, from, 32)) / 127);
  const inverse = d === 0 ? 0 : 1 / d;
  for (let i = 0; i < 32; i++) out[at + 2 + i] = clampTo(Math.round(values[from + i] * inverse), -127, 127);
};

/** Quanta of a symmetric code and the scale that fits them best. */
interface Fit {
  scale: number;
  quanta: Int8Array;
}

/**
 * The scale for `count` numbers in quanta −limit … limit−1 with the least Σ x²·(x − scale·q)², among scales near those that put the number of
 * largest magnitude on −limit (large weights matter most: the error of a product grows with them).
 */
function fitSymmetric(values: ArrayLike<number>, from: number, count: number, limit: number): Fit {
  const largest = extreme(values, from, count);
  const best: Fit = { scale: 0, quanta: new Int8Array(count) };
  if (largest === 0) return best;
  const quanta = new Int8Array(count);
  let bestGain = 0;
  for (let step = -9; step <= 9; step++) {
    const inverse = -(limit + 0.1 * step) / largest;
    let [cross, square] = [0, 0];
    for (let i = 0; i < count; i++) {
      const x = values[from + i];
      const q = clampTo(Math.round(x * inverse), -limit, limit - 1);
      quanta[i] = q;
      cross += x * x * x * q;
      square += x * x * q * q;
    }
    // The error left by the least-squares scale cross/square is a constant less cross²/square.
    if (square > 0 && cross * cross > bestGain * square) {
      bestGain = (cross * cross) / square;
      best.scale = cross / square;
      best.quanta.set(quanta);
    }
  }
  return best;
}

const encodeQ4_0: EncodeBlock = (values, from, out, at) => {
  const d = putHalf(out, at, fitSymmetric(values, from, 32, 8).scale);
  const inverse = d === 0 ? 0 : 1 / d;
  const code = (i: number) => clampTo(Math.round(values[from + i] * inverse), -8, 7) + 8;
  for (let i = 0; i < 16; i++) out[at + 2 + i] = code(i) | (code(i + 16) << 4);
};

/** Scale and minimum (both ≥ 0) of a sub-block: x ≈ scale·q − min. */
interface AffineFit {
  scale: number;
  min: number;
}

/** The least-squares scale and minimum for given quanta, under weights; null where the quanta do not determine them. */
function solveAffine(values: ArrayLike<number>, from: number, weights: Float64Array, quanta: Uint8Array): AffineFit | null {
  let [w, wq, wqq, wx, wqx] = [0, 0, 0, 0, 0];
  for (let i = 0; i < quanta.length; i++) {
    const [weight, q, x] = [weights[i], quanta[i], values[from + i]];
    w += weight;
    wq += weight * q;
    wqq += weight * q * q;
    wx += weight * x;
    wqx += weight * q * x;
  }
  const determinant = w * wqq - wq * wq;
  if (!(determinant > 0)) return null;
  const min = (wq * wqx - wqq * wx) / determinant;
  if (min < 0) return wqq > 0 ? { scale: wqx / wqq, min: 0 } : null;
  return { scale: (w * wqx - wq * wx) / determinant, min };
}

function quantiseAffine(values: ArrayLike<number>, from: number, { scale, min }: AffineFit, top: number, quanta: Uint8Array): void {
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let i = 0; i < quanta.length; i++) quanta[i] = clampTo(Math.round((values[from + i] + min) * inverse), 0, top);
}

/** A search over step widths around (max − min)/top, each followed by its least-squares fit, weighted by root mean square + |x|. */
function fitAffine(values: ArrayLike<number>, from: number, count: number, top: number): AffineFit {
  let [low, high, squares] = [0, 0, 0];
  for (let i = from; i < from + count; i++) {
    low = Math.min(low, values[i]);
    high = Math.max(high, values[i]);
    squares += values[i] * values[i];
  }
  if (high === low) return { scale: 0, min: 0 };
  const typical = Math.sqrt(squares / count);
  const weights = Float64Array.from({ length: count }, (_, i) => typical + Math.abs(values[from + i]));
  const quanta = new Uint8Array(count);
  let best: AffineFit = { scale: (high - low) / top, min: -low };
  let bestError = Number.POSITIVE_INFINITY;
  const consider = (fit: AffineFit) => {
    quantiseAffine(values, from, fit, top, quanta);
    let error = 0;
    for (let i = 0; i < count; i++) error += weights[i] * (fit.scale * quanta[i] - fit.min - values[from + i]) ** 2;
    if (error < bestError) [best, bestError] = [fit, error];
  };
  consider(best);
  for (let step = 0; step <= 20; step++) {
    quantiseAffine(values, from, { scale: (high - low) / (top - 1 + 0.1 * step), min: -low }, top, quanta);
    const fit = solveAffine(values, from, weights, quanta);
    if (fit && fit.scale > 0) consider(fit);
  }
  return best;
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
function encodeWithMins(values: ArrayLike<number>, from: number, out: Uint8Array, at: number, top: number): void {
  const fits = Array.from({ length: 8 }, (_, s) => fitAffine(values, from + 32 * s, 32, top));
  const d = putHalf(out, at, Math.max(...fits.map((f) => f.scale)) / 63);
  const dMin = putHalf(out, at + 2, Math.max(...fits.map((f) => f.min)) / 63);
  const units = (x: number, unit: number) => (unit === 0 ? 0 : clampTo(Math.round(x / unit), 0, 63));
  const [scales, mins] = [fits.map((f) => units(f.scale, d)), fits.map((f) => units(f.min, dMin))];
  putScalesAndMins(out, at + 4, scales, mins);
  const nibbles = at + (top === 31 ? 48 : 16);
  out.fill(0, at + 16, nibbles + 128);
  const quanta = new Uint8Array(32);
  for (let s = 0; s < 8; s++) {
    quantiseAffine(values, from + 32 * s, { scale: Math.fround(d * scales[s]), min: Math.fround(dMin * mins[s]) }, top, quanta);
    for (let i = 0; i < 32; i++) {
      out[nibbles + (s >> 1) * 32 + i] |= (quanta[i] & 15) << (4 * (s & 1));
      if (top === 31) out[at + 16 + i] |= (quanta[i] >> 4) << s;
    }
  }
}

const encodeQ6_k: EncodeBlock = (values, from, out, at) => {
  const fits = Array.from({ length: 16 }, (_, s) => fitSymmetric(values, from + 16 * s, 16, 32).scale);
  const d = putHalf(out, at + 208, extreme(fits, 0, 16) / -128);
  out.fill(0, at, at + 192);
  for (let s = 0; s < 16; s++) {
    const scale = d === 0 ? 0 : clampTo(Math.round(fits[s] / d), -128, 127);
    out[at + 192 + s] = scale;
    const step = Math.fround(d * scale);
    for (let i = 16 * s; i < 16 * s + 16; i++) {
      const q = (step === 0 ? 0 : clampTo(Math.round(values[from + i] / step), -32, 31)) + 32;
      const [half, part, l] = [i >> 7, (i >> 5) & 3, i & 31];
      out[at + half * 64 + (part & 1) * 32 + l] |= (q & 15) << (4 * (part >> 1));
      out[at + 128 + half * 32 + l] |= (q >> 4) << (2 * part);
    }
  }
};

/** The e4m3 byte nearest to x (ties to even), 448 at most; NaN stays NaN. */
export function toE4m3(x: number): number {
  if (Number.isNaN(x)) return 0x7f;
  const sign = x < 0 || Object.is(x, -0) ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(x), 448);
  const exponent = magnitude === 0 ? -6 : Math.max(-6, Math.floor(Math.log2(magnitude)));
  const units = roundToEven(magnitude * 2 ** (3 - exponent));
  return sign | (units < 8 ? units : ((exponent + 6) << 3) + units);
}

const encoders: Readonly<Record<BlockType, EncodeBlock>> = {
  q8_0: encodeQ8_0,
  q4_0: encodeQ4_0,
  q4_k: (values, from, out, at) => encodeWithMins(values, from, out, at, 15),
  q5_k: (values, from, out, at) => encodeWithMins(values, from, out, at, 31),
  q6_k: encodeQ6_k,
  e4m3: (values, from, out, at) => {
    out[at] = toE4m3(values[from]);
  },
};

/** One row (or any whole number of blocks) of numbers as bytes of any storage type. */
export function encodeRow(type: StorageType, values: ArrayLike<number>, out: Uint8Array): void {
  if (out.byteLength !== rowBytes(type, values.length)) throw new ShapeError(`${type}: ${values.length} numbers do not fill ${out.byteLength} bytes`);
  if (!isBlockType(type)) {
    out.set(encodeBytes(values, type));
    return;
  }
  const { numbers, bytes } = blockSizes[type];
  for (let b = 0; b * numbers < values.length; b++) encoders[type](values, b * numbers, out, b * bytes);
}

/** Numbers [.., width] as bytes of a storage type, row by row. */
export function encodeRows(type: StorageType, values: Float32Array, width: number): Uint8Array {
  const size = rowBytes(type, width);
  const out = new Uint8Array((values.length / width) * size);
  for (let r = 0; r * width < values.length; r++) encodeRow(type, values.subarray(r * width, (r + 1) * width), out.subarray(r * size, (r + 1) * size));
  return out;
}

/** Weights [rows, width] as e4m3 with the scale (largest magnitude / 448) of every 128 × 128 block: scales [⌈rows/128⌉, ⌈width/128⌉], to multiply by. */
export function encodeE4m3Blocks(values: ArrayLike<number>, rows: number, width: number): { bytes: Uint8Array; scales: Float32Array } {
  const across = Math.ceil(width / scaleBlock);
  const scales = new Float32Array(Math.ceil(rows / scaleBlock) * across);
  const scaleAt = (i: number) => Math.floor(Math.floor(i / width) / scaleBlock) * across + Math.floor((i % width) / scaleBlock);
  for (let i = 0; i < rows * width; i++) scales[scaleAt(i)] = Math.max(scales[scaleAt(i)], Math.abs(values[i]));
  for (let i = 0; i < scales.length; i++) scales[i] = scales[i] === 0 ? 1 : scales[i] / fromE4m3(0x7e);
  const bytes = Uint8Array.from({ length: rows * width }, (_, i) => toE4m3(values[i] / scales[scaleAt(i)]));
  return { bytes, scales };
}
