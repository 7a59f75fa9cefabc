// Test samples of the ops in src/tensor/ops/paged-attention.ts.

import type { CacheRole } from "../../../src/tensor/backend.js";
import { BLOCK_TOKENS, encodeFp8Latent, fp8LatentBytes, pagedShape } from "../../../src/tensor/ops/paged-layout.js";
import type { SampleInput, SamplesByOp } from "./sample.js";

const i32 = (shape: readonly number[], values: readonly number[]): SampleInput => ({ shape, dtype: "i32", values });

const list = (...values: number[]): SampleInput => i32([values.length], values);

const f32 = (...shape: number[]): SampleInput => ({ shape, dtype: "f32" });

const bf16 = (...shape: number[]): SampleInput => ({ shape, dtype: "bf16" });

/** The keys or values of a cache of heads for samples, with random numbers. */
export const cacheOf = (
  role: CacheRole,
  blocks: number,
  heads: number,
  width: number,
  dtype: "f32" | "bf16",
): SampleInput => ({ shape: pagedShape(blocks, heads, width), dtype, role });

/** Both of them. */
export const headsOf = (
  blocks: number,
  heads: number,
  dk: number,
  dv: number,
  dtype: "f32" | "bf16",
): SampleInput[] => [cacheOf("keys", blocks, heads, dk, dtype), cacheOf("values", blocks, heads, dv, dtype)];

/** An FP8 latent cache for samples, of numbers that vary. */
export function fp8Sample(blocks: number, latent: number, rotary: number): SampleInput {
  const bytes = fp8LatentBytes(latent, rotary);
  const values = new Uint8Array(blocks * BLOCK_TOKENS * bytes);
  const row = new Float32Array(latent + rotary);
  for (let t = 0; t < blocks * BLOCK_TOKENS; t++) {
    for (let d = 0; d < row.length; d++) row[d] = Math.sin(t * 12.9 + d * 78.2) * (1 + (t % 5));
    encodeFp8Latent(row, 0, latent, rotary, values, t * bytes);
  }
  return { shape: [blocks, BLOCK_TOKENS, bytes], dtype: "u8", values };
}

