// Paged caches: what a block holds, how numbers of FP8 latents are coded, and how the reference reads them. Knows
// nothing of attention.
//
// A block holds 64 tokens, the number of keys that attention folds in at once.
//   heads   keys [blocks, Hkv, 64, Dk], values [blocks, Hkv, 64, Dv]; a backend may keep them in an order of its own
//           (`Backend.caches`), so that they are made by `emptyPagedHeads`, and read by the ops of a paged cache alone
//   latent  f32 or bf16 [blocks, 64, dc+dR]; in FP8 u8 [blocks, 64, bytes]: dc e4m3, an f32 scale for every 128 of
//   them, dR bf16 (FlashMLA's layout)
import { exponentOf } from "../../elementary.js";
import type { CacheRole } from "../backend.js";
import { type Device, defaultDevice } from "../device.js";
import { fromBf16Bits, type HostArray, toBf16Bits } from "../dtype.js";
import { empty, emptyPacked } from "../engine.js";
import type { HostView } from "../op.js";
import type { Tensor, TensorSpec } from "../tensor.js";

/** Tokens of a block. */
export const BLOCK_TOKENS = 64;
/** Numbers of an FP8 latent that share a scale. */
const SCALE_GROUP = 128;
const E4M3_MAX = 448;
/** Groups whose largest number is below this are stored as zeros: their scale would leave f32. */
const TINY = 2 ** -100;

/** What a cache tensor holds. */
export type PagedRole = CacheRole | "latent";

/** Bytes of one token's FP8 latent: 656 for DeepSeek-V3's 512 + 64 numbers. */
export function fp8LatentBytes(latent: number, rotary: number): number {
  return latent + 4 * Math.ceil(latent / SCALE_GROUP) + 2 * rotary;
}

/** Numbers of the rotary part of an FP8 latent entry of `bytes` bytes. */
export const fp8Rotary = (bytes: number, latent: number): number =>
  (bytes - latent - 4 * Math.ceil(latent / SCALE_GROUP)) / 2;

/** Shape of a cache tensor of heads. */
export const pagedShape = (numBlocks: number, heads: number, width: number): number[] => [
  numBlocks,
  heads,
  BLOCK_TOKENS,
  width,
];

/**
 * Blocks for the keys or values of heads, uninitialised, in the order that the device's attention reads best; owned by
 * the current scope. Throws ConfigError where the device has no order for them.
 */
export function emptyPagedHeads(
  role: CacheRole,
  numBlocks: number,
  heads: number,
  width: number,
  dtype: "f32" | "bf16",
  device: Device = defaultDevice(),
): Tensor {
  const { caches } = device.backend;
  const shape = pagedShape(numBlocks, heads, width);
  if (!caches) return empty(shape, dtype, device);
  return emptyPacked(shape, dtype, caches.cacheBytes({ shape, dtype }, role), device);
}

/** Heads and numbers a head of a cache tensor; `latent` is the width of an FP8 entry's e4m3 part. */
export function pagedWidths(
  { shape, dtype }: TensorSpec,
  role: PagedRole,
  latent = 0,
): { heads: number; width: number } {
  if (role === "latent") return { heads: 1, width: dtype === "u8" ? latent + fp8Rotary(shape[2], latent) : shape[2] };
  return { heads: shape[1], width: shape[3] };
}

/** Whether a tensor has the shape and type of a cache with that role. */
export function isPaged({ shape, dtype }: TensorSpec, role: PagedRole, latent = 0): boolean {
  if (role === "latent") {
    if (shape.length !== 3 || shape[1] !== BLOCK_TOKENS) return false;
    return dtype === "u8"
      ? latent > 0 && latent % 4 === 0 && fp8Rotary(shape[2], latent) >= 0 && shape[2] % 2 === 0
      : dtype === "f32" || dtype === "bf16";
  }
  return (dtype === "f32" || dtype === "bf16") && shape.length === 4 && shape[2] === BLOCK_TOKENS;
}

