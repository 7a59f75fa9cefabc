// RMSNorm (Zhang & Sennrich 2019), optionally with the residual branch's gradient folded into its backward.
import type { DType } from "../dtype.js";
import { dispatch } from "../engine.js";
import { checkShape, type OpSpec } from "../op.js";
import type { Tensor } from "../tensor.js";
import { streamCost } from "./elementwise.js";

/** Parameters of `rmsNorm`. */
export interface RmsNormParams {
  eps: number;
  /** What is added to the weight: 1 where a model stores how far its weight is from 1 (Gemma). Absent: 0. */
  weightOffset?: number;
  dtype: DType;
}

/** y = x·rstd·(w + offset) over the last dimension, rstd = (mean(x²)+eps)^-1/2; outputs y and rstd [rows]. */
export const rmsNormOp: OpSpec<RmsNormParams> = {
  name: "rmsNorm",
  infer: ([x, w], { dtype }) => {
    checkShape(
      x!.shape.length === 2 && w!.shape.length === 1 && w!.shape[0] === x!.shape[1] && w!.dtype === "f32",
      "rmsNorm",
      "x [rows,d] and an f32 weight [d]",
      x,
      w,
    );
    return [
      { shape: x!.shape, dtype },
      { shape: [x!.shape[0]], dtype: "f32" },
    ];
  },
  reference: ([x, w], [y, rstd], { eps, weightOffset = 0 }) => {
    const [rows, d] = x!.shape;
    for (let r = 0; r < rows; r++) {
      let squares = 0;
      for (let j = 0; j < d; j++) squares += x!.data[r * d + j] ** 2;
      const inverse = 1 / Math.sqrt(squares / d + eps);
      rstd.data[r] = inverse;
      for (let j = 0; j < d; j++) y.data[r * d + j] = x!.data[r * d + j] * inverse * (w!.data[j] + weightOffset);
    }
  },
  cost: (i, o) => streamCost(4, i, o),
  saves: { inputs: [0, 1], outputs: [1] },
  vjp: (c, [dy]) => {
    if (!dy) return [null, null];
    const target = c.gradTarget(1, "f32");
    const params = { weightOffset: c.params.weightOffset, accumulate: !!target };
    const [dx, dw] = dispatch(rmsNormBackwardOp, [c.input(0), c.input(1), c.output(1), dy], params, [
      undefined,
      target,
    ]);
    return [dx, dw];
  },
};
/** (dx, dw) of `rmsNorm` from (x, w, rstd, dy); dw is added to when `accumulate`. */
export const rmsNormBackwardOp: OpSpec<Pick<RmsNormParams, "weightOffset"> & { accumulate: boolean }> = {
  name: "rmsNormBackward",
  infer: ([x, w]) => [
    { shape: x!.shape, dtype: x!.dtype },
    { shape: w!.shape, dtype: "f32" },
  ],
  reference: ([x, w, rstd, dy], [dx, dw], { accumulate, weightOffset = 0 }) => {
    const [rows, d] = x!.shape;
    const sums = new Float64Array(d);
    for (let r = 0; r < rows; r++) {
      const inverse = rstd!.data[r];
      let dotted = 0;
      for (let j = 0; j < d; j++) {
        dotted += dy!.data[r * d + j] * (w!.data[j] + weightOffset) * x!.data[r * d + j];
        sums[j] += dy!.data[r * d + j] * x!.data[r * d + j] * inverse;
      }
      for (let j = 0; j < d; j++)
        dx.data[r * d + j] =
          inverse *
          (dy!.data[r * d + j] * (w!.data[j] + weightOffset) - (x!.data[r * d + j] * inverse * inverse * dotted) / d);
    }
    for (let j = 0; j < d; j++) dw.data[j] = (accumulate ? dw.data[j] : 0) + sums[j];
  },
  cost: (i, o) => streamCost(10, i, o),
};
/** RMSNorm of the rows of x, in element type `dtype` (default: that of x). */
export const rmsNorm = (x: Tensor, w: Tensor, eps: number, dtype: DType = x.dtype, weightOffset?: number): Tensor =>
  dispatch(rmsNormOp, [x, w], { eps, weightOffset, dtype })[0];
