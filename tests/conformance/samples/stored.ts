// Test samples of the ops in src/tensor/ops/stored.ts.
import { encodeE4m3Blocks } from "../../../src/tensor/block-encoders.js";
import { scaleBlock } from "../../../src/tensor/block-formats.js";
import { type BlockType, blockSizes, blockTypes, type DType } from "../../../src/tensor/dtype.js";
import type { SampleInput, SamplesByOp } from "./sample.js";

/** Types whose products multiply whole numbers. */
const integerTypes = blockTypes.filter((type) => type !== "e4m3");

function f32(...shape: number[]): SampleInput {
  return { shape, dtype: "f32" };
}

function i32(...values: number[]): SampleInput {
  return { shape: [values.length], dtype: "i32", values };
}

/** The rows of three tokens of which each goes to two experts. */
const tokenRow3: SampleInput = { shape: [3, 2], dtype: "i32", values: [0, 4, 2, 5, 1, 3] };

/** A few blocks, of which the last leave a group of 128 unfinished where they can. */
function oddWidth(type: BlockType): number {
  return blockSizes[type].numbers === 1 ? 33 : blockSizes[type].numbers * (blockSizes[type].numbers === 32 ? 5 : 2);
}

/** Sample weights of a block type: the runner stores random numbers in it. */
function stored(dtype: DType, ...shape: number[]): SampleInput {
  return { shape, dtype };
}

/** Sample weights [experts, rows, width] of e4m3 whose blocks differ in magnitude, and their scales. */
function e4m3(rows: number, width: number, experts?: number): [SampleInput, SampleInput] {
  const count = experts ?? 1;
  const wave = Float32Array.from(
    { length: rows * width },
    (_, i) => Math.sin(i * 1.7) * (1 + Math.floor((i % width) / scaleBlock) + Math.floor(i / width / scaleBlock)),
  );
  const { bytes, scales } = encodeE4m3Blocks(wave, rows, width);
  const repeat = (values: ArrayLike<number>) => Array.from({ length: count }, () => Array.from(values)).flat();
  const lead = experts === undefined ? [] : [experts];
  const grid = [Math.ceil(rows / scaleBlock), Math.ceil(width / scaleBlock)];
  return [
    { shape: [...lead, rows, width], dtype: "e4m3", values: repeat(bytes) },
    { shape: [...lead, ...grid], dtype: "f32", values: repeat(scales) },
  ];
}

