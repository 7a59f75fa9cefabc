// Test samples of the ops in src/tensor/ops/optimizer.ts.
import type { AdamWParams } from "../../../src/tensor/ops/optimizer.js";
import type { SamplesByOp } from "./sample.js";

const vector = { shape: [67], dtype: "f32" as const };

const positive = { ...vector, values: Array.from({ length: 67 }, (_, i) => 0.01 * (i + 1)) };

const step: AdamWParams = {
  lr: 0.01,
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-8,
  weightDecay: 0.1,
  biasCorrection1: 0.19,
  biasCorrection2: 0.0975,
};

/** The samples of each op of the file. */
export const optimizerSamples = {
  adamw: [
    { inputs: [vector, vector, vector, positive, null, null], params: step },
    {
      inputs: [
        vector,
        vector,
        vector,
        positive,
        { ...vector, dtype: "bf16" },
        { shape: [1], dtype: "f32", values: [0.25] },
      ],
      params: step,
    },
  ],
  applyUpdate: [
    { inputs: [vector, vector, null], params: { lr: 0.02, weightDecay: 0.1 } },
    {
      inputs: [vector, { ...vector, dtype: "bf16" }, { ...vector, dtype: "bf16" }],
      params: { lr: 0.02, weightDecay: 0 },
    },
  ],
} satisfies Partial<SamplesByOp>;
