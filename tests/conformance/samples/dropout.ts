// Test samples of the ops in src/tensor/ops/dropout.ts.
import type { SamplesByOp } from "./sample.js";

const params = { rate: 0.3, key0: 12345, key1: -67890 };

/** The samples of each op of the file. */
export const dropoutSamples = {
  dropout: [
    { inputs: [{ shape: [7, 37], dtype: "f32" }], params },
    { inputs: [{ shape: [5, 64], dtype: "bf16" }], params },
    { name: "next to all", inputs: [{ shape: [40, 3], dtype: "f32" }], params: { ...params, rate: 0.9 } },
    { name: "none", inputs: [{ shape: [3, 5], dtype: "f32" }], params: { ...params, rate: 0 } },
    { name: "no rows", inputs: [{ shape: [0, 6], dtype: "f32" }], params },
  ],
} satisfies Pick<SamplesByOp, "dropout">;
