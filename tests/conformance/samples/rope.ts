// Test samples of the ops in src/tensor/ops/rope.ts.
import type { SamplesByOp } from "./sample.js";

const positions = (n: number) => ({
  shape: [n],
  dtype: "i32" as const,
  values: Array.from({ length: n }, (_, i) => (i * 7) % 50),
});

const frequencies = (half: number) => ({
  shape: [half],
  dtype: "f32" as const,
  values: Array.from({ length: half }, (_, i) => 1 / 10 ** i),
});

/** The samples of each op of the file. */
export const ropeSamples = {
  rope: [
    {
      inputs: [{ shape: [5, 3, 8], dtype: "f32" }, positions(5), frequencies(4)],
      params: { offset: 0, interleaved: false, inverse: false, factor: 1 },
    },
    {
      inputs: [{ shape: [5, 2, 24], dtype: "f32" }, positions(5), frequencies(4)],
      params: { offset: 16, interleaved: true, inverse: false, factor: 1 },
    },
    {
      inputs: [{ shape: [5, 2, 24], dtype: "f32" }, positions(5), frequencies(4)],
      params: { offset: 16, interleaved: true, inverse: true, factor: 1.2 },
    },
    {
      inputs: [{ shape: [5, 2, 64], dtype: "bf16" }, positions(5), frequencies(32)],
      params: { offset: 0, interleaved: false, inverse: false, factor: 1 },
    },
    {
      name: "no tokens",
      inputs: [{ shape: [0, 2, 8], dtype: "f32" }, positions(0), frequencies(4)],
      params: { offset: 0, interleaved: false, inverse: false, factor: 1 },
    },
    {
      name: "in the middle of a head",
      inputs: [{ shape: [3, 1, 11], dtype: "bf16" }, positions(3), frequencies(2)],
      params: { offset: 3, interleaved: true, inverse: false, factor: 1.1 },
    },
  ],
  mlaAssemble: [
    {
      inputs: [
        { shape: [5, 3, 14], dtype: "f32" },
        { shape: [5, 3, 15], dtype: "f32" },
        { shape: [5, 8], dtype: "f32" },
        positions(5),
        frequencies(4),
      ],
      params: { nope: 6, value: 9, interleaved: true, factor: 1 },
    },
    {
      inputs: [
        { shape: [5, 2, 40], dtype: "bf16" },
        { shape: [5, 2, 56], dtype: "bf16" },
        { shape: [5, 16], dtype: "bf16" },
        positions(5),
        frequencies(8),
      ],
      params: { nope: 24, value: 32, interleaved: false, factor: 1 },
    },
  ],
  mlaAssembleBackward: [
    {
      inputs: [
        { shape: [5, 3, 14], dtype: "f32" },
        { shape: [5, 3, 14], dtype: "f32" },
        { shape: [5, 3, 9], dtype: "f32" },
        positions(5),
        frequencies(4),
      ],
      params: { nope: 6, value: 9, interleaved: true, factor: 1 },
    },
    {
      inputs: [
        { shape: [5, 2, 40], dtype: "bf16" },
        { shape: [5, 2, 40], dtype: "bf16" },
        { shape: [5, 2, 32], dtype: "bf16" },
        positions(5),
        frequencies(8),
      ],
      params: { nope: 24, value: 32, interleaved: false, factor: 1 },
    },
  ],
} satisfies Partial<SamplesByOp>;
