// Test samples of the ops in src/tensor/ops/head.ts.
import type { SamplesByOp } from "./sample.js";

const targets = (...values: number[]) => ({ shape: [values.length], dtype: "i32" as const, values });

/** Heads as files store them. */
const storedHeads = [
  { name: "q8_0", dtype: "q8_0", width: 64, hidden: "f32", scales: null, tolerance: 1e-4 },
  { name: "q4_k with bf16 states", dtype: "q4_k", width: 256, hidden: "bf16", scales: null, tolerance: 1e-2 },
  { name: "e4m3 with scales", dtype: "e4m3", width: 136, hidden: "f32", scales: [0.5, 2], tolerance: 1e-4 },
  { name: "f16", dtype: "f16", width: 24, hidden: "f32", scales: null, tolerance: 1e-4 },
] as const;
/** What int8 groups and bf16 hold exactly: the slope of the product is then that of its rounded operands. */
const exactly = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => (i % 8 === 0 ? 127 : ((i * 37) % 255) - 127) / 64);
const storedHead = ({ dtype, width, hidden, scales }: (typeof storedHeads)[number]) => ({
  inputs: [
    {
      shape: [5, width],
      dtype: hidden,
      values: exactly(5 * width),
    },
    { shape: [37, width], dtype, scale: 0.3 },
    targets(3, 36, -1, 0, 7),
  ],
  scales: scales && { shape: [1, 2], dtype: "f32" as const, values: scales },
});

/** What a teacher says: of some tokens of each row the log-probability, and of all others together. */
const taught = (rows: readonly (readonly number[])[], rest: readonly number[]) => {
  const k = rows[0].length / 2;
  const logProbs = rows.map((row, r) => [...row.slice(k), rest[r]].map((p) => (p === 0 ? -30 : Math.log(p))));
  return [
    { shape: [rows.length, k], dtype: "i32" as const, values: rows.flatMap((row) => row.slice(0, k)) },
    { shape: [rows.length, k + 1], dtype: "f32" as const, values: logProbs.flat() },
  ];
};
const threeRows = taught(
  [
    [3, 18, 0.5, 0.25],
    [7, -1, 0.9, 0],
    [2, 0, 0.01, 0.6],
  ],
  [0.25, 0.1, 0.39],
);

