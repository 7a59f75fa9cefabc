// Test samples of the ops in src/tensor/ops/attention.ts.
import type { SamplesByOp } from "./sample.js";

const cu = (...values: number[]) => ({ shape: [values.length], dtype: "i32" as const, values });

const qkv = (t: number, h: number, hkv: number, dqk: number, dv: number, dtype: "f32" | "bf16" = "f32") => [
  { shape: [t, h, dqk], dtype },
  { shape: [t, hkv, dqk], dtype },
  { shape: [t, hkv, dv], dtype },
];

/** The samples of each op of the file. */
export const attentionSamples = {
  attention: [
    { inputs: [...qkv(9, 2, 2, 6, 5), cu(0, 4, 9)], params: { scale: 0.4, causal: true } },
    { inputs: [...qkv(70, 4, 2, 16, 8), cu(0, 1, 34, 70)], params: { scale: 0.25, causal: true } },
    { inputs: [...qkv(40, 2, 1, 24, 16), cu(0, 40)], params: { scale: 0.2, causal: false } },
    { inputs: [...qkv(70, 2, 2, 24, 16, "bf16"), cu(0, 33, 70)], params: { scale: 0.2, causal: true } },
    {
      name: "one token each",
      // Small values: the slopes of queries and keys are 0, and what rounding leaves of them goes with the values.
      inputs: [...qkv(3, 2, 1, 8, 4).slice(0, 2), { shape: [3, 1, 4], dtype: "f32", scale: 0.1 }, cu(0, 1, 2, 3)],
      params: { scale: 0.3, causal: true },
    },
    {
      name: "grouped bf16",
      inputs: [...qkv(20, 6, 2, 16, 16, "bf16"), cu(0, 7, 7, 20)],
      params: { scale: 0.25, causal: true },
    },
    {
      name: "a window of two",
      inputs: [...qkv(9, 2, 1, 8, 4), cu(0, 4, 9)],
      params: { scale: 0.3, causal: true, window: 2 },
    },
    {
      name: "a window",
      inputs: [...qkv(70, 4, 2, 16, 8), cu(0, 1, 34, 70)],
      params: { scale: 0.25, causal: true, window: 7 },
    },
    {
      name: "a window in bf16",
      inputs: [...qkv(70, 6, 2, 16, 16, "bf16"), cu(0, 13, 70)],
      params: { scale: 0.25, causal: true, window: 20 },
    },
    {
      name: "soft cap",
      inputs: [...qkv(70, 4, 2, 16, 8), cu(0, 1, 34, 70)],
      params: { scale: 0.25, softCap: 0.8, causal: true },
    },
    {
      name: "soft cap and window in bf16",
      inputs: [...qkv(70, 6, 2, 16, 16, "bf16"), cu(0, 13, 70)],
      params: { scale: 0.25, softCap: 1.5, causal: true, window: 20 },
    },
    { name: "no tokens", inputs: [...qkv(0, 2, 1, 8, 4), cu(0)], params: { scale: 0.3, causal: true } },
    {
      name: "NaN in one key",
      inputs: [
        { shape: [3, 1, 2], dtype: "f32" },
        { shape: [3, 1, 2], dtype: "f32", values: [1, 2, 3, Number.NaN, 5, 6] },
        { shape: [3, 1, 2], dtype: "f32" },
        cu(0, 3),
      ],
      params: { scale: 0.3, causal: true },
    },
  ],
  attentionBackward: [],
} satisfies Partial<SamplesByOp>;
