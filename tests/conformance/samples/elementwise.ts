// Test samples of the ops in src/tensor/ops/elementwise.ts.
import { binaryKinds, type UnaryKind, unaryKinds, unaryOp } from "../../../src/tensor/ops/elementwise.js";
import type { SamplesByOp } from "./sample.js";

/** f of each value, as the op's reference computes it. */
function unaryValues(kind: UnaryKind, values: Float64Array): Float64Array {
  const data = new Float64Array(values.length);
  const shape = [values.length];
  unaryOp.reference([{ shape, dtype: "f32", data: values }], [{ shape, dtype: "f32", data }], { kind });
  return data;
}

const notFinite = { shape: [4], dtype: "f32" as const, values: [Number.NaN, Number.NEGATIVE_INFINITY, -40, 2] };

const positive = Float64Array.from({ length: 35 }, (_, i) => 0.1 + 0.13 * i);

const mixed = Float64Array.from({ length: 35 }, (_, i) => -2.05 + 0.13 * i);

const unarySamples = (extra: number) =>
  unaryKinds.map((kind) => {
    const values = ["log", "sqrt", "reciprocal"].includes(kind) ? positive : mixed;
    const x = { shape: [5, 7], dtype: "f32" as const, values };
    const y = { ...x, values: unaryValues(kind, values) };
    return {
      name: kind,
      inputs: extra ? [x, y, { shape: [5, 7], dtype: "f32" as const }] : [x],
      params: { kind },
      tolerance: 1e-5,
    };
  });

const pair = [
  { shape: [5, 7], dtype: "f32" as const, values: mixed },
  { shape: [5, 7], dtype: "f32" as const, values: positive.map((v, i) => (i % 2 ? v : -v - 0.7)) },
];

/** The samples of each op of the file. */
export const elementwiseSamples = {
  cast: [
    { inputs: [{ shape: [3, 37], dtype: "f32" }], params: { dtype: "bf16" } },
    { inputs: [{ shape: [65], dtype: "bf16" }], params: { dtype: "f32" } },
    { inputs: [{ shape: [4], dtype: "i32", values: [-3, 0, 7, 1 << 20] }], params: { dtype: "f32" } },
    { name: "no elements", inputs: [{ shape: [0, 5], dtype: "f32" }], params: { dtype: "bf16" } },
    { name: "what is no number", inputs: [notFinite], params: { dtype: "bf16" } },
  ],
  addScaled: [
    {
      inputs: [
        { shape: [5, 33], dtype: "f32" },
        { shape: [5, 33], dtype: "f32" },
      ],
      params: { alpha: 1, beta: 1, dtype: "f32" },
    },
    {
      inputs: [
        { shape: [67], dtype: "f32" },
        { shape: [67], dtype: "bf16" },
      ],
      params: { alpha: -0.5, beta: 2, dtype: "f32" },
    },
    {
      inputs: [
        { shape: [67], dtype: "bf16" },
        { shape: [67], dtype: "bf16" },
      ],
      params: { alpha: 1, beta: 1, dtype: "bf16" },
    },
    {
      inputs: [
        { shape: [3, 11], dtype: "bf16" },
        { shape: [3, 11], dtype: "f32" },
      ],
      params: { alpha: 2, beta: 0.25, dtype: "bf16" },
    },
    {
      name: "no elements",
      inputs: [
        { shape: [0], dtype: "f32" },
        { shape: [0], dtype: "f32" },
      ],
      params: { alpha: 1, beta: 1, dtype: "f32" },
    },
  ],
  scale: [
    { inputs: [{ shape: [7, 9], dtype: "f32" }], params: { factor: -1.5, dtype: "f32" } },
    { inputs: [{ shape: [33], dtype: "bf16" }], params: { factor: 0.3, dtype: "bf16" } },
    { name: "one element", inputs: [{ shape: [1], dtype: "bf16" }], params: { factor: 3, dtype: "f32" } },
    { name: "no elements", inputs: [{ shape: [0], dtype: "f32" }], params: { factor: 3, dtype: "f32" } },
  ],
  scaleBy: [
    {
      inputs: [
        { shape: [67], dtype: "f32" },
        { shape: [1], dtype: "f32" },
      ],
      params: { dtype: "f32" },
    },
    {
      inputs: [
        { shape: [67], dtype: "bf16" },
        { shape: [1], dtype: "f32" },
      ],
      params: { dtype: "bf16" },
    },
    {
      name: "no elements",
      inputs: [
        { shape: [0], dtype: "f32" },
        { shape: [1], dtype: "f32" },
      ],
      params: { dtype: "f32" },
    },
  ],
  unary: [
    ...unarySamples(0),
    ...(["exp", "sigmoid", "tanh", "abs"] as const).map((kind) => ({
      name: `${kind} of what is no number`,
      inputs: [notFinite],
      params: { kind },
    })),
  ],
  unaryBackward: unarySamples(1),
  binary: [
    ...binaryKinds.map((kind) => ({ name: kind, inputs: pair, params: { kind } })),
    ...(["min", "max"] as const).map((kind) => ({
      name: `${kind} with what is no number`,
      inputs: [notFinite, { ...notFinite, values: [1, 2, 3, Number.NaN] }],
      params: { kind },
    })),
  ],
  binaryBackward: binaryKinds.map((kind) => ({
    name: kind,
    inputs: [...pair, { shape: [5, 7], dtype: "f32" }],
    params: { kind },
  })),
  clamp: [
    { inputs: [{ shape: [35], dtype: "f32", values: mixed }], params: { lo: -0.8, hi: 1.1 } },
    { name: "what is no number", inputs: [notFinite], params: { lo: -1, hi: 1 } },
  ],
  clampBackward: [
    {
      inputs: [
        { shape: [35], dtype: "f32", values: mixed },
        { shape: [35], dtype: "f32" },
      ],
      params: { lo: -0.8, hi: 1.1 },
    },
  ],
  concatLast: [
    {
      inputs: [
        { shape: [4, 5], dtype: "f32" },
        { shape: [4, 19], dtype: "f32" },
      ],
      params: {},
    },
    {
      inputs: [
        { shape: [4, 6], dtype: "bf16" },
        { shape: [4, 3], dtype: "bf16" },
      ],
      params: {},
    },
    {
      name: "no rows",
      inputs: [
        { shape: [0, 6], dtype: "f32" },
        { shape: [0, 3], dtype: "f32" },
      ],
      params: {},
    },
  ],
  splitLast: [
    { inputs: [{ shape: [4, 24], dtype: "f32" }], params: { width: 7 } },
    { inputs: [{ shape: [5, 9], dtype: "bf16" }], params: { width: 8 } },
    { name: "no rows", inputs: [{ shape: [0, 6], dtype: "f32" }], params: { width: 2 } },
  ],
  fill: [
    { inputs: [], params: { shape: [3, 11], dtype: "f32", value: 1.5 } },
    { inputs: [], params: { shape: [13], dtype: "bf16", value: -2 } },
    { inputs: [], params: { shape: [13], dtype: "i32", value: 7 } },
    { name: "no elements", inputs: [], params: { shape: [0], dtype: "f32", value: 7 } },
  ],
} satisfies Partial<SamplesByOp>;
