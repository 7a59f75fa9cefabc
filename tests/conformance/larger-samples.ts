// Samples large and odd enough for the blocked, vectorised and threaded paths of a kernel, small enough for the
// TypeScript reference.
import { hashString, Random } from "../../src/random.js";
import { encodedBlockTypes } from "../../src/tensor/block-encoders.js";
import { blockSizes, blockTypes, type DType } from "../../src/tensor/dtype.js";
import { cacheOf, fp8Sample, headsOf } from "./samples/paged-attention.js";
import type { SampleInput, SamplesByOp } from "./samples/sample.js";

const f32 = (...shape: number[]): SampleInput => ({ shape, dtype: "f32" });
const bf16 = (...shape: number[]): SampleInput => ({ shape, dtype: "bf16" });
const i32 = (shape: readonly number[], values: ArrayLike<number>): SampleInput => ({ shape, dtype: "i32", values });
const offsets = (...values: number[]) => i32([values.length], values);

/** Whole numbers below `limit`. */
function indexes(shape: readonly number[], limit: number, label: string): SampleInput {
  const random = new Random(hashString(label));
  return i32(
    shape,
    Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => random.below(limit)),
  );
}
/** `topK` different experts for each token. */
function choices(tokens: number, topK: number, experts: number): SampleInput {
  const random = new Random(hashString(`choices ${tokens} ${experts}`));
  const all = Array.from({ length: experts }, (_, e) => e);
  return i32([tokens, topK], Array.from({ length: tokens }, () => random.shuffle([...all]).slice(0, topK)).flat());
}
/** 0 … n-1 shuffled. */
const permutation = (n: number) => new Random(n).shuffle(Array.from({ length: n }, (_, i) => i));
/** Each row's temperature, topK, topP, minP. */
const settings = (n: number): SampleInput => ({
  ...f32(n, 4),
  values: Array.from(
    { length: 4 * n },
    (_, i) =>
      [[0, 0.6, 1, 1.4][(i >> 2) % 4], [0, 40, 7][(i >> 2) % 3], [1, 0.9][(i >> 2) % 2], [0, 0, 0.05][(i >> 2) % 3]][
        i % 4
      ],
  ),
});
const uniforms = (n: number): SampleInput => {
  const random = new Random(n);
  return { shape: [n], dtype: "f32", values: Array.from({ length: n }, () => random.float()) };
};
const qkv = (t: number, h: number, hkv: number, dqk: number, dv: number, dtype: DType = "f32"): SampleInput[] => [
  { shape: [t, h, dqk], dtype },
  { shape: [t, hkv, dqk], dtype },
  { shape: [t, hkv, dv], dtype },
];

const n = 100_003;
const gemm = { transA: false, transB: false, accumulate: false, dtype: "f32", compute: "f32" } as const;
const v3 = {
  topK: 6,
  numGroups: 8,
  topkGroups: 4,
  scoring: "sigmoid",
  groupScore: "top2sum",
  normalize: true,
  scale: 2.5,
} as const;
const adam = {
  lr: 0.01,
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-8,
  weightDecay: 0.1,
  biasCorrection1: 0.19,
  biasCorrection2: 0.0975,
};
const squares: SampleInput = {
  shape: [n],
  dtype: "f32",
  values: Float64Array.from({ length: n }, (_, i) => 0.01 + (i % 97) / 50),
};
const expertRows = offsets(0, 50, 50, 51, 130, 131, 170, 240, 240);
const rowOf = (rows: number, tokens: number) => indexes([rows], tokens, `row of ${rows}`);
const pairRows = i32([120, 2], permutation(240));

/** Block and offset of each of `rows` tokens, all different. */
const pagedPlaces = (rows: number) => {
  const places = permutation(320).slice(0, rows);
  const all = (of: (place: number) => number) => i32([rows], places.map(of));
  return [all((place) => place >> 6), all((place) => place & 63)];
};
/** Two sequences over eight blocks: 200 and 77 tokens, of which the last 40 and 3 are new. */
const twoSequences = [i32([2, 4], [6, 1, 0, 3, 7, 2, 0, 0]), offsets(0, 40, 43), offsets(200, 77)];
/** One new token of one sequence: the heads or columns of a single task are what threads share. */
const oneToken = [i32([1, 8], [6, 1, 0, 3, 7, 2, 5, 4]), offsets(0, 1), offsets(509)];

/** Contexts of several spans: 12 queries of which some see no key of the last one, and a single query. */
const longContexts = [
  i32(
    [2, 40],
    Array.from({ length: 80 }, (_, i) => (i * 5) % 8),
  ),
  offsets(0, 12, 13),
  offsets(1029, 2500),
];

