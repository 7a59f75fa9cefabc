// Values at the edges of f32 for the ops from hidden states to tokens: temperatures from 1e-38 to 8e37, logits huge,
// tiny, infinite and NaN. Backends must agree with the reference here as anywhere.

import type { ParamsOf } from "../../src/tensor/ops/index.js";
import type { Sample, SampleInput, SamplesByOp } from "./samples/sample.js";
import { normals } from "./values.js";

const { NEGATIVE_INFINITY: masked, POSITIVE_INFINITY: infinity, NaN: nan } = Number;
const VOCAB = 37;
const plain = [...normals(VOCAB, "extreme logits", 3)];
const scaledBy = (factor: number) => plain.map((x) => x * factor);
const withValues = (values: Record<number, number>) => plain.map((x, v) => values[v] ?? x);

/**
 * Rows of logits by what is extreme about them. Equal ones at the top make a draw of more than one token at any
 * temperature.
 */
const rows: Record<string, readonly number[]> = {
  plain,
  "head scaled by 1e9": scaledBy(1e9),
  "bias of 3e7": withValues({ 5: 3e7, 20: 3e7 }),
  "bias of -3e7 on all": plain.map((x) => Math.round(x) - 3e7),
  "near the largest f32": withValues({ 3: 3.4e38, 30: 3.4e38 }),
  "as far apart as f32 can tell": withValues({ 3: 1.7e38, 30: 1.7e38, 31: -1.7e38 }),
  denormals: scaledBy(1e-41),
  zeros: plain.map(() => 0),
  "all but two masked": plain.map((_, v) => (v === 7 || v === 35 ? v : masked)),
  "one left": plain.map((_, v) => (v === 36 ? -5 : masked)),
  "all masked": plain.map(() => masked),
  "one NaN": withValues({ 11: nan }),
  "all NaN": plain.map(() => nan),
  "NaN first, the rest masked": plain.map((_, v) => (v === 0 ? nan : masked)),
  infinity: withValues({ 4: infinity }),
  "two infinities and NaN": withValues({ 4: infinity, 9: infinity, 10: nan, 11: masked }),
};
const temperatures = [0, 1e-38, 1e-30, 1e-6, 0.6, 1, 1e30, 8e37];
/** topK, topP, minP. */
const limits = [
  [0, 1, 0],
  [0, 0.9, 0],
  [5, 1, 0],
  [0, 1, 0.5],
  [12, 0.5, 0.01],
];

const vocabOf = (values: readonly number[]) => values.length;
const f32 = (shape: readonly number[], values: readonly number[]): SampleInput => ({ shape, dtype: "f32", values });

/** One row of logits under every temperature and every set of limits. */
function drawn(name: string, logits: readonly number[]): Sample<ParamsOf<"sampleTokens">> {
  const settings = temperatures.flatMap((temperature) => limits.map((limit) => [temperature, ...limit]));
  const count = settings.length;
  return {
    name,
    inputs: [
      f32([count, vocabOf(logits)], Array(count).fill(logits).flat()),
      f32(
        [count],
        settings.map((_, i) => [0, 0.31, 0.64, 0.999][i % 4]),
      ),
      f32([count, 4], settings.flat()),
    ],
    params: { temperature: 1, topK: 0, topP: 1, minP: 0 },
  };
}

/** Large vocabularies are cut by finer buckets. */
const wide = (values: readonly number[]) => Array.from({ length: 2100 }, (_, v) => values[v % VOCAB]);

function likeliest(name: string, logits: readonly number[]): Sample<ParamsOf<"topLogProbs">> {
  const ids = Int32Array.from(temperatures.keys(), () => 0);
  return {
    name,
    inputs: [
      f32([1, VOCAB], logits),
      { shape: [ids.length], dtype: "i32", values: ids },
      f32([temperatures.length], temperatures),
    ],
    params: { k: VOCAB },
  };
}

/** A head whose logits are the row: hidden state 1, one weight for each logit. */
const headOf = (logits: readonly number[]) => [
  f32([3, 1], [1, 1, 1]),
  f32([VOCAB, 1], logits),
  { shape: [3], dtype: "i32" as const, values: [3, 36, -1] },
];

const named = Object.entries(rows);
const positive = temperatures.filter((t) => t > 0);
/** Rows whose gradients are more than what cancellation leaves of f32. */
const withGradients = named.filter(([name]) => name !== "bias of -3e7 on all");

