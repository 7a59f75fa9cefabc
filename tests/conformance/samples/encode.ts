// Test samples of the ops in src/tensor/ops/encode.ts.
import { encodedBlockTypes } from "../../../src/tensor/block-encoders.js";
import type { EncodeParams } from "../../../src/tensor/ops/encode.js";
import type { Sample, SampleInput, SamplesByOp } from "./sample.js";

/** Rows of zeros of both signs, of one sign, of one number, of ties, of magnitudes from the smallest to the largest. */
function hardCases(): SampleInput {
  const rows: ((i: number) => number)[] = [
    (i) => (i % 3 === 0 ? -0 : 0),
    (i) => 1 + (i % 32) / 7,
    (i) => -1 - (i % 5),
    (i) => (i === 40 ? -3 : 0),
    (i) => (i % 32) / 2 - 8,
    (i) => (i % 2 === 0 ? 1 : -1) * 2 ** ((i % 64) - 44),
    (i) => 1e-42 * (i - 100),
    (i) => (i % 7) * 1e36,
    () => 0.3,
  ];
  return {
    shape: [rows.length, 256],
    dtype: "f32",
    values: rows.flatMap((value) => Array.from({ length: 256 }, (_, i) => Math.fround(value(i)))),
  };
}

/** The samples of each op of the file. */
export const encodeSamples = {
  encodeWeights: ([...encodedBlockTypes, "f16", "bf16"] as const).flatMap((dtype): Sample<EncodeParams>[] => [
    { name: dtype, inputs: [{ shape: [5, 256], dtype: "f32", scale: 0.02 }], params: { dtype } },
    { name: `${dtype}, hard cases`, inputs: [hardCases()], params: { dtype } },
    { name: `${dtype}, nothing`, inputs: [{ shape: [0, 256], dtype: "f32" }], params: { dtype } },
  ]),
} satisfies Partial<SamplesByOp>;
