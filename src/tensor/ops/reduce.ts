// Reductions with a fixed order, and the gradient norm on the device.
import { dispatch } from "../engine.js";
import { checkShape, type OpSpec } from "../op.js";
import type { Tensor } from "../tensor.js";
import { streamCost } from "./elementwise.js";

const scalar = { shape: [1], dtype: "f32" as const };

/** y = Σ x·w over all elements; w null means ones. */
export const dotOp: OpSpec<Record<string, never>> = {
  name: "dot",
  infer: ([x, w]) => {
    checkShape(
      x!.dtype === "f32" && (!w || w.shape.join() === x!.shape.join()),
      "dot",
      "f32 x and weights of its shape, or none",
      x,
      w,
    );
    return [scalar];
  },
  reference: ([x, w], [y]) => {
    let sum = 0;
    for (let i = 0; i < x!.data.length; i++) sum += x!.data[i] * (w ? w.data[i] : 1);
    y.data[0] = sum;
  },
  cost: (i) => streamCost(2, i, [i[0]!]),
  saves: { inputs: [1] },
  vjp: (c, [dy]) => {
    if (!dy) return [null, null];
    return [dispatch(spreadOp, [dy, c.maybeInput(1)], { shape: c.inputSpec(0).shape })[0], null];
  },
};
/** x_i = s·w_i (w null: ones): the gradient of `dot` with respect to x. */
export const spreadOp: OpSpec<{ shape: readonly number[] }> = {
  name: "spread",
  infer: (_, { shape }) => [{ shape, dtype: "f32" }],
  reference: ([s, w], [y]) => {
    for (let i = 0; i < y.data.length; i++) y.data[i] = s!.data[0] * (w ? w.data[i] : 1);
  },
  cost: (i, o) => streamCost(1, i, o),
};
/** Σ x. */
export const sumAll = (x: Tensor): Tensor => dispatch(dotOp, [x, null], {})[0];
/** Σ x·w; w gets no gradient. */
export const dot = (x: Tensor, w: Tensor): Tensor => dispatch(dotOp, [x, w], {})[0];

/** out[c] (+)= Σ_r x[r,c]: the gradient of a bias. */
export const columnSumOp: OpSpec<{ accumulate: boolean }> = {
  name: "columnSum",
  infer: ([x]) => [{ shape: [x!.shape[1]], dtype: "f32" }],
  reference: ([x], [y], { accumulate }) => {
    const [rows, cols] = x!.shape;
    for (let c = 0; c < cols; c++) {
      let sum = accumulate ? y.data[c] : 0;
      for (let r = 0; r < rows; r++) sum += x!.data[r * cols + c];
      y.data[c] = sum;
    }
  },
  cost: (i) => streamCost(1, i, [i[0]!]),
};

/** out (+)= Σ x² (sums in double). */
export const sumSquaresOp: OpSpec<{ accumulate: boolean }> = {
  name: "sumSquares",
  infer: () => [scalar],
  reference: ([x], [y], { accumulate }) => {
    let sum = accumulate ? y.data[0] : 0;
    for (let i = 0; i < x!.data.length; i++) sum += x!.data[i] * x!.data[i];
    y.data[0] = sum;
  },
  cost: (i) => streamCost(2, i, [i[0]!]),
};

/** factor = min(1, maxNorm / (sqrt(sumSquares) + 1e-6)), as `torch.nn.utils.clip_grad_norm_`; NaN stays NaN. */
export const clipFactorOp: OpSpec<{ maxNorm: number }> = {
  name: "clipFactor",
  infer: () => [scalar],
  reference: ([s], [y], { maxNorm }) => {
    const factor = maxNorm / (Math.sqrt(s!.data[0]) + 1e-6);
    y.data[0] = Math.min(factor, 1);
  },
};

/** The global L2 norm of some tensors, squared, on the device. */
export function sumSquares(tensors: readonly Tensor[]): Tensor {
  const [out] = dispatch(sumSquaresOp, [tensors[0]], { accumulate: false });
  for (const t of tensors.slice(1)) dispatch(sumSquaresOp, [t], { accumulate: true }, [out]);
  return out;
}
/** The factor that brings gradients of this squared norm down to `maxNorm`. */
export const clipFactor = (squaredNorm: Tensor, maxNorm: number): Tensor =>
  dispatch(clipFactorOp, [squaredNorm], { maxNorm })[0];
