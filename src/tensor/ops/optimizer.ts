// Optimiser updates, in place and fused over a parameter's numbers.
import { dispatch } from "../engine.js";
import { checkShape, type OpSpec } from "../op.js";
import type { Tensor } from "../tensor.js";
import { streamCost } from "./elementwise.js";

/** Hyper-parameters of one AdamW step; biasCorrection = 1 - beta^step. */
export interface AdamWParams {
  lr: number;
  beta1: number;
  beta2: number;
  eps: number;
  weightDecay: number;
  biasCorrection1: number;
  biasCorrection2: number;
}

/**
 * One AdamW step as torch.optim.AdamW (Loshchilov & Hutter 2019): inputs p, g, m, v (f32), a bf16 copy of p or null,
 * and a device scalar that multiplies g (clipping) or null. p, m, v and the copy are written in place.
 */
export const adamwOp: OpSpec<AdamWParams> = {
  name: "adamw",
  infer: ([p, g, m, v]) => {
    checkShape(
      [p, g, m, v].every((t) => t!.dtype === "f32" && t!.shape.join() === p!.shape.join()),
      "adamw",
      "p, g, m, v f32 of one shape",
      p,
      g,
      m,
      v,
    );
    return [];
  },
  mutates: [0, 2, 3, 4],
  reference: ([p, g, m, v, copy, factor], _, s) => {
    for (let i = 0; i < p!.data.length; i++) {
      const grad = g!.data[i] * (factor ? factor.data[0] : 1);
      m!.data[i] = s.beta1 * m!.data[i] + (1 - s.beta1) * grad;
      v!.data[i] = s.beta2 * v!.data[i] + (1 - s.beta2) * grad * grad;
      const denominator = Math.sqrt(v!.data[i] / s.biasCorrection2) + s.eps;
      p!.data[i] = p!.data[i] * (1 - s.lr * s.weightDecay) - (s.lr * m!.data[i]) / s.biasCorrection1 / denominator;
      if (copy) copy.data[i] = p!.data[i];
    }
  },
  cost: (i) => streamCost(12, i, [i[0]!]),
};
/** See `adamwOp`. */
export function adamw(
  p: Tensor,
  g: Tensor,
  m: Tensor,
  v: Tensor,
  copy: Tensor | null,
  factor: Tensor | null,
  params: AdamWParams,
): void {
  dispatch(adamwOp, [p, g, m, v, copy, factor], params);
}

/** p = p·(1 - lr·weightDecay) - lr·update, in place, with a bf16 copy or null: the update of Muon. */
export const applyUpdateOp: OpSpec<{ lr: number; weightDecay: number }> = {
  name: "applyUpdate",
  infer: ([p, update]) => {
    checkShape(
      p!.dtype === "f32" && p!.shape.join() === update!.shape.join(),
      "applyUpdate",
      "f32 p and an update of its shape",
      p,
      update,
    );
    return [];
  },
  mutates: [0, 2],
  reference: ([p, update, copy], _, { lr, weightDecay }) => {
    for (let i = 0; i < p!.data.length; i++) {
      p!.data[i] = p!.data[i] * (1 - lr * weightDecay) - lr * update!.data[i];
      if (copy) copy.data[i] = p!.data[i];
    }
  },
  cost: (i) => streamCost(4, i, [i[0]!]),
};
/** See `applyUpdateOp`. */
export const applyUpdate = (p: Tensor, update: Tensor, copy: Tensor | null, lr: number, weightDecay: number): void => {
  dispatch(applyUpdateOp, [p, update, copy], { lr, weightDecay });
};
