// Test samples of the ops in src/tensor/ops/linear.ts.
import type { GemmParams } from "../../../src/tensor/ops/linear.js";
import type { SamplesByOp } from "./sample.js";

const plain: GemmParams = { transA: false, transB: false, accumulate: false, dtype: "f32", compute: "f32" };

/** The samples of each op of the file. */
export const linearSamples = {
  gemm: [
    { inputs: [{ shape: [5, 7], dtype: "f32" }, { shape: [7, 9], dtype: "f32" }, null, null], params: plain },
    {
      inputs: [
        { shape: [33, 17], dtype: "f32" },
        { shape: [40, 17], dtype: "f32" },
        { shape: [40], dtype: "f32" },
        { shape: [33, 40], dtype: "f32" },
      ],
      params: { ...plain, transB: true },
    },
    {
      inputs: [{ shape: [65, 19], dtype: "f32" }, { shape: [65, 35], dtype: "f32" }, null, null],
      params: { ...plain, transA: true, accumulate: true },
    },
    {
      name: "bf16",
      inputs: [{ shape: [37, 64], dtype: "bf16" }, { shape: [48, 64], dtype: "bf16" }, null, null],
      params: { ...plain, transB: true, dtype: "bf16", compute: "bf16" },
    },
    {
      name: "bf16 dX",
      inputs: [{ shape: [37, 48], dtype: "bf16" }, { shape: [48, 65], dtype: "bf16" }, null, null],
      params: { ...plain, dtype: "bf16", compute: "bf16" },
    },
    {
      name: "bf16 dW",
      inputs: [{ shape: [131, 48], dtype: "bf16" }, { shape: [131, 33], dtype: "bf16" }, null, null],
      params: { ...plain, transA: true, compute: "bf16" },
      tolerance: 1e-4,
    },
    {
      name: "mixed",
      inputs: [{ shape: [3, 130], dtype: "bf16" }, { shape: [100, 130], dtype: "f32" }, null, null],
      params: { ...plain, transB: true },
      tolerance: 1e-4,
    },
    {
      name: "bf16 residual and bias",
      inputs: [
        { shape: [17, 33], dtype: "bf16" },
        { shape: [24, 33], dtype: "f32" },
        { shape: [24], dtype: "f32" },
        { shape: [17, 24], dtype: "bf16" },
      ],
      params: { ...plain, transB: true },
    },
    {
      name: "bf16 out with f32 residual",
      inputs: [{ shape: [3, 8], dtype: "f32" }, { shape: [5, 8], dtype: "f32" }, null, { shape: [3, 5], dtype: "f32" }],
      params: { ...plain, transB: true, dtype: "bf16" },
    },
    {
      name: "accumulate with bias",
      inputs: [{ shape: [1, 3], dtype: "f32" }, { shape: [3, 1], dtype: "f32" }, { shape: [1], dtype: "f32" }, null],
      params: { ...plain, accumulate: true },
    },
    {
      name: "both transposed",
      inputs: [{ shape: [7, 5], dtype: "f32" }, { shape: [9, 7], dtype: "f32" }, null, null],
      params: { ...plain, transA: true, transB: true },
    },
    {
      name: "no rows",
      inputs: [{ shape: [0, 7], dtype: "f32" }, { shape: [9, 7], dtype: "f32" }, null, null],
      params: { ...plain, transB: true },
    },
    {
      name: "nothing to add up",
      inputs: [{ shape: [4, 0], dtype: "f32" }, { shape: [9, 0], dtype: "f32" }, { shape: [9], dtype: "f32" }, null],
      params: { ...plain, transB: true },
    },
    {
      name: "NaN in one row",
      inputs: [
        { shape: [2, 2], dtype: "f32", values: [1, Number.NaN, 3, 4] },
        { shape: [3, 2], dtype: "f32" },
        null,
        null,
      ],
      params: { ...plain, transB: true },
    },
    {
      name: "NaN in one row of bf16",
      inputs: [
        { shape: [2, 2], dtype: "f32", values: [1, Number.NaN, 3, 4] },
        { shape: [3, 2], dtype: "bf16", values: [1, 2, 3, 4, 5, 6] },
        null,
        null,
      ],
      params: { ...plain, transB: true, dtype: "bf16", compute: "bf16" },
    },
  ],
  headMatmul: [
    {
      inputs: [
        { shape: [5, 3, 20], dtype: "f32" },
        { shape: [3 * 12, 20], dtype: "f32" },
      ],
      params: { rowOffset: 5, rows: 7, transposed: false, dtype: "f32" },
    },
    {
      inputs: [
        { shape: [5, 3, 7], dtype: "f32" },
        { shape: [3 * 12, 20], dtype: "f32" },
      ],
      params: { rowOffset: 2, rows: 7, transposed: true, dtype: "f32" },
    },
    {
      inputs: [
        { shape: [4, 2, 16], dtype: "bf16" },
        { shape: [2 * 16, 32], dtype: "bf16" },
      ],
      params: { rowOffset: 0, rows: 16, transposed: true, dtype: "bf16" },
    },
    {
      name: "no tokens",
      inputs: [
        { shape: [0, 3, 20], dtype: "f32" },
        { shape: [3 * 12, 20], dtype: "f32" },
      ],
      params: { rowOffset: 5, rows: 7, transposed: false, dtype: "f32" },
    },
    {
      name: "one token",
      inputs: [
        { shape: [1, 2, 16], dtype: "bf16" },
        { shape: [2 * 24, 16], dtype: "bf16" },
      ],
      params: { rowOffset: 8, rows: 16, transposed: false, dtype: "bf16" },
    },
  ],
} satisfies Partial<SamplesByOp>;
