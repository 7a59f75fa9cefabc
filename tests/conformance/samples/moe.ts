// Test samples of the ops in src/tensor/ops/moe.ts.
import type { RouterParams } from "../../../src/tensor/ops/moe.js";
import type { SamplesByOp } from "./sample.js";

const v3: RouterParams = {
  topK: 3,
  numGroups: 4,
  topkGroups: 2,
  scoring: "sigmoid",
  groupScore: "top2sum",
  normalize: true,
  scale: 2.5,
};

const v2: RouterParams = {
  topK: 3,
  numGroups: 4,
  topkGroups: 2,
  scoring: "softmax",
  groupScore: "max",
  normalize: false,
  scale: 16,
};

const routerChoice = { shape: [3, 2], dtype: "i32" as const, values: [1, 3, 0, 2, 3, 2] };

const someScores = {
  shape: [3, 4],
  dtype: "f32" as const,
  values: [0.2, 0.6, 0.1, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.2, 0.3, 0.4],
};

const offsets4 = { shape: [5], dtype: "i32" as const, values: [0, 2, 2, 5, 6] };

/** Of six rows, those of two experts that begin at the third; and of two that have none. */
const offsets2 = { shape: [3], dtype: "i32" as const, values: [2, 3, 5] };

const none2 = { shape: [3], dtype: "i32" as const, values: [4, 4, 4] };

const rowOf6 = { shape: [6], dtype: "i32" as const, values: [0, 2, 1, 2, 0, 1] };

const rowsOf3 = { shape: [3, 2], dtype: "i32" as const, values: [0, 4, 2, 5, 1, 3] };

