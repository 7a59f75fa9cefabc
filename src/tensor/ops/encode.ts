// Numbers into the types that weights are stored in. Which bytes stand for which numbers, and the search for scales,
// are block-encoders.ts's.
import { type EncodedType, encodeRows } from "../block-encoders.js";
import { rowBytes } from "../block-formats.js";
import { dispatch, fromBytes, scopeAsync } from "../engine.js";
import { checkShape, type OpSpec } from "../op.js";
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
};

/** See `encodeWeightsOp`. */
export const encodeWeights = (x: Tensor, dtype: EncodeParams["dtype"]): Tensor =>
  dispatch(encodeWeightsOp, [x], { dtype })[0];

/** Numbers on the host, whole blocks of them, as bytes on the host, by the device. */
export function encodeOnDevice(values: Float32Array, dtype: EncodeParams["dtype"]): Promise<Uint8Array> {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return scopeAsync(() => encodeWeights(fromBytes(bytes, [values.length], "f32"), dtype).bytes());
}
