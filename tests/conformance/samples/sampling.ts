// Test samples of the ops in src/tensor/ops/sampling.ts.
import type { SamplesByOp } from "./sample.js";

/** The samples of each op of the file. */
export const samplingSamples = {
  sampleTokens: [
    {
      name: "argmax",
      inputs: [
        { shape: [4, 33], dtype: "f32" },
        { shape: [4], dtype: "f32", values: [0.1, 0.5, 0.9, 0] },
      ],
      params: { temperature: 0, topK: 0, topP: 1, minP: 0 },
    },
    {
      name: "plain",
      inputs: [
        { shape: [4, 33], dtype: "f32" },
        { shape: [4], dtype: "f32", values: [0.1, 0.5, 0.9, 0] },
      ],
      params: { temperature: 1, topK: 0, topP: 1, minP: 0 },
    },
    {
      name: "top-k",
      inputs: [
        { shape: [3, 50], dtype: "f32" },
        { shape: [3], dtype: "f32", values: [0.11, 0.52, 0.93] },
      ],
      params: { temperature: 0.7, topK: 5, topP: 1, minP: 0 },
    },
    {
      name: "top-p",
      inputs: [
        { shape: [3, 50], dtype: "f32" },
        { shape: [3], dtype: "f32", values: [0.11, 0.52, 0.93] },
      ],
      params: { temperature: 1.3, topK: 0, topP: 0.6, minP: 0 },
    },
    {
      name: "min-p",
      inputs: [
        { shape: [3, 50], dtype: "f32" },
        { shape: [3], dtype: "f32", values: [0.11, 0.52, 0.93] },
      ],
      params: { temperature: 1, topK: 0, topP: 1, minP: 0.3 },
    },
    {
      name: "every cut at once",
      inputs: [
        { shape: [3, 50], dtype: "f32" },
        { shape: [3], dtype: "f32", values: [0.11, 0.52, 0.999] },
      ],
      params: { temperature: 0.9, topK: 20, topP: 0.8, minP: 0.05 },
    },
    {
      name: "ties",
      inputs: [
        { shape: [2, 4], dtype: "f32", values: [1, 3, 3, 2, 0, 0, 0, 0] },
        { shape: [2], dtype: "f32", values: [0.9, 0.9] },
      ],
      params: { temperature: 0, topK: 0, topP: 1, minP: 0 },
    },
    {
      name: "tied top-k",
      inputs: [
        { shape: [1, 5], dtype: "f32", values: [0, 1, 1, 1, 0] },
        { shape: [1], dtype: "f32", values: [0.99] },
      ],
      params: { temperature: 1, topK: 2, topP: 1, minP: 0 },
    },
    {
      name: "no rows",
      inputs: [
        { shape: [0, 5], dtype: "f32" },
        { shape: [0], dtype: "f32" },
      ],
      params: { temperature: 1, topK: 0, topP: 1, minP: 0 },
    },
    {
      name: "settings by row",
      inputs: [
        { shape: [5, 50], dtype: "f32" },
        { shape: [5], dtype: "f32", values: [0.11, 0.52, 0.93, 0.3, 0.77] },
        {
          shape: [5, 4],
          dtype: "f32",
          values: [0, 0, 1, 0, 0.7, 5, 1, 0, 1.3, 0, 0.6, 0, 1, 0, 1, 0.25, 0.9, 20, 0.8, 0.05],
        },
      ],
      params: { temperature: 1, topK: 0, topP: 1, minP: 0 },
    },
    {
      name: "masked tokens",
      inputs: [
        {
          shape: [2, 4],
          dtype: "f32",
          values: [
            Number.NEGATIVE_INFINITY,
            1,
            Number.NEGATIVE_INFINITY,
            2,
            0,
            0,
            Number.NEGATIVE_INFINITY,
            Number.NEGATIVE_INFINITY,
          ],
        },
        { shape: [2], dtype: "f32", values: [0.001, 0.999] },
      ],
      params: { temperature: 1, topK: 0, topP: 1, minP: 0 },
    },
  ],
  adjustLogits: [
    {
      inputs: [
        { shape: [3, 9], dtype: "f32" },
        { shape: [4], dtype: "i32", values: [0, 2, 2, 5] },
        { shape: [5], dtype: "i32", values: [8, 0, 3, 1, 4] },
        { shape: [5], dtype: "f32", values: [1.3, 1.3, 1, 2, 0.5] },
        { shape: [5], dtype: "f32", values: [0, 0.5, -2, 0, 1.25] },
      ],
      params: {},
    },
    {
      name: "nothing to change",
      inputs: [
        { shape: [2, 3], dtype: "f32" },
        { shape: [3], dtype: "i32", values: [0, 0, 0] },
        { shape: [0], dtype: "i32" },
        { shape: [0], dtype: "f32" },
        { shape: [0], dtype: "f32" },
      ],
      params: {},
    },
  ],
  maskLogits: [
    {
      inputs: [
        { shape: [3, 40], dtype: "f32" },
        { shape: [2], dtype: "i32", values: [2, 0] },
        { shape: [2, 2], dtype: "i32", values: [0x0f0f0f0f, 0x81, -0x7fffffff, 0] },
      ],
      params: {},
    },
  ],
  topLogProbs: [
    {
      inputs: [
        { shape: [4, 37], dtype: "f32" },
        { shape: [3], dtype: "i32", values: [3, 0, 1] },
        { shape: [3], dtype: "f32", values: [1, 0, 0.6] },
      ],
      params: { k: 5 },
    },
    {
      name: "ties and masked tokens",
      inputs: [
        { shape: [1, 6], dtype: "f32", values: [1, 3, Number.NEGATIVE_INFINITY, 3, 1, 0] },
        { shape: [1], dtype: "i32", values: [0] },
        { shape: [1], dtype: "f32", values: [1] },
      ],
      params: { k: 4 },
    },
  ],
} satisfies Partial<SamplesByOp>;
