// Ops that work row by row, with inputs for any number of rows: row r is the same whatever the number. Knows nothing of
// backends.
import { encodedBlockTypes } from "../../src/tensor/block-encoders.js";
import { blockTypes, type DType } from "../../src/tensor/dtype.js";
import type { OpName } from "../../src/tensor/ops/index.js";
import { numElements } from "../../src/tensor/tensor.js";
import { cacheOf, fp8Sample } from "./samples/paged-attention.js";
import { type HostOperand, normals, operandOf, randomOperand, rounded } from "./values.js";

/** One op whose rows must not see each other. */
export interface RowCase {
  readonly label: string;
  readonly op: OpName;
  readonly params: Record<string, unknown>;
  inputs(rows: number): (HostOperand | null)[];
  /** Which inputs and outputs have one entry a row. */
  readonly rowInputs: readonly number[];
  readonly rowOutputs: readonly number[];
}

const longest = new Map<string, Float64Array>();
/** `rows` rows of seeded numbers: the first rows of a longer operand of the same label. Nobody writes to them. */
function rowsOf(rows: number, shape: readonly number[], label: string, dtype: DType = "f32"): HostOperand {
  const [key, count] = [`${label} ${dtype}`, rows * numElements(shape)];
  const known = longest.get(key);
  const data = known && known.length >= count ? known : rounded(normals(count, label), dtype);
  longest.set(key, data);
  return { shape: [rows, ...shape], dtype, data: data.subarray(0, count) };
}
const drawn = new Map<string, HostOperand>();
/** An operand that is the same for any number of rows, drawn once: encoding weights is slow. */
function fixed(shape: readonly number[], label: string, dtype: DType = "f32"): HostOperand {
  const key = `${label} ${dtype} ${shape}`;
  const operand = drawn.get(key) ?? randomOperand({ shape, dtype }, label);
  drawn.set(key, operand);
  return operand;
}
function integers(rows: number, limit: number, label: string, from = 0): HostOperand {
  const data = normals(rows, label).map((x) => from + (Math.floor(Math.abs(x) * 7919) % limit));
  return { shape: [rows], dtype: "i32", data };
}
const numbers = (rows: number, label: string): HostOperand => ({
  shape: [rows],
  dtype: "f32",
  data: rounded(
    normals(rows, label).map((x) => Math.abs(x) % 1),
    "f32",
  ),
});
const settingsOf = (rows: number): HostOperand => ({
  shape: [rows, 4],
  dtype: "f32",
  data: Float64Array.from(
    { length: 4 * rows },
    (_, i) => [(i >> 2) % 2, (i >> 2) % 30, 1 - ((i >> 2) % 4) / 8, 0][i % 4],
  ),
});
const offsets = (...data: number[]): HostOperand => ({
  shape: [data.length],
  dtype: "i32",
  data: Float64Array.from(data),
});
/** Block tables, cuQueries and context lengths of sequences with one query each. */
const oneEach = (rows: number): HostOperand[] => [
  { ...integers(2 * rows, 8, "tables"), shape: [rows, 2] },
  offsets(...Array.from({ length: rows + 1 }, (_, r) => r)),
  integers(rows, 128, "lengths", 1),
];

const bf16Latents = { name: "latents", operand: fixed([8, 64, 80], "latents", "bf16"), width: 80, value: 64 };
const fp8Latents = {
  name: "FP8 latents",
  operand: operandOf(fp8Sample(8, 128, 16), "latents"),
  width: 144,
  value: 128,
};

const gemm = { transA: false, transB: true, accumulate: false, dtype: "f32", compute: "f32" };
const gate = {
  topK: 4,
  numGroups: 4,
  topkGroups: 2,
  scoring: "sigmoid",
  groupScore: "top2sum",
  normalize: true,
  scale: 2.5,
};

