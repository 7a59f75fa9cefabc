// Test samples of the ops in src/tensor/ops/reduce.ts.
import type { SamplesByOp } from "./sample.js";

const scalar = { shape: [1], dtype: "f32" as const };

/** The samples of each op of the file. */
export const reduceSamples = {
  dot: [
    { inputs: [{ shape: [1000], dtype: "f32" }, null], params: {}, tolerance: 1e-4 },
    {
      inputs: [
        { shape: [7, 9], dtype: "f32" },
        { shape: [7, 9], dtype: "f32" },
      ],
      params: {},
      tolerance: 1e-4,
    },
    { name: "no elements", inputs: [{ shape: [0], dtype: "f32" }, null], params: {} },
  ],
  spread: [
    { inputs: [scalar, null], params: { shape: [70] } },
    { inputs: [scalar, { shape: [7, 10], dtype: "f32" }], params: { shape: [7, 10] } },
  ],
  columnSum: [
    { inputs: [{ shape: [77, 33], dtype: "f32" }], params: { accumulate: false }, tolerance: 1e-4 },
    { inputs: [{ shape: [7, 130], dtype: "bf16" }], params: { accumulate: true }, tolerance: 1e-4 },
    { name: "no rows", inputs: [{ shape: [0, 5], dtype: "f32" }], params: { accumulate: false } },
    { name: "one column", inputs: [{ shape: [70, 1], dtype: "bf16" }], params: { accumulate: false }, tolerance: 1e-4 },
  ],
  sumSquares: [
    { inputs: [{ shape: [1001], dtype: "f32" }], params: { accumulate: false }, tolerance: 1e-5 },
    { inputs: [{ shape: [33], dtype: "f32" }], params: { accumulate: true }, tolerance: 1e-5 },
    { name: "no elements", inputs: [{ shape: [0], dtype: "f32" }], params: { accumulate: true } },
    {
      name: "a NaN shows",
      inputs: [{ shape: [3], dtype: "f32", values: [1, Number.NaN, 2] }],
      params: { accumulate: false },
    },
  ],
  clipFactor: [
    { inputs: [{ ...scalar, values: [9] }], params: { maxNorm: 1 } },
    { inputs: [{ ...scalar, values: [0.04] }], params: { maxNorm: 1 } },
    { name: "NaN stays NaN", inputs: [{ ...scalar, values: [Number.NaN] }], params: { maxNorm: 1 } },
    { name: "no gradient at all", inputs: [{ ...scalar, values: [0] }], params: { maxNorm: 1 } },
  ],
} satisfies Partial<SamplesByOp>;
