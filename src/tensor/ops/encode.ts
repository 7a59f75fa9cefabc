// Numbers into the types that weights are stored in. Which bytes stand for which numbers, and the search for scales,
// are block-encoders.ts's.
import { type EncodedType, encodedBlockTypes, encodeRows } from "../block-encoders.js";
import { rowBytes } from "../block-formats.js";
import { dispatch, fromBytes, scopeAsync } from "../engine.js";
import { checkShape, type OpSpec, type Sample, type SampleInput } from "../op.js";
import type { Tensor } from "../tensor.js";
import { streamCost } from "./elementwise.js";

/** Parameters of `encodeWeights`: the type to store in. */
export interface EncodeParams {
  dtype: Exclude<EncodedType, "f32">;
}

/**
 * x f32 [.., K], finite numbers, as the bytes u8 [.., bytes of a row] of a storage type; e4m3 takes numbers that are
 * scaled already. The reference's bytes exactly.
 */
export const encodeWeightsOp: OpSpec<EncodeParams> = {
  name: "encodeWeights",
  infer: ([x], { dtype }) => {
    checkShape(x!.dtype === "f32" && x!.shape.length > 0, "encodeWeights", "f32 numbers [.., K]", x);
    return [{ shape: [...x!.shape.slice(0, -1), rowBytes(dtype, x!.shape[x!.shape.length - 1])], dtype: "u8" }];
  },
  reference: ([x], [out], { dtype }) =>
    out.data.set(encodeRows(dtype, Float32Array.from(x!.data as ArrayLike<number>), x!.shape[x!.shape.length - 1])),
  cost: (i, o) => streamCost(0, i, o),
  samples: ([...encodedBlockTypes, "f16", "bf16"] as const).flatMap((dtype): Sample<EncodeParams>[] => [
    { name: dtype, inputs: [{ shape: [5, 256], dtype: "f32", scale: 0.02 }], params: { dtype } },
    { name: `${dtype}, hard cases`, inputs: [hardCases()], params: { dtype } },
    { name: `${dtype}, nothing`, inputs: [{ shape: [0, 256], dtype: "f32" }], params: { dtype } },
  ]),
};

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

/** See `encodeWeightsOp`. */
export const encodeWeights = (x: Tensor, dtype: EncodeParams["dtype"]): Tensor =>
  dispatch(encodeWeightsOp, [x], { dtype })[0];

/** Numbers on the host, whole blocks of them, as bytes on the host, by the device. */
export function encodeOnDevice(values: Float32Array, dtype: EncodeParams["dtype"]): Promise<Uint8Array> {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return scopeAsync(() => encodeWeights(fromBytes(bytes, [values.length], "f32"), dtype).bytes());
}
