// Test samples of the ops in src/tensor/ops/norm.ts.
import type { SamplesByOp } from "./sample.js";

/** The samples of each op of the file. */
export const normSamples = {
  rmsNorm: [
    {
      inputs: [
        { shape: [5, 33], dtype: "f32" },
        { shape: [33], dtype: "f32" },
      ],
      params: { eps: 1e-6, dtype: "f32" },
    },
    {
      name: "one plus the weight",
      inputs: [
        { shape: [5, 33], dtype: "f32" },
        { shape: [33], dtype: "f32" },
      ],
      params: { eps: 1e-6, weightOffset: 1, dtype: "f32" },
    },
    {
      inputs: [
        { shape: [7, 128], dtype: "f32" },
        { shape: [128], dtype: "f32" },
      ],
      params: { eps: 1e-5, dtype: "bf16" },
    },
    {
      inputs: [
        { shape: [3, 64], dtype: "bf16" },
        { shape: [64], dtype: "f32" },
      ],
      params: { eps: 1e-6, dtype: "bf16" },
    },
    {
      name: "one column",
      inputs: [
        { shape: [3, 1], dtype: "f32" },
        { shape: [1], dtype: "f32" },
      ],
      params: { eps: 0.2, dtype: "f32" },
    },
    {
      name: "no rows",
      inputs: [
        { shape: [0, 8], dtype: "f32" },
        { shape: [8], dtype: "f32" },
      ],
      params: { eps: 1e-6, dtype: "f32" },
    },
    {
      name: "NaN in one row",
      inputs: [
        { shape: [2, 2], dtype: "f32", values: [1, Number.NaN, 3, 4] },
        { shape: [2], dtype: "f32" },
      ],
      params: { eps: 1e-6, dtype: "f32" },
    },
  ],
  rmsNormBackward: [
    {
      name: "one plus the weight",
      inputs: [
        { shape: [5, 33], dtype: "f32" },
        { shape: [33], dtype: "f32" },
        { shape: [5], dtype: "f32" },
        { shape: [5, 33], dtype: "f32" },
      ],
      params: { weightOffset: 1, accumulate: false },
      tolerance: 1e-4,
    },
    {
      inputs: [
        { shape: [5, 33], dtype: "f32" },
        { shape: [33], dtype: "f32" },
        { shape: [5], dtype: "f32" },
        { shape: [5, 33], dtype: "f32" },
      ],
      params: { accumulate: false },
      tolerance: 1e-4,
    },
    {
      inputs: [
        { shape: [70, 64], dtype: "f32" },
        { shape: [64], dtype: "f32" },
        { shape: [70], dtype: "f32" },
        { shape: [70, 64], dtype: "bf16" },
      ],
      params: { accumulate: true },
      tolerance: 1e-4,
    },
    {
      inputs: [
        { shape: [9, 48], dtype: "bf16" },
        { shape: [48], dtype: "f32" },
        { shape: [9], dtype: "f32" },
        { shape: [9, 48], dtype: "bf16" },
      ],
      params: { accumulate: false },
      tolerance: 1e-4,
    },
    {
      name: "no rows",
      inputs: [
        { shape: [0, 8], dtype: "f32" },
        { shape: [8], dtype: "f32" },
        { shape: [0], dtype: "f32" },
        { shape: [0, 8], dtype: "f32" },
      ],
      params: { accumulate: true },
    },
  ],
} satisfies Partial<SamplesByOp>;
