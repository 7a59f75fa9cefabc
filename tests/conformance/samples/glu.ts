// Test samples of the ops in src/tensor/ops/glu.ts.
import type { SamplesByOp } from "./sample.js";

/** The samples of each op of the file. */
export const gluSamples = {
  glu: [
    { inputs: [{ shape: [5, 34], dtype: "f32" }], params: { activation: "silu" } },
    { inputs: [{ shape: [3, 66], dtype: "bf16" }], params: { activation: "silu" } },
    { name: "one number", inputs: [{ shape: [1, 2], dtype: "f32" }], params: { activation: "silu" } },
    { name: "no rows", inputs: [{ shape: [0, 6], dtype: "f32" }], params: { activation: "silu" } },
    { inputs: [{ shape: [5, 34], dtype: "f32" }], params: { activation: "gelu_tanh" } },
    { inputs: [{ shape: [3, 66], dtype: "bf16" }], params: { activation: "gelu_tanh" } },
    { name: "gelu: one number", inputs: [{ shape: [1, 2], dtype: "f32" }], params: { activation: "gelu_tanh" } },
    { name: "gelu: no rows", inputs: [{ shape: [0, 6], dtype: "f32" }], params: { activation: "gelu_tanh" } },
  ],
  gluBackward: [
    {
      inputs: [
        { shape: [5, 34], dtype: "f32" },
        { shape: [5, 17], dtype: "f32" },
      ],
      params: { activation: "silu" },
    },
    {
      inputs: [
        { shape: [3, 66], dtype: "bf16" },
        { shape: [3, 33], dtype: "bf16" },
      ],
      params: { activation: "silu" },
    },
    {
      name: "no rows",
      inputs: [
        { shape: [0, 6], dtype: "f32" },
        { shape: [0, 3], dtype: "f32" },
      ],
      params: { activation: "silu" },
    },
    {
      inputs: [
        { shape: [5, 34], dtype: "f32" },
        { shape: [5, 17], dtype: "f32" },
      ],
      params: { activation: "gelu_tanh" },
    },
    {
      inputs: [
        { shape: [3, 66], dtype: "bf16" },
        { shape: [3, 33], dtype: "bf16" },
      ],
      params: { activation: "gelu_tanh" },
    },
    {
      name: "gelu: no rows",
      inputs: [
        { shape: [0, 6], dtype: "f32" },
        { shape: [0, 3], dtype: "f32" },
      ],
      params: { activation: "gelu_tanh" },
    },
  ],
} satisfies Pick<SamplesByOp, "glu" | "gluBackward">;