/** Where number d of a head of the token at `offset` of a block lies, row by row; not for FP8. */
export function pagedIndex({ shape }: TensorSpec, block: number, offset: number, head: number, d: number): number {
  const [heads, width] = shape.length === 3 ? [1, shape[2]] : [shape[1], shape[3]];
  return ((block * heads + head) * BLOCK_TOKENS + offset) * width + d;
}

/** The value of e4m3 bits (finite variant: 0x7f and 0xff are NaN, no infinities). */
export function fromE4m3(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x80 ? -1 : 1, (bits >> 3) & 15, bits & 7];
  if (exponent === 15 && fraction === 7) return Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -9 : (1 + fraction / 8) * 2 ** (exponent - 7));
}

/** The e4m3 bits nearest to x (ties to even), saturating at 448; NaN stays NaN. */
export function toE4m3(x: number): number {
  if (Number.isNaN(x)) return 0x7f;
  const sign = x < 0 || Object.is(x, -0) ? 0x80 : 0;
  const size = Math.min(Math.abs(x), E4M3_MAX);
  const exponent = Math.max(-6, exponentOf(size));
  const steps = roundHalfEven(size / 2 ** (exponent - 3)); // 8 … 16 for normal numbers, 0 … 8 below
  return sign | ((exponent + 6) * 8 + steps);
}

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Writes a latent of `latent` numbers and its rotary part as one FP8 entry at `at`: per 128 numbers the scale is amax /
 * 448, in f32 arithmetic.
 */
export function encodeFp8Latent(
  x: ArrayLike<number>,
  from: number,
  latent: number,
  rotary: number,
  bytes: HostArray,
  at: number,
): void {
  const entry = new DataView(new ArrayBuffer(fp8LatentBytes(latent, rotary)));
  const groups = Math.ceil(latent / SCALE_GROUP);
  for (let g = 0; g < groups; g++) {
    const end = Math.min(latent, (g + 1) * SCALE_GROUP);
    let amax = 0;
    for (let d = g * SCALE_GROUP; d < end; d++) amax = Math.max(amax, Math.abs(x[from + d]));
    const inverse = amax < TINY ? 0 : Math.fround(E4M3_MAX / amax);
    entry.setFloat32(latent + 4 * g, amax < TINY ? 0 : Math.fround(amax / E4M3_MAX), true);
    for (let d = g * SCALE_GROUP; d < end; d++) entry.setUint8(d, toE4m3(Math.fround(x[from + d] * inverse)));
  }
  for (let d = 0; d < rotary; d++) entry.setUint16(latent + 4 * groups + 2 * d, toBf16Bits(x[from + latent + d]), true);
  for (let i = 0; i < entry.byteLength; i++) bytes[at + i] = entry.getUint8(i);
}

/** The numbers of an FP8 entry: e4m3 times scale rounded to bf16, in which attention computes, then the rotary part. */
export function decodeFp8Latent(bytes: HostArray, at: number, latent: number, rotary: number): Float64Array {
  const entry = new DataView(Uint8Array.from(bytes.subarray(at, at + fp8LatentBytes(latent, rotary))).buffer);
  const groups = Math.ceil(latent / SCALE_GROUP);
  return Float64Array.from({ length: latent + rotary }, (_, d) => {
    if (d >= latent) return fromBf16Bits(entry.getUint16(latent + 4 * groups + 2 * (d - latent), true));
    const scale = entry.getFloat32(latent + 4 * Math.floor(d / SCALE_GROUP), true);
    return fromBf16Bits(toBf16Bits(Math.fround(fromE4m3(entry.getUint8(d)) * scale)));
  });
}

/** Reads one head of one cached token. */
export type PagedReader = (block: number, offset: number, head: number) => Float64Array;

/** A reader of a cache tensor on the host. */
export function pagedReader(cache: HostView, role: PagedRole, latent = 0): PagedReader {
  const { width } = pagedWidths(cache, role, latent);
  if (cache.dtype === "u8") {
    const bytes = cache.shape[2];
    return (block, offset) =>
      decodeFp8Latent(cache.data, (block * BLOCK_TOKENS + offset) * bytes, latent, width - latent);
  }
  return (block, offset, head) =>
    Float64Array.from({ length: width }, (_, d) => cache.data[pagedIndex(cache, block, offset, head, d)]);
}