/** The samples of each op of the file. */
export const moeSamples = {
  router: [
    {
      name: "V3",
      inputs: [
        { shape: [7, 16], dtype: "f32" },
        { shape: [16], dtype: "f32", scale: 0.1 },
      ],
      params: v3,
    },
    { name: "V2", inputs: [{ shape: [7, 16], dtype: "f32" }, null], params: v2 },
    {
      name: "one group",
      inputs: [{ shape: [5, 20], dtype: "f32" }, null],
      params: { ...v3, numGroups: 1, topkGroups: 1, topK: 4 },
    },
    { name: "no tokens", inputs: [{ shape: [0, 16], dtype: "f32" }, null], params: v3 },
  ],
  routerBackward: [
    {
      inputs: [someScores, routerChoice, { shape: [3, 2], dtype: "f32" }, { shape: [3, 4], dtype: "f32" }],
      params: { ...v3, topK: 2, numGroups: 1, topkGroups: 1 },
    },
    {
      inputs: [someScores, routerChoice, { shape: [3, 2], dtype: "f32" }, null],
      params: { ...v2, topK: 2, numGroups: 1, topkGroups: 1 },
    },
    {
      inputs: [someScores, routerChoice, null, { shape: [3, 4], dtype: "f32" }],
      params: { ...v3, topK: 2, numGroups: 1, topkGroups: 1 },
    },
  ],
  balanceLoss: [
    { inputs: [someScores, routerChoice, { shape: [3], dtype: "i32", values: [0, 1, 3] }], params: { alpha: 0.5 } },
    {
      name: "an empty sequence",
      inputs: [someScores, routerChoice, { shape: [4], dtype: "i32", values: [0, 2, 2, 3] }],
      params: { alpha: 0.5 },
    },
  ],
  moeDispatch: [
    { inputs: [routerChoice, { shape: [4], dtype: "f32" }], params: { experts: 4 } },
    { inputs: [{ shape: [4, 1], dtype: "i32", values: [2, 2, 0, 2] }, null], params: { experts: 5 } },
    {
      name: "no tokens",
      inputs: [
        { shape: [0, 2], dtype: "i32", values: [] },
        { shape: [3], dtype: "f32" },
      ],
      params: { experts: 3 },
    },
  ],
  groupedGemm: [
    {
      inputs: [{ shape: [3, 17], dtype: "f32" }, { shape: [4, 9, 17], dtype: "f32" }, offsets4, rowOf6, rowsOf3],
      params: { transW: true, dtype: "f32", compute: "f32" },
    },
    {
      inputs: [{ shape: [6, 20], dtype: "f32" }, { shape: [4, 33, 20], dtype: "f32" }, offsets4, null, null],
      params: { transW: true, dtype: "f32", compute: "f32" },
    },
    {
      name: "bf16",
      inputs: [{ shape: [6, 32], dtype: "bf16" }, { shape: [4, 48, 32], dtype: "bf16" }, offsets4, null, null],
      params: { transW: true, dtype: "bf16", compute: "bf16" },
    },
    {
      name: "not transposed",
      inputs: [{ shape: [6, 9], dtype: "f32" }, { shape: [4, 9, 17], dtype: "f32" }, offsets4, null, null],
      params: { transW: false, dtype: "f32", compute: "f32" },
    },
    {
      name: "no rows",
      inputs: [
        { shape: [0, 9], dtype: "f32" },
        { shape: [2, 5, 9], dtype: "f32" },
        { shape: [3], dtype: "i32", values: [0, 0, 0] },
        null,
        null,
      ],
      params: { transW: true, dtype: "f32", compute: "f32" },
    },
    {
      name: "not transposed, gathered",
      inputs: [{ shape: [3, 9], dtype: "f32" }, { shape: [4, 9, 17], dtype: "f32" }, offsets4, rowOf6, null],
      params: { transW: false, dtype: "f32", compute: "f32" },
    },
    {
      name: "a range of experts, gathered",
      inputs: [{ shape: [3, 17], dtype: "f32" }, { shape: [2, 9, 17], dtype: "f32" }, offsets2, rowOf6, rowsOf3],
      params: { transW: true, dtype: "f32", compute: "f32" },
    },
    {
      name: "a range of experts, bf16",
      inputs: [{ shape: [6, 32], dtype: "bf16" }, { shape: [2, 48, 32], dtype: "bf16" }, offsets2, null, null],
      params: { transW: true, dtype: "bf16", compute: "bf16" },
    },
    {
      name: "a range of experts without rows",
      inputs: [{ shape: [6, 9], dtype: "f32" }, { shape: [2, 9, 17], dtype: "f32" }, none2, null, null],
      params: { transW: false, dtype: "f32", compute: "f32" },
    },
  ],
  groupedWeightGrad: [
    {
      name: "a range of experts",
      inputs: [{ shape: [6, 9], dtype: "f32" }, { shape: [3, 17], dtype: "f32" }, offsets2, rowOf6],
      params: { shape: [2, 9, 17], accumulate: false, compute: "f32" },
    },
    {
      inputs: [{ shape: [6, 9], dtype: "f32" }, { shape: [3, 17], dtype: "f32" }, offsets4, rowOf6],
      params: { shape: [4, 9, 17], accumulate: false, compute: "f32" },
    },
    {
      inputs: [{ shape: [6, 33], dtype: "bf16" }, { shape: [6, 20], dtype: "bf16" }, offsets4, null],
      params: { shape: [4, 33, 20], accumulate: true, compute: "bf16" },
      tolerance: 1e-4,
    },
    {
      name: "no rows",
      inputs: [
        { shape: [0, 5], dtype: "f32" },
        { shape: [0, 9], dtype: "f32" },
        { shape: [3], dtype: "i32", values: [0, 0, 0] },
        null,
      ],
      params: { shape: [2, 5, 9], accumulate: false, compute: "f32" },
    },
  ],
  moeCombine: [
    {
      inputs: [
        { shape: [6, 17], dtype: "f32" },
        { shape: [3, 2], dtype: "f32" },
        rowsOf3,
        { shape: [3, 17], dtype: "f32" },
      ],
      params: { dtype: "f32" },
    },
    {
      inputs: [{ shape: [6, 64], dtype: "bf16" }, { shape: [3, 2], dtype: "f32" }, rowsOf3, null],
      params: { dtype: "bf16" },
    },
    {
      name: "bf16 throughout",
      inputs: [
        { shape: [6, 33], dtype: "bf16" },
        { shape: [3, 2], dtype: "f32" },
        rowsOf3,
        { shape: [3, 33], dtype: "bf16" },
      ],
      params: { dtype: "bf16" },
    },
    {
      name: "no tokens",
      inputs: [
        { shape: [0, 9], dtype: "f32" },
        { shape: [0, 2], dtype: "f32" },
        { shape: [0, 2], dtype: "i32", values: [] },
        null,
      ],
      params: { dtype: "f32" },
    },
  ],
  moeCombineBackward: [
    {
      inputs: [
        { shape: [6, 17], dtype: "f32" },
        { shape: [3, 2], dtype: "f32" },
        rowsOf3,
        { shape: [3, 17], dtype: "f32" },
      ],
      params: {},
    },
    {
      inputs: [
        { shape: [6, 64], dtype: "bf16" },
        { shape: [3, 2], dtype: "f32" },
        rowsOf3,
        { shape: [3, 64], dtype: "f32" },
      ],
      params: {},
    },
  ],
  routerBiasUpdate: [
    {
      inputs: [
        { shape: [4], dtype: "f32" },
        { shape: [4], dtype: "f32", values: [3, 5, 4, 4] },
      ],
      params: { gamma: 0.01 },
    },
  ],
} satisfies Partial<SamplesByOp>;