/** The samples of each op of the file. */
export const storedSamples = {
  storedLinear: [
    ...integerTypes.map((type, i) => ({
      name: type,
      inputs: [
        f32(5, oddWidth(type)),
        stored(type, 33 + 7 * (i % 2), oddWidth(type)),
        null,
        f32(33 + 7 * (i % 2)),
        f32(5, 33 + 7 * (i % 2)),
      ],
      params: { dtype: "f32" as const },
    })),
    {
      name: "bf16 in and out",
      inputs: [{ ...f32(3, 64), dtype: "bf16" }, stored("q8_0", 32, 64), null, null, null],
      params: { dtype: "bf16" },
    },
    { name: "e4m3 with scales", inputs: [f32(3, 200), ...e4m3(150, 200), null, f32(3, 150)], params: { dtype: "f32" } },
    {
      name: "e4m3 without scales",
      inputs: [f32(2, 33), stored("e4m3", 17, 33), null, null, null],
      params: { dtype: "f32" },
    },
    {
      name: "f16",
      inputs: [f32(3, 130), { shape: [35, 130], dtype: "f16" }, null, f32(35), null],
      params: { dtype: "f32" },
    },
    { name: "no rows", inputs: [f32(0, 32), stored("q8_0", 9, 32), null, null, null], params: { dtype: "f32" } },
    {
      name: "what is no number, in one group of one row",
      inputs: [
        {
          ...f32(2, 160),
          values: Float32Array.from({ length: 320 }, (_, i) => (i === 40 ? Number.POSITIVE_INFINITY : i % 7)),
        },
        stored("q8_0", 9, 160),
        null,
        null,
        null,
      ],
      params: { dtype: "f32" },
    },
    {
      name: "nothing but zeros",
      inputs: [{ ...f32(1, 32), values: new Float32Array(32) }, stored("q4_0", 9, 32), null, null, null],
      params: { dtype: "f32" },
    },
  ],
  storedGroupedLinear: [
    ...integerTypes.map((type) => ({
      name: type,
      inputs: [f32(3, 256), stored(type, 4, 36, 256), null, i32(0, 2, 2, 5, 6), i32(0, 2, 1, 2, 0, 1), tokenRow3],
      params: { dtype: "f32" as const },
    })),
    {
      name: "e4m3, rows as they are",
      inputs: [f32(6, 130), ...e4m3(140, 130, 4), i32(0, 2, 2, 5, 6), null, null],
      params: { dtype: "bf16" },
    },
    {
      name: "f16",
      inputs: [f32(3, 40), { shape: [4, 33, 40], dtype: "f16" }, null, i32(0, 2, 2, 5, 6), i32(0, 2, 1, 2, 0, 1), null],
      params: { dtype: "f32" },
    },
    {
      name: "a range of experts",
      inputs: [f32(3, 64), stored("q4_0", 2, 36, 64), null, i32(2, 3, 5), i32(0, 2, 1, 2, 0, 1), tokenRow3],
      params: { dtype: "bf16" },
    },
    {
      name: "no rows",
      inputs: [f32(0, 32), stored("q8_0", 2, 9, 32), null, i32(0, 0, 0), null, null],
      params: { dtype: "f32" },
    },
  ],
  storedLinearBackward: [
    ...blockTypes.map((type, i) => ({
      name: type,
      inputs: [f32(5, 33 + 8 * (i % 2)), stored(type, 33 + 8 * (i % 2), oddWidth(type)), null],
      params: { dtype: "f32" as const, accumulate: i % 2 === 1 },
    })),
    {
      name: "bf16 in and out",
      inputs: [{ ...f32(6, 70), dtype: "bf16" }, stored("q4_0", 70, 96), null],
      params: { dtype: "bf16", accumulate: false },
    },
    {
      name: "f32 in, added to bf16",
      inputs: [f32(3, 37), stored("q6_k", 37, 256), null],
      params: { dtype: "bf16", accumulate: true },
    },
    {
      name: "e4m3 with scales",
      inputs: [f32(3, 150), ...e4m3(150, 200)],
      params: { dtype: "f32", accumulate: false },
    },
    {
      name: "f16",
      inputs: [f32(3, 35), { shape: [35, 130], dtype: "f16" }, null],
      params: { dtype: "f32", accumulate: false },
    },
    {
      name: "no rows",
      inputs: [f32(0, 9), stored("q8_0", 9, 32), null],
      params: { dtype: "f32", accumulate: false },
    },
    {
      name: "what is no number, in one row",
      inputs: [
        {
          ...f32(2, 9),
          values: Float32Array.from({ length: 18 }, (_, i) => (i === 4 ? Number.NaN : i % 7)),
        },
        stored("q8_0", 9, 64),
        null,
      ],
      params: { dtype: "f32", accumulate: false },
    },
  ],
  storedGroupedLinearBackward: [
    ...blockTypes.map((type) => ({
      name: type,
      inputs: [f32(6, 36), stored(type, 4, 36, 256), null, i32(0, 2, 2, 5, 6)],
      params: { dtype: "f32" as const },
    })),
    {
      name: "e4m3 with scales, bf16 out",
      inputs: [f32(6, 140), ...e4m3(140, 130, 4), i32(0, 2, 2, 5, 6)],
      params: { dtype: "bf16" },
    },
    {
      name: "f16",
      inputs: [f32(6, 33), { shape: [4, 33, 40], dtype: "f16" }, null, i32(0, 2, 2, 5, 6)],
      params: { dtype: "f32" },
    },
    {
      name: "a range of experts",
      inputs: [f32(6, 36), stored("q4_0", 2, 36, 64), null, i32(2, 3, 5)],
      params: { dtype: "bf16" },
    },
    {
      name: "no rows",
      inputs: [f32(0, 9), stored("q8_0", 2, 9, 32), null, i32(0, 0, 0)],
      params: { dtype: "f32" },
    },
  ],
  storedRows: [
    ...blockTypes.map((type) => ({
      name: type,
      inputs: [stored(type, 9, oddWidth(type)), null, i32(3, 0, 8, 3)],
      params: {},
    })),
    ...(["f32", "bf16", "f16"] as const).map((dtype) => ({
      name: dtype,
      inputs: [{ shape: [9, 17], dtype }, null, i32(8, 1)],
      params: {},
    })),
    { name: "e4m3 with scales", inputs: [...e4m3(150, 140), i32(149, 0)], params: {} },
    { name: "no ids", inputs: [stored("q8_0", 9, 32), null, i32()], params: {} },
  ],
} satisfies Partial<SamplesByOp>;
