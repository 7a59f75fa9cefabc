// Test samples of the ops in src/tensor/ops/rows.ts.
import type { SamplesByOp } from "./sample.js";

const ids = (...values: number[]) => ({ shape: [values.length], dtype: "i32" as const, values });

const rowsOf3 = { shape: [3, 2], dtype: "i32" as const, values: [0, 4, 2, 5, 1, 3] };

/** The samples of each op of the file. */
export const rowsSamples = {
  embedding: [
    { inputs: [{ shape: [9, 17], dtype: "f32" }, ids(3, 0, 8, 3, 3)], params: { dtype: "f32" } },
    { inputs: [{ shape: [9, 32], dtype: "f32" }, ids(1, 8)], params: { dtype: "bf16" } },
    { inputs: [{ shape: [4, 9], dtype: "bf16" }, ids(3, 3, 0)], params: { dtype: "bf16" } },
    { name: "no tokens", inputs: [{ shape: [4, 9], dtype: "f32" }, ids()], params: { dtype: "f32" } },
  ],
  embeddingBackward: [
    { inputs: [ids(3, 0, 8, 3, 3), { shape: [5, 17], dtype: "f32" }], params: { vocab: 9, accumulate: false } },
    { inputs: [ids(3, 0, 3), { shape: [3, 33], dtype: "bf16" }], params: { vocab: 5, accumulate: true } },
    { name: "no tokens", inputs: [ids(), { shape: [0, 9], dtype: "f32" }], params: { vocab: 3, accumulate: false } },
  ],
  gatherRows: [
    { inputs: [{ shape: [6, 17], dtype: "f32" }, ids(5, 0, 0, 2), null], params: {} },
    { inputs: [{ shape: [6, 33], dtype: "bf16" }, ids(1, 1), null], params: {} },
    { name: "no rows", inputs: [{ shape: [6, 9], dtype: "f32" }, ids(), null], params: {} },
    {
      name: "with the inverse",
      inputs: [{ shape: [3, 17], dtype: "f32" }, ids(0, 2, 1, 2, 0, 1), rowsOf3],
      params: {},
    },
  ],
  gatherSumRows: [
    { inputs: [{ shape: [6, 17], dtype: "f32" }, rowsOf3], params: { dtype: "f32" } },
    { inputs: [{ shape: [6, 64], dtype: "bf16" }, rowsOf3], params: { dtype: "bf16" } },
    {
      name: "no tokens",
      inputs: [
        { shape: [0, 9], dtype: "f32" },
        { shape: [0, 2], dtype: "i32", values: [] },
      ],
      params: { dtype: "f32" },
    },
  ],
  scatterAddRows: [
    { inputs: [{ shape: [4, 17], dtype: "f32" }, ids(5, 0, 0, 2)], params: { rows: 6, dtype: "f32" } },
    { inputs: [{ shape: [2, 33], dtype: "bf16" }, ids(1, 1)], params: { rows: 3, dtype: "bf16" } },
    { name: "no rows", inputs: [{ shape: [0, 9], dtype: "f32" }, ids()], params: { rows: 3, dtype: "f32" } },
  ],
} satisfies Partial<SamplesByOp>;
