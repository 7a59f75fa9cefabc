// Test samples of the ops in src/tensor/ops/expanded-attention.ts.
import type { SampleInput, SamplesByOp } from "./sample.js";

const list = (...values: number[]): SampleInput => ({ shape: [values.length], dtype: "i32", values });

const operands = (
  t: number,
  n: number,
  h: number,
  nope: number,
  rotary: number,
  value: number,
  dtype: "f32" | "bf16",
): SampleInput[] => [
  { shape: [t, h, nope + rotary], dtype },
  { shape: [n, h, nope + value], dtype },
  { shape: [n, rotary], dtype },
];

/** The samples of each op of the file. */
export const expandedAttentionSamples = {
  expandedAttention: [
    { inputs: [...operands(9, 90, 2, 6, 4, 5, "f32"), list(0, 4, 9), list(0, 20, 90)], params: { scale: 0.3 } },
    { inputs: [...operands(9, 90, 2, 24, 8, 16, "bf16"), list(0, 4, 9), list(0, 20, 90)], params: { scale: 0.2 } },
    {
      name: "odd widths in bf16",
      inputs: [...operands(3, 70, 3, 7, 4, 9, "bf16"), list(0, 3), list(0, 70)],
      params: { scale: 0.3 },
    },
    {
      name: "whole sequences",
      inputs: [...operands(70, 70, 2, 16, 8, 16, "bf16"), list(0, 5, 70), list(0, 5, 70)],
      params: { scale: 0.2 },
    },
    { name: "nothing", inputs: [...operands(0, 0, 2, 6, 4, 5, "f32"), list(0), list(0)], params: { scale: 0.3 } },
  ],
} satisfies Partial<SamplesByOp>;