/** By op. */
export const largerSamples: Partial<SamplesByOp> = {
  pagedWrite: [
    {
      inputs: [bf16(130, 4, 64), cacheOf("keys", 5, 4, 64, "bf16"), ...pagedPlaces(130)],
      params: { role: "keys", latent: 0 },
    },
    {
      inputs: [bf16(130, 4, 64), cacheOf("values", 5, 4, 64, "bf16"), ...pagedPlaces(130)],
      params: { role: "values", latent: 0 },
    },
    { inputs: [bf16(130, 288), fp8Sample(5, 256, 32), ...pagedPlaces(130)], params: { role: "latent", latent: 256 } },
  ],
  pagedAttention: [
    {
      inputs: [bf16(43, 12, 128), ...headsOf(8, 2, 128, 128, "bf16"), ...twoSequences],
      params: { scale: 0.09, valueWidth: 128 },
    },
    {
      inputs: [f32(43, 6, 48), ...headsOf(8, 2, 48, 48, "f32"), ...twoSequences],
      params: { scale: 0.15, valueWidth: 48 },
    },
    {
      name: "one token of heads",
      inputs: [bf16(1, 6, 128), ...headsOf(8, 1, 128, 128, "bf16"), ...oneToken],
      params: { scale: 0.09, valueWidth: 128 },
    },
    {
      name: "one token of latents",
      inputs: [bf16(1, 16, 576), bf16(8, 64, 576), null, ...oneToken],
      params: { scale: 0.04, valueWidth: 512 },
    },
    {
      name: "long contexts of latents",
      inputs: [bf16(13, 16, 80), bf16(8, 64, 80), null, ...longContexts],
      params: { scale: 0.11, valueWidth: 64 },
    },
    // int8 products where the build has them: half a percent of rounding of queries, latents and probabilities each.
    {
      name: "long contexts of FP8 latents",
      inputs: [bf16(13, 20, 160), fp8Sample(8, 128, 32), null, ...longContexts],
      params: { scale: 0.05, valueWidth: 128 },
      tolerance: 2e-2,
    },
    {
      name: "latents",
      inputs: [bf16(43, 8, 80), bf16(8, 64, 80), null, ...twoSequences],
      params: { scale: 0.11, valueWidth: 64 },
    },
    {
      name: "FP8 latents",
      inputs: [bf16(43, 8, 288), fp8Sample(8, 256, 32), null, ...twoSequences],
      params: { scale: 0.02, valueWidth: 256 },
      tolerance: 2e-2,
    },
    {
      name: "one token of FP8 latents",
      inputs: [f32(1, 16, 576), fp8Sample(8, 512, 64), null, ...oneToken],
      params: { scale: 0.015, valueWidth: 512 },
      tolerance: 2e-2,
    },
  ],
  gatherPaged: [
    {
      inputs: [fp8Sample(8, 256, 32), i32([2, 4], [6, 1, 0, 3, 7, 2, 0, 0]), offsets(0, 200, 277)],
      params: { rows: 277, latent: 256, dtype: "bf16" },
    },
  ],
  expandedAttention: [
    {
      inputs: [bf16(43, 4, 192), bf16(277, 4, 256), bf16(277, 64), offsets(0, 40, 43), offsets(0, 200, 277)],
      params: { scale: 0.07 },
    },
    {
      name: "one query",
      inputs: [f32(1, 2, 48), f32(600, 2, 64), f32(600, 16), offsets(0, 1), offsets(0, 600)],
      params: { scale: 0.15 },
    },
  ],
  encodeWeights: ([...encodedBlockTypes, "f16", "bf16"] as const).map((dtype) => ({
    name: dtype,
    inputs: [{ ...f32(301, 512), scale: 0.02 }],
    params: { dtype },
  })),
  cast: [{ inputs: [f32(n)], params: { dtype: "bf16" } }],
  addScaled: [{ inputs: [f32(n), bf16(n)], params: { alpha: -0.5, beta: 2, dtype: "f32" } }],
  scale: [{ inputs: [bf16(n)], params: { factor: 0.3, dtype: "f32" } }],
  scaleBy: [{ inputs: [f32(n), f32(1)], params: { dtype: "f32" } }],
  unary: [{ inputs: [f32(n)], params: { kind: "sigmoid" } }],
  binary: [{ inputs: [f32(n), f32(n)], params: { kind: "mul" } }],
  clamp: [{ inputs: [f32(n)], params: { lo: -0.5, hi: 0.7 } }],
  glu: (["silu", "gelu_tanh"] as const).flatMap((activation) => [
    { inputs: [f32(300, 514)], params: { activation } },
    { inputs: [bf16(300, 514)], params: { activation } },
  ]),
  gluBackward: (["silu", "gelu_tanh"] as const).map((activation) => ({
    inputs: [f32(300, 514), f32(300, 257)],
    params: { activation },
  })),
  concatLast: [{ inputs: [bf16(700, 65), bf16(700, 31)], params: {} }],
  splitLast: [{ inputs: [f32(700, 97)], params: { width: 33 } }],
  fill: [{ inputs: [], params: { shape: [n], dtype: "bf16", value: 0.3 } }],
  dot: [
    { inputs: [f32(n), f32(n)], params: {}, tolerance: 1e-4 },
    { inputs: [f32(n), null], params: {}, tolerance: 1e-4 },
  ],
  spread: [{ inputs: [f32(1), f32(n)], params: { shape: [n] } }],
  columnSum: [{ inputs: [f32(3001, 70)], params: { accumulate: true }, tolerance: 1e-4 }],
  sumSquares: [{ inputs: [f32(n)], params: { accumulate: false }, tolerance: 1e-5 }],
  gemm: [
    { inputs: [f32(203, 131), f32(97, 131), f32(97), f32(203, 97)], params: { ...gemm, transB: true } },
    { inputs: [f32(1501, 67), f32(1501, 130), null, null], params: { ...gemm, transA: true, accumulate: true } },
    { inputs: [f32(300, 600), f32(600, 33), null, null], params: gemm },
    { inputs: [f32(64, 50), f32(40, 64), null, null], params: { ...gemm, transA: true, transB: true } },
    { name: "one row", inputs: [f32(1, 700), f32(300, 700), null, null], params: { ...gemm, transB: true } },
    {
      name: "larger bf16",
      inputs: [bf16(203, 257), bf16(130, 257), null, bf16(203, 130)],
      params: { ...gemm, transB: true, dtype: "bf16", compute: "bf16" },
    },
    {
      name: "larger bf16 dW",
      inputs: [bf16(1501, 67), bf16(1501, 66), null, null],
      params: { ...gemm, transA: true, accumulate: true, compute: "bf16" },
      tolerance: 1e-4,
    },
  ],
  headMatmul: [
    {
      inputs: [f32(70, 8, 130), f32(8 * 40, 130)],
      params: { rowOffset: 0, rows: 24, transposed: false, dtype: "f32" },
    },
    { inputs: [f32(70, 8, 16), f32(8 * 40, 130)], params: { rowOffset: 24, rows: 16, transposed: true, dtype: "f32" } },
  ],
  rmsNorm: [
    { inputs: [f32(203, 385), f32(385)], params: { eps: 1e-6, dtype: "f32" } },
    { inputs: [bf16(203, 256), f32(256)], params: { eps: 1e-6, dtype: "bf16" } },
  ],
  rmsNormBackward: [
    { inputs: [f32(1203, 65), f32(65), f32(1203), f32(1203, 65)], params: { accumulate: true }, tolerance: 1e-4 },
  ],
  rope: [
    {
      inputs: [
        f32(203, 4, 64),
        indexes([203], 100_000, "positions"),
        { shape: [32], dtype: "f32", values: Array.from({ length: 32 }, (_, i) => 10_000 ** (-i / 32)) },
      ],
      params: { offset: 0, interleaved: false, inverse: false, factor: 1 },
      tolerance: 1e-5,
    },
  ],
  mlaAssemble: [
    {
      inputs: [
        bf16(203, 4, 48),
        bf16(203, 4, 64),
        bf16(203, 16),
        indexes([203], 4096, "positions"),
        { shape: [8], dtype: "f32", values: Array.from({ length: 8 }, (_, i) => 10_000 ** (-i / 8)) },
      ],
      params: { nope: 32, value: 32, interleaved: true, factor: 1 },
    },
  ],
  attention: [
    {
      name: "NaN in the first key of a second span",
      inputs: [
        f32(515, 1, 2),
        {
          ...f32(515, 1, 2),
          values: Float64Array.from({ length: 1030 }, (_, i) => (i === 1025 ? Number.NaN : (i % 7) / 7)),
        },
        f32(515, 1, 2),
        offsets(0, 515),
      ],
      params: { scale: 0.3, causal: true },
    },
    {
      name: "more keys than are summed at once",
      inputs: [...qkv(1100, 2, 1, 16, 8, "bf16"), offsets(0, 1100)],
      params: { scale: 0.25, causal: true },
    },
    {
      name: "a window of more than a span",
      inputs: [...qkv(1300, 2, 1, 16, 8), offsets(0, 1300)],
      params: { scale: 0.25, causal: true, window: 600 },
    },
    {
      name: "a window over several blocks",
      inputs: [...qkv(700, 6, 2, 16, 16, "bf16"), offsets(0, 5, 700)],
      params: { scale: 0.25, causal: true, window: 100 },
    },
    { inputs: [...qkv(300, 4, 2, 32, 32), offsets(0, 1, 131, 131, 300)], params: { scale: 0.18, causal: true } },
    { inputs: [...qkv(150, 2, 2, 192, 128), offsets(0, 150)], params: { scale: 0.07, causal: true }, tolerance: 4e-5 },
    { inputs: [...qkv(203, 4, 1, 48, 32, "bf16"), offsets(0, 100, 203)], params: { scale: 0.15, causal: true } },
    { inputs: [...qkv(133, 3, 3, 17, 9), offsets(0, 66, 133)], params: { scale: 0.25, causal: false } },
  ],
  embedding: [{ inputs: [f32(500, 65), indexes([703], 500, "ids")], params: { dtype: "f32" } }],
  embeddingBackward: [{ inputs: [indexes([703], 50, "ids"), f32(703, 65)], params: { vocab: 50, accumulate: true } }],
  gatherRows: [{ inputs: [bf16(300, 65), indexes([703], 300, "rows")], params: {} }],
  scatterAddRows: [{ inputs: [f32(703, 65), indexes([703], 100, "rows")], params: { rows: 120, dtype: "f32" } }],
  router: [
    { inputs: [f32(703, 64), { shape: [64], dtype: "f32", scale: 0.1 }], params: v3 },
    {
      inputs: [f32(203, 17), null],
      params: { ...v3, numGroups: 1, topkGroups: 1, topK: 3, scoring: "softmax", normalize: false, groupScore: "max" },
    },
  ],
  balanceLoss: [
    {
      inputs: [
        { ...f32(300, 16), values: Float64Array.from({ length: 4800 }, (_, i) => 0.05 + ((i * 7) % 13) / 20) },
        choices(300, 4, 16),
        offsets(0, 40, 41, 300),
      ],
      params: { alpha: 0.3 },
    },
  ],
  moeDispatch: [{ inputs: [choices(703, 4, 16), f32(16)], params: { experts: 16 } }],
  groupedGemm: [
    {
      inputs: [f32(120, 67), f32(8, 97, 67), expertRows, rowOf(240, 120), null],
      params: { transW: true, dtype: "f32", compute: "f32" },
    },
    {
      inputs: [f32(240, 97), f32(8, 97, 67), expertRows, null, null],
      params: { transW: false, dtype: "f32", compute: "f32" },
    },
    {
      name: "larger bf16",
      inputs: [bf16(120, 64), bf16(8, 96, 64), expertRows, rowOf(240, 120), null],
      params: { transW: true, dtype: "bf16", compute: "bf16" },
    },
  ],
  groupedWeightGrad: [
    {
      inputs: [f32(240, 33), f32(120, 67), expertRows, rowOf(240, 120)],
      params: { shape: [8, 33, 67], accumulate: true, compute: "f32" },
    },
    {
      inputs: [bf16(240, 33), bf16(240, 64), expertRows, null],
      params: { shape: [8, 33, 64], accumulate: false, compute: "bf16" },
      tolerance: 1e-4,
    },
  ],
  gatherSumRows: [{ inputs: [f32(240, 257), pairRows], params: { dtype: "f32" } }],
  moeCombine: [{ inputs: [bf16(240, 257), f32(120, 2), pairRows, f32(120, 257)], params: { dtype: "f32" } }],
  moeCombineBackward: [{ inputs: [f32(240, 257), f32(120, 2), pairRows, f32(120, 257)], params: {} }],
  headLogProb: [
    {
      inputs: [f32(143, 65), f32(301, 65), indexes([143], 301, "targets")],
      params: { temperature: 1.3, compute: "f32" },
      tolerance: 1e-4,
    },
    {
      inputs: [bf16(70, 64), bf16(200, 64), indexes([70], 200, "targets")],
      params: { temperature: 1, compute: "bf16" },
      tolerance: 1e-4,
    },
  ],
  headCrossEntropy: [
    {
      inputs: [
        f32(143, 65),
        f32(301, 65),
        indexes([143], 301, "targets"),
        { ...f32(143), values: Float64Array.from({ length: 143 }, (_, i) => (i % 5 === 0 ? 0 : 1 / 143)) },
      ],
      params: { withGrad: true, ofWeight: true, compute: "f32" },
      tolerance: 1e-4,
    },
    {
      inputs: [
        bf16(70, 64),
        bf16(200, 64),
        indexes([70], 200, "targets"),
        { ...f32(70), values: new Float64Array(70).fill(1 / 70) },
      ],
      params: { withGrad: true, ofWeight: true, compute: "bf16" },
      tolerance: 1e-2,
    },
  ],
  adamw: [{ inputs: [f32(n), f32(n), f32(n), squares, bf16(n), { ...f32(1), values: [0.5] }], params: adam }],
  applyUpdate: [{ inputs: [f32(n), f32(n), bf16(n)], params: { lr: 0.02, weightDecay: 0.1 } }],
  sampleTokens: [
    { inputs: [f32(41, 1009), uniforms(41)], params: { temperature: 0.8, topK: 0, topP: 1, minP: 0 } },
    { inputs: [f32(41, 1009), uniforms(41)], params: { temperature: 1, topK: 50, topP: 0.9, minP: 0.02 } },
    {
      name: "settings by row",
      inputs: [f32(41, 1009), uniforms(41), settings(41)],
      params: { temperature: 1, topK: 0, topP: 1, minP: 0 },
    },
  ],
  adjustLogits: [
    {
      inputs: [
        f32(3, 1009),
        i32([4], [0, 500, 500, 1500]),
        i32(
          [1500],
          Array.from({ length: 1500 }, (_, i) => (i * 7) % 1009),
        ),
        { ...f32(1500), values: new Float64Array(1500).fill(1.1) },
        f32(1500),
      ],
      params: {},
    },
  ],
  maskLogits: [{ inputs: [f32(5, 1009), i32([3], [4, 0, 2]), indexes([3, 32], 2 ** 31 - 1, "masks")], params: {} }],
  topLogProbs: [{ inputs: [f32(9, 1009), i32([5], [8, 0, 3, 4, 7]), uniforms(5)], params: { k: 20 } }],
  storedLinear: [
    ...blockTypes
      .filter((type) => type !== "e4m3")
      .flatMap((dtype) => [
        {
          name: `${dtype}, more rows than a tile`,
          inputs: [f32(29, 768), { shape: [131, 768], dtype }, null, f32(131), null],
          params: { dtype: "f32" as const },
        },
        {
          name: `${dtype}, one row`,
          inputs: [bf16(1, 1280), { shape: [300, 1280], dtype }, null, null, null],
          params: { dtype: "f32" as const },
        },
      ]),
    ...blockTypes
      .filter((type) => blockSizes[type].numbers === 32)
      .map((dtype) => ({
        name: `${dtype}, a last group of 96`,
        inputs: [f32(17, 1376), { shape: [70, 1376], dtype }, null, null, bf16(17, 70)],
        params: { dtype: "bf16" as const },
      })),
    {
      name: "e4m3, more rows than a tile",
      inputs: [f32(29, 330), { shape: [131, 330], dtype: "e4m3" }, null, f32(131), null],
      params: { dtype: "f32" },
    },
    {
      name: "f16, more rows than a tile",
      inputs: [bf16(29, 330), { shape: [131, 330], dtype: "f16" }, null, null, null],
      params: { dtype: "f32" },
    },
  ],
  storedGroupedLinear: blockTypes.map((dtype) => ({
    name: dtype,
    inputs: [f32(120, 256), { shape: [8, 97, 256], dtype }, null, expertRows, rowOf(240, 120), null],
    params: { dtype: "f32" },
  })),
  // Sums over several chunks of odd length, and columns beyond one stretch of a source.
  storedLinearBackward: ([...blockTypes, "f16"] as const).flatMap((dtype) => [
    {
      name: `${dtype}, two chunks`,
      inputs: [f32(15, 1111), { shape: [1111, 256], dtype }, null],
      params: { dtype: "f32" as const, accumulate: true },
      tolerance: 1e-4,
    },
    {
      name: `${dtype}, two chunks of bf16`,
      inputs: [bf16(16, 2049), { shape: [2049, 256], dtype }, null],
      params: { dtype: "bf16" as const, accumulate: false },
    },
  ]),
  storedGroupedLinearBackward: blockTypes.map((dtype) => ({
    name: dtype,
    inputs: [f32(240, 97), { shape: [8, 97, 256], dtype }, null, expertRows],
    params: { dtype: "f32" },
    tolerance: 1e-4,
  })),
  storedRows: [{ inputs: [{ shape: [500, 256], dtype: "q4_k" }, null, indexes([203], 500, "ids")], params: {} }],
};