/** Numbers at every edge of f32. */
const edges = [nan, infinity, masked, 3.4e38, -3.4e38, 1.2e-38, 1e-45, -0, 0, 1, -2, 88.8, -104, 65_520, 3, -1e30];
const { length: EXPERTS } = edges;
/** Tokens whose scores are edges, each row turned by one; then rows of one number alone. */
const routed = [
  ...edges.map((_, t) => edges.map((_, e) => edges[(e + t) % EXPERTS])),
  ...[nan, infinity, masked, 0].map((x) => edges.map(() => x)),
  edges.map((_, e) => (e === 5 ? nan : e)),
];
const experts = { topK: 4, numGroups: 4, topkGroups: 2, normalize: true, scale: 2.5 } as const;

/** The samples of each op. */
export const extremeSamples: Partial<SamplesByOp> = {
  sampleTokens: [
    ...named.map(([name, logits]) => drawn(name, logits)),
    ...named.map(([name, logits]) => drawn(`${name}, wide`, wide(logits))),
  ],
  topLogProbs: named.map(([name, logits]) => likeliest(name, logits)),
  headLogProb: named.flatMap(([name, logits]) =>
    positive.map((temperature) => ({
      name: `${name} at ${temperature}`,
      inputs: headOf(logits),
      params: { temperature, compute: "f32" },
      tolerance: 1e-4,
    })),
  ),
  headCrossEntropy: withGradients.map(([name, logits]) => ({
    name,
    inputs: [...headOf(logits), f32([3], [1, 2, 1])],
    params: { withGrad: true, ofWeight: true, compute: "f32" },
    tolerance: 1e-4,
  })),
  router: [
    {
      name: "V3 at the edges",
      inputs: [f32([routed.length, EXPERTS], routed.flat()), null],
      params: { ...experts, scoring: "sigmoid", groupScore: "top2sum" },
    },
    {
      name: "V2 at the edges",
      inputs: [f32([routed.length, EXPERTS], routed.flat()), null],
      params: { ...experts, scoring: "softmax", groupScore: "max" },
    },
    {
      name: "biases at the edges",
      inputs: [
        f32([2, EXPERTS], [...plain.slice(0, EXPERTS), ...plain.slice(20, 20 + EXPERTS)]),
        f32([EXPERTS], edges),
      ],
      params: { ...experts, scoring: "sigmoid", groupScore: "top2sum" },
    },
  ],
  rope: [
    {
      name: "the farthest positions",
      inputs: [
        f32([4, 1, 8], plain.slice(0, 32)),
        { shape: [4], dtype: "i32", values: [0x7fffffff, -0x80000000, 1_048_576, -1] },
        f32([4], [1, 0.1, 1e-6, 1e-38]),
      ],
      params: { offset: 0, interleaved: false, inverse: false, factor: 1 },
    },
    {
      name: "frequencies that are none",
      inputs: [
        f32([2, 1, 6], plain.slice(0, 12)),
        { shape: [2], dtype: "i32", values: [3, 0] },
        f32([3], [nan, infinity, 1]),
      ],
      params: { offset: 0, interleaved: true, inverse: false, factor: 1 },
    },
  ],
  cast: [{ name: "edges", inputs: [f32([EXPERTS], edges)], params: { dtype: "bf16" } }],
  rmsNorm: [
    {
      name: "edges",
      inputs: [f32([3, 4], [1e-45, 0, 0, 0, infinity, 1, 2, 3, nan, 1, 2, 3]), f32([4], [1, 2, 3, 4])],
      params: { eps: 1e-6, dtype: "f32" },
    },
  ],
  storedLinear: (["q8_0", "q4_0", "q6_k", "e4m3", "f16"] as const).map((dtype) => ({
    name: `${dtype}, activations at the edges`,
    inputs: [
      f32(
        [4, 256],
        Array.from({ length: 1024 }, (_, i) => (i % 128 === 5 ? [1e36, 1e-45, infinity, nan][i >> 8] : (i % 13) - 6)),
      ),
      { shape: [9, 256], dtype },
      null,
      null,
      null,
    ],
    params: { dtype: "f32" as const },
  })),
  adjustLogits: [
    {
      name: "infinite logits, scales and offsets",
      inputs: [
        f32([2, 5], [infinity, masked, nan, 3e38, 1e-42, 1, 2, 3, 4, 5]),
        { shape: [3], dtype: "i32", values: [0, 5, 8] },
        { shape: [8], dtype: "i32", values: [0, 1, 2, 3, 4, 0, 1, 2] },
        f32([8], [2, 2, 2, 1e-30, 1e30, 1e-38, 1, 3e38]),
        f32([8], [3e7, -3e7, 0, 0, 1e-44, 0, -3e38, 3e38]),
      ],
      params: {},
    },
  ],
};