/** The samples of each op of the file. */
export const headSamples = {
  headLogProb: [
    {
      inputs: [{ shape: [5, 12], dtype: "f32" }, { shape: [19, 12], dtype: "f32" }, targets(3, 18, -1, 0, 7)],
      params: { temperature: 0.7, compute: "f32" },
      tolerance: 1e-4,
    },
    {
      inputs: [{ shape: [3, 32], dtype: "bf16" }, { shape: [40, 32], dtype: "bf16" }, targets(3, 18, 0)],
      params: { temperature: 1, compute: "bf16" },
      tolerance: 1e-4,
    },
    {
      name: "f32 hidden, bf16 head",
      inputs: [{ shape: [4, 24], dtype: "f32" }, { shape: [33, 24], dtype: "bf16" }, targets(0, 32, -1, -1)],
      params: { temperature: 1, compute: "f32" },
      tolerance: 1e-4,
    },
    {
      name: "soft cap",
      inputs: [{ shape: [5, 12], dtype: "f32" }, { shape: [19, 12], dtype: "f32" }, targets(3, 18, -1, 0, 7)],
      params: { temperature: 0.7, softCap: 2, compute: "f32" },
      tolerance: 1e-4,
    },
    {
      name: "soft cap, with the mean",
      inputs: [{ shape: [5, 12], dtype: "f32" }, { shape: [19, 12], dtype: "f32" }, targets(3, 18, -1, 0, 7)],
      params: { temperature: 0.7, softCap: 2, withMean: true, compute: "f32" },
      tolerance: 1e-4,
    },
    {
      name: "soft cap in bf16",
      inputs: [{ shape: [3, 32], dtype: "bf16" }, { shape: [40, 32], dtype: "bf16" }, targets(3, 18, 0)],
      params: { temperature: 1, softCap: 3, compute: "bf16" },
      tolerance: 1e-4,
    },
    ...storedHeads.map((head) => ({
      name: head.name,
      inputs: [...storedHead(head).inputs, storedHead(head).scales],
      params: { temperature: 0.9, softCap: head.dtype === "q8_0" ? 3 : undefined, compute: "f32" as const },
      tolerance: head.tolerance,
    })),
    {
      name: "no rows",
      inputs: [{ shape: [0, 8], dtype: "f32" }, { shape: [5, 8], dtype: "f32" }, targets()],
      params: { temperature: 1, compute: "f32" },
    },
    {
      name: "NaN in one row",
      inputs: [
        { shape: [2, 2], dtype: "f32", values: [1, Number.NaN, 3, 4] },
        { shape: [3, 2], dtype: "f32" },
        targets(0, 1),
      ],
      params: { temperature: 1, compute: "f32" },
      tolerance: 1e-4,
    },
  ],
  headLogProbBackward: [],
  headCrossEntropy: [
    {
      inputs: [
        { shape: [5, 12], dtype: "f32" },
        { shape: [19, 12], dtype: "f32" },
        targets(3, 18, 2, 0, -1),
        { shape: [5], dtype: "f32", values: [1, 0.5, 0, 2, 1] },
      ],
      params: { withGrad: true, ofWeight: true, compute: "f32" },
      tolerance: 1e-4,
    },
    {
      inputs: [
        { shape: [3, 32], dtype: "bf16" },
        { shape: [40, 32], dtype: "bf16" },
        targets(3, 18, 0),
        { shape: [3], dtype: "f32", values: [1, 1, 1] },
      ],
      params: { withGrad: false, ofWeight: false, compute: "bf16" },
      tolerance: 1e-4,
    },
    {
      name: "soft cap",
      inputs: [
        { shape: [5, 12], dtype: "f32" },
        { shape: [19, 12], dtype: "f32" },
        targets(3, 18, 2, 0, -1),
        { shape: [5], dtype: "f32", values: [1, 0.5, 0, 2, 1] },
      ],
      params: { withGrad: true, ofWeight: true, softCap: 2, compute: "f32" },
      tolerance: 1e-4,
    },
    {
      name: "no rows",
      inputs: [
        { shape: [0, 8], dtype: "f32" },
        { shape: [5, 8], dtype: "f32" },
        targets(),
        { shape: [0], dtype: "f32" },
      ],
      params: { withGrad: true, ofWeight: true, compute: "f32" },
    },
    ...storedHeads.map((head) => ({
      name: head.name,
      inputs: [
        ...storedHead(head).inputs,
        { shape: [5], dtype: "f32" as const, values: [1, 0.5, 1, 0, 2] },
        storedHead(head).scales,
      ],
      params: { withGrad: true, ofWeight: false, compute: "f32" as const },
      tolerance: head.tolerance,
    })),
    {
      name: "a frozen head",
      inputs: [
        { shape: [3, 12], dtype: "f32" },
        { shape: [19, 12], dtype: "f32" },
        targets(3, -1, 2),
        { shape: [3], dtype: "f32", values: [1, 0.5, 2] },
      ],
      params: { withGrad: true, ofWeight: false, compute: "f32" },
      tolerance: 1e-4,
    },
  ],
  headDivergence: [
    ...(["forward", "reverse"] as const).flatMap((direction) => [
      {
        name: direction,
        inputs: [
          { shape: [3, 12], dtype: "f32" as const },
          { shape: [19, 12], dtype: "f32" as const },
          ...threeRows,
          { shape: [3], dtype: "f32" as const, values: [1, 0.5, 2] },
        ],
        params: { direction, temperature: 0.8, withGrad: true, ofWeight: true, compute: "f32" as const },
        tolerance: 1e-4,
      },
      {
        name: `${direction}, soft cap, a row without weight`,
        inputs: [
          { shape: [3, 12], dtype: "f32" as const },
          { shape: [19, 12], dtype: "f32" as const },
          ...threeRows,
          { shape: [3], dtype: "f32" as const, values: [1, 0, 2] },
        ],
        params: { direction, temperature: 1, softCap: 2, withGrad: true, ofWeight: true, compute: "f32" as const },
        tolerance: 1e-4,
      },
      {
        name: `${direction}, of all tokens, a row without any`,
        inputs: [
          { shape: [2, 8], dtype: "f32" as const },
          { shape: [3, 8], dtype: "f32" as const },
          ...taught(
            [
              [2, 0, 1, 0.5, 0.2, 0.3],
              [-1, -1, -1, 0, 0, 0],
            ],
            [0, 0],
          ),
          { shape: [2], dtype: "f32" as const, values: [1, 1] },
        ],
        params: { direction, temperature: 1, withGrad: true, ofWeight: true, compute: "f32" as const },
        tolerance: 1e-4,
      },
    ]),
    {
      name: "bf16",
      inputs: [
        { shape: [3, 32], dtype: "bf16" },
        { shape: [40, 32], dtype: "bf16" },
        ...threeRows,
        { shape: [3], dtype: "f32", values: [1, 1, 1] },
      ],
      params: { direction: "forward", temperature: 1, withGrad: false, ofWeight: false, compute: "bf16" },
      tolerance: 1e-4,
    },
    {
      name: "a stored head",
      inputs: [
        { shape: [3, 64], dtype: "f32", values: exactly(3 * 64) },
        { shape: [37, 64], dtype: "q8_0", scale: 0.1 },
        ...threeRows,
        { shape: [3], dtype: "f32", values: [1, 0.5, 2] },
        null,
      ],
      params: { direction: "forward", temperature: 1, withGrad: true, ofWeight: false, compute: "f32" },
      tolerance: 1e-4,
    },
  ],
} satisfies Partial<SamplesByOp>;