export const rowCases: readonly RowCase[] = [
  ...[33, 384, 1100].map(
    (k): RowCase => ({
      label: `gemm over ${k} numbers`,
      op: "gemm",
      params: gemm,
      inputs: (rows) => [
        rowsOf(rows, [k], "x"),
        fixed([70, k], "w"),
        fixed([70], "bias"),
        rowsOf(rows, [70], "residual"),
      ],
      rowInputs: [0, 3],
      rowOutputs: [0],
    }),
  ),
  {
    label: "gemm with an untransposed weight",
    op: "gemm",
    params: { ...gemm, transB: false },
    inputs: (rows) => [rowsOf(rows, [130], "x"), fixed([130, 67], "w"), null, null],
    rowInputs: [0],
    rowOutputs: [0],
  },
  ...[64, 385].map(
    (k): RowCase => ({
      label: `gemm in bf16 over ${k} numbers`,
      op: "gemm",
      params: { ...gemm, dtype: "bf16", compute: "bf16" },
      inputs: (rows) => [
        rowsOf(rows, [k], "x", "bf16"),
        fixed([70, k], "w", "bf16"),
        null,
        rowsOf(rows, [70], "residual", "bf16"),
      ],
      rowInputs: [0, 3],
      rowOutputs: [0],
    }),
  ),
  {
    label: "headMatmul",
    op: "headMatmul",
    params: { rowOffset: 3, rows: 20, transposed: true, dtype: "f32" },
    inputs: (rows) => [rowsOf(rows, [4, 20], "x"), fixed([4 * 30, 65], "w")],
    rowInputs: [0],
    rowOutputs: [0],
  },
  // The rows of one expert: its number of rows, and where they start, change with the batch.
  {
    label: "groupedGemm",
    op: "groupedGemm",
    params: { transW: true, dtype: "f32", compute: "f32" },
    inputs: (rows) => [rowsOf(rows, [130], "x"), fixed([3, 70, 130], "w"), offsets(0, 0, rows, rows), null, null],
    rowInputs: [0],
    rowOutputs: [0],
  },
  ...([...blockTypes, "f16"] as const).flatMap((dtype): RowCase[] => [
    {
      label: `storedLinear with ${dtype}`,
      op: "storedLinear",
      params: { dtype: "f32" },
      inputs: (rows) => [
        rowsOf(rows, [768], "x"),
        fixed([70, 768], "w", dtype),
        null,
        fixed([70], "bias"),
        rowsOf(rows, [70], "residual"),
      ],
      rowInputs: [0, 4],
      rowOutputs: [0],
    },
    {
      label: `storedLinearBackward with ${dtype}`,
      op: "storedLinearBackward",
      params: { dtype: "bf16", accumulate: false },
      inputs: (rows) => [rowsOf(rows, [1100], "dy"), fixed([1100, 256], "w", dtype), null],
      rowInputs: [0],
      rowOutputs: [0],
    },
    {
      label: `storedGroupedLinearBackward with ${dtype}`,
      op: "storedGroupedLinearBackward",
      params: { dtype: "f32" },
      inputs: (rows) => [rowsOf(rows, [70], "dy"), fixed([3, 70, 256], "w", dtype), null, offsets(0, 0, rows, rows)],
      rowInputs: [0],
      rowOutputs: [0],
    },
    {
      label: `storedGroupedLinear with ${dtype}`,
      op: "storedGroupedLinear",
      params: { dtype: "f32" },
      inputs: (rows) => [
        rowsOf(rows, [256], "x"),
        fixed([3, 70, 256], "w", dtype),
        null,
        offsets(0, 0, rows, rows),
        null,
        null,
      ],
      rowInputs: [0],
      rowOutputs: [0],
    },
  ]),
  ...([...encodedBlockTypes, "f16", "bf16"] as const).map(
    (dtype): RowCase => ({
      label: `encodeWeights into ${dtype}`,
      op: "encodeWeights",
      params: { dtype },
      inputs: (rows) => [rowsOf(rows, [256], "x")],
      rowInputs: [0],
      rowOutputs: [0],
    }),
  ),
  {
    label: "rmsNorm",
    op: "rmsNorm",
    params: { eps: 1e-6, dtype: "f32" },
    inputs: (rows) => [rowsOf(rows, [129], "x"), fixed([129], "w")],
    rowInputs: [0],
    rowOutputs: [0, 1],
  },
  {
    label: "swiglu",
    op: "glu",
    params: { activation: "silu" },
    inputs: (rows) => [rowsOf(rows, [66], "x", "bf16")],
    rowInputs: [0],
    rowOutputs: [0],
  },
  {
    label: "geglu",
    op: "glu",
    params: { activation: "gelu_tanh" },
    inputs: (rows) => [rowsOf(rows, [66], "x")],
    rowInputs: [0],
    rowOutputs: [0],
  },
  {
    label: "rope",
    op: "rope",
    params: { offset: 4, interleaved: true, inverse: false, factor: 1 },
    inputs: (rows) => [
      rowsOf(rows, [3, 20], "x"),
      integers(rows, 5000, "at"),
      {
        ...fixed([8], "f"),
        data: rounded(
          Float64Array.from({ length: 8 }, (_, i) => 10 ** (-i / 2)),
          "f32",
        ),
      },
    ],
    rowInputs: [0, 1],
    rowOutputs: [0],
  },
  ...(["bf16", "f32"] as const).map(
    (dtype): RowCase => ({
      label: `pagedAttention over heads in ${dtype}`,
      op: "pagedAttention",
      params: { scale: 0.2, valueWidth: 32 },
      inputs: (rows) => [
        rowsOf(rows, [6, 32], "q", dtype),
        randomOperand(cacheOf("keys", 8, 2, 32, dtype), "k"),
        randomOperand(cacheOf("values", 8, 2, 32, dtype), "v"),
        ...oneEach(rows),
      ],
      rowInputs: [0, 3, 5],
      rowOutputs: [0],
    }),
  ),
  ...(["bf16", "f32"] as const).map(
    (dtype): RowCase => ({
      label: `pagedAttention over heads with caps in ${dtype}`,
      op: "pagedAttention",
      params: { scale: 0.2, softCap: 1.5, valueWidth: 32 },
      inputs: (rows) => [
        rowsOf(rows, [6, 32], "q", dtype),
        randomOperand(cacheOf("keys", 8, 2, 32, dtype), "k"),
        randomOperand(cacheOf("values", 8, 2, 32, dtype), "v"),
        ...oneEach(rows),
      ],
      rowInputs: [0, 3, 5],
      rowOutputs: [0],
    }),
  ),
  ...(["bf16", "f32"] as const).map(
    (dtype): RowCase => ({
      label: `pagedAttention over latents in ${dtype}`,
      op: "pagedAttention",
      params: { scale: 0.2, valueWidth: 64 },
      inputs: (rows) => [
        rowsOf(rows, [8, 80], "q", dtype),
        fixed([8, 64, 80], "latents", dtype),
        null,
        ...oneEach(rows),
      ],
      rowInputs: [0, 3, 5],
      rowOutputs: [0],
    }),
  ),
  {
    label: "pagedAttention over FP8 latents",
    op: "pagedAttention",
    params: { scale: 0.05, valueWidth: 128 },
    inputs: (rows) => [
      rowsOf(rows, [8, 144], "q", "bf16"),
      operandOf(fp8Sample(8, 128, 16), "latents"),
      null,
      ...oneEach(rows),
    ],
    rowInputs: [0, 3, 5],
    rowOutputs: [0],
  },
  ...[bf16Latents, fp8Latents].map(
    ({ name, operand, width, value }): RowCase => ({
      label: `pagedAttention over ${name} in spans`,
      op: "pagedAttention",
      params: { scale: 0.05, valueWidth: value },
      inputs: (rows) => [
        rowsOf(rows, [16, width], "q", "bf16"),
        operand,
        null,
        { ...integers(34 * rows, 8, "tables"), shape: [rows, 34] },
        offsets(...Array.from({ length: rows + 1 }, (_, r) => r)),
        integers(rows, 1177, "lengths", 1000),
      ],
      rowInputs: [0, 3, 5],
      rowOutputs: [0],
    }),
  ),
  {
    label: "embedding",
    op: "embedding",
    params: { dtype: "bf16" },
    inputs: (rows) => [fixed([40, 33], "table"), integers(rows, 40, "ids")],
    rowInputs: [1],
    rowOutputs: [0],
  },
  {
    label: "router",
    op: "router",
    params: gate,
    inputs: (rows) => [rowsOf(rows, [32], "logits"), fixed([32], "bias")],
    rowInputs: [0],
    rowOutputs: [0, 1, 2],
  },
  ...[false, true].map(
    (bf16): RowCase => ({
      label: bf16 ? "headLogProb in bf16" : "headLogProb",
      op: "headLogProb",
      params: { temperature: 0.8, withMean: true, compute: bf16 },
      inputs: (rows) => [
        rowsOf(rows, [96], "h", bf16 ? "bf16" : "f32"),
        fixed([131, 96], "w", bf16 ? "bf16" : "f32"),
        integers(rows, 131, "targets"),
      ],
      rowInputs: [0, 2],
      rowOutputs: [0, 1, 2, 3],
    }),
  ),
  {
    label: "headLogProb of q8_0",
    op: "headLogProb",
    params: { temperature: 0.8, compute: "f32" },
    inputs: (rows) => [rowsOf(rows, [96], "h"), fixed([131, 96], "w", "q8_0"), integers(rows, 131, "targets"), null],
    rowInputs: [0, 2],
    rowOutputs: [0, 1, 2],
  },
  {
    label: "headCrossEntropy",
    op: "headCrossEntropy",
    params: { withGrad: true, ofWeight: true, compute: "f32" },
    inputs: (rows) => [
      rowsOf(rows, [96], "h"),
      fixed([131, 96], "w"),
      integers(rows, 131, "targets"),
      numbers(rows, "weights"),
    ],
    rowInputs: [0, 2, 3],
    rowOutputs: [1, 2],
  },
  {
    label: "headDivergence",
    op: "headDivergence",
    params: { direction: "reverse", temperature: 0.8, withGrad: true, ofWeight: true, compute: "f32" },
    inputs: (rows) => [
      rowsOf(rows, [96], "h"),
      fixed([131, 96], "w"),
      { ...integers(rows, 131, "tokens"), shape: [rows, 1] },
      rowsOf(rows, [2], "log-probabilities"),
      numbers(rows, "weights"),
    ],
    rowInputs: [0, 2, 3, 4],
    rowOutputs: [1, 2],
  },
  ...[
    { temperature: 1, topK: 0, topP: 1, minP: 0 },
    { temperature: 0.7, topK: 20, topP: 0.9, minP: 0.01 },
  ].map(
    (params): RowCase => ({
      label: `sampleTokens at temperature ${params.temperature}`,
      op: "sampleTokens",
      params,
      inputs: (rows) => [rowsOf(rows, [131], "logits"), numbers(rows, "uniforms")],
      rowInputs: [0, 1],
      rowOutputs: [0, 1],
    }),
  ),
  {
    label: "sampleTokens with each row's settings",
    op: "sampleTokens",
    params: { temperature: 1, topK: 0, topP: 1, minP: 0 },
    inputs: (rows) => [rowsOf(rows, [131], "logits"), numbers(rows, "uniforms"), settingsOf(rows)],
    rowInputs: [0, 1, 2],
    rowOutputs: [0, 1],
  },
];