/** The samples of each op of the file. */
export const pagedAttentionSamples = {
  pagedWrite: [
    {
      inputs: [f32(3, 2, 6), cacheOf("keys", 4, 2, 6, "f32"), list(3, 0, 3), list(5, 63, 0)],
      params: { role: "keys", latent: 0 },
    },
    {
      inputs: [f32(3, 2, 5), cacheOf("values", 4, 2, 5, "f32"), list(3, 0, 3), list(5, 63, 0)],
      params: { role: "values", latent: 0 },
    },
    {
      inputs: [bf16(3, 2, 34), cacheOf("keys", 4, 2, 34, "bf16"), list(3, 0, 3), list(4, 63, 5)],
      params: { role: "keys", latent: 0 },
    },
    {
      inputs: [bf16(3, 2, 33), cacheOf("values", 4, 2, 33, "bf16"), list(3, 0, 3), list(4, 63, 5)],
      params: { role: "values", latent: 0 },
    },
    {
      name: "f32 into bf16",
      inputs: [f32(2, 1, 16), cacheOf("keys", 1, 1, 16, "bf16"), list(0, 0), list(8, 7)],
      params: { role: "keys", latent: 0 },
    },
    {
      name: "latents",
      inputs: [f32(2, 20), bf16(2, 64, 20), list(1, 0), list(2, 63)],
      params: { role: "latent", latent: 0 },
    },
    {
      name: "FP8 latents",
      inputs: [f32(3, 152), fp8Sample(2, 136, 16), list(1, 0, 1), list(2, 63, 1)],
      params: { role: "latent", latent: 136 },
    },
    {
      name: "FP8 latents of every size",
      inputs: [
        { shape: [1, 24], dtype: "f32", values: Array.from({ length: 24 }, (_, i) => 3 ** (i / 2 - 6) * (-1) ** i) },
        fp8Sample(1, 20, 4),
        list(0),
        list(9),
      ],
      params: { role: "latent", latent: 20 },
    },
    {
      name: "FP8 latents of zero, from bf16",
      inputs: [{ ...bf16(1, 24), values: new Array(24).fill(0) }, fp8Sample(1, 20, 4), list(0), list(9)],
      params: { role: "latent", latent: 20 },
    },
    {
      name: "no rows",
      inputs: [f32(0, 2, 6), cacheOf("keys", 4, 2, 6, "f32"), list(), list()],
      params: { role: "keys", latent: 0 },
    },
  ],
  pagedAttention: [
    {
      name: "one query each",
      inputs: [
        f32(3, 4, 8),
        ...headsOf(5, 2, 8, 6, "f32"),
        i32([3, 2], [4, 1, 0, 0, 2, 3]),
        list(0, 1, 2, 3),
        list(70, 1, 65),
      ],
      params: { scale: 0.3, valueWidth: 6 },
    },
    {
      name: "a chunk and drafts in bf16",
      inputs: [
        bf16(23, 6, 32),
        ...headsOf(6, 2, 32, 32, "bf16"),
        i32([3, 3], [4, 1, 5, 0, 0, 0, 2, 3, 0]),
        list(0, 19, 20, 23),
        list(131, 64, 67),
      ],
      params: { scale: 0.2, valueWidth: 32 },
    },
    {
      name: "a window",
      inputs: [f32(9, 4, 8), ...headsOf(5, 2, 8, 6, "f32"), i32([2, 2], [4, 1, 2, 3]), list(0, 8, 9), list(70, 65)],
      params: { scale: 0.3, valueWidth: 6, window: 5 },
    },
    {
      name: "a window in bf16",
      inputs: [
        bf16(23, 6, 32),
        ...headsOf(6, 2, 32, 32, "bf16"),
        i32([3, 3], [4, 1, 5, 0, 0, 0, 2, 3, 0]),
        list(0, 19, 20, 23),
        list(131, 64, 67),
      ],
      params: { scale: 0.2, valueWidth: 32, window: 60 },
    },
    {
      name: "f32 query, bf16 cache",
      inputs: [f32(2, 2, 16), ...headsOf(3, 2, 16, 16, "bf16"), i32([1, 2], [2, 0]), list(0, 2), list(66)],
      params: { scale: 0.3, valueWidth: 16 },
    },
    {
      name: "latent",
      inputs: [bf16(3, 8, 40), bf16(4, 64, 40), null, i32([2, 2], [1, 3, 0, 0]), list(0, 2, 3), list(100, 33)],
      params: { scale: 0.2, valueWidth: 32 },
    },
    {
      name: "f32 latent",
      inputs: [f32(3, 5, 24), f32(4, 64, 24), null, i32([2, 2], [1, 3, 0, 0]), list(0, 2, 3), list(100, 33)],
      params: { scale: 0.2, valueWidth: 20 },
    },
    {
      name: "FP8 latent",
      inputs: [bf16(3, 8, 152), fp8Sample(4, 136, 16), null, i32([2, 2], [1, 3, 0, 0]), list(0, 2, 3), list(100, 33)],
      params: { scale: 0.05, valueWidth: 136 },
    },
    {
      name: "FP8 latent, f32 query",
      inputs: [f32(1, 3, 24), fp8Sample(1, 20, 4), null, i32([1, 1], [0]), list(0, 1), list(7)],
      params: { scale: 0.05, valueWidth: 20 },
    },
    {
      name: "a sequence without queries, one without context",
      inputs: [f32(1, 2, 8), ...headsOf(2, 1, 8, 8, "f32"), i32([2, 1], [0, 1]), list(0, 0, 1), list(9, 1)],
      params: { scale: 0.3, valueWidth: 8 },
    },
    {
      name: "no rows",
      inputs: [f32(0, 2, 8), ...headsOf(2, 1, 8, 8, "f32"), i32([0, 1], []), list(0), list()],
      params: { scale: 0.3, valueWidth: 8 },
    },
    {
      name: "soft cap and window",
      inputs: [f32(9, 4, 8), ...headsOf(5, 2, 8, 6, "f32"), i32([2, 2], [4, 1, 2, 3]), list(0, 8, 9), list(70, 65)],
      params: { scale: 0.3, softCap: 0.9, valueWidth: 6, window: 5 },
    },
    {
      name: "soft cap in bf16",
      inputs: [
        bf16(23, 6, 32),
        ...headsOf(6, 2, 32, 32, "bf16"),
        i32([3, 3], [4, 1, 5, 0, 0, 0, 2, 3, 0]),
        list(0, 19, 20, 23),
        list(131, 64, 67),
      ],
      params: { scale: 0.2, softCap: 1.1, valueWidth: 32 },
    },
  ],
  gatherPaged: [
    {
      inputs: [bf16(3, 64, 20), i32([2, 2], [2, 0, 1, 0]), list(0, 70, 73)],
      params: { rows: 73, latent: 0, dtype: "bf16" },
    },
    {
      inputs: [f32(3, 64, 20), i32([2, 2], [2, 0, 1, 0]), list(0, 70, 73)],
      params: { rows: 73, latent: 0, dtype: "bf16" },
    },
    {
      name: "FP8",
      inputs: [fp8Sample(3, 136, 16), i32([2, 2], [2, 0, 1, 0]), list(0, 70, 73)],
      params: { rows: 73, latent: 136, dtype: "bf16" },
    },
    {
      name: "FP8 to f32",
      inputs: [fp8Sample(1, 20, 4), i32([1, 1], [0]), list(0, 9)],
      params: { rows: 9, latent: 20, dtype: "f32" },
    },
    {
      name: "nothing",
      inputs: [bf16(3, 64, 20), i32([0, 2], []), list(0)],
      params: { rows: 0, latent: 0, dtype: "bf16" },
    },
  ],
} satisfies Partial<SamplesByOp>;
