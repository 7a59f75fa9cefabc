// The training loss of a language model: next-token cross-entropy, multi-token prediction, balance.
import type { ForwardOptions, LanguageModel, StageOutput } from "../models/language-model.js";
import { addScaled } from "../tensor/ops/elementwise.js";
import { headCrossEntropy } from "../tensor/ops/head.js";
import type { Tensor } from "../tensor/tensor.js";
import type { TrainBatch } from "./batch.js";

/** Weights of the loss's parts. */
export interface LossOptions extends Pick<ForwardOptions, "balanceAlpha" | "recomputeLayers"> {
  /** λ: weight of the mean multi-token-prediction loss (DeepSeek-V3 eq. 25). */
  readonly mtpWeight?: number;
}

/**
 * total = main + λ/D·Σ mtp + balance, D = the model's depths; `main` is the plain cross-entropy of this micro-batch's
 * share.
 */
export interface Losses {
  readonly total: Tensor;
  readonly main: Tensor;
}

/**
 * The loss of one micro-batch, already divided by the step's number of targets. `share` is this micro-batch's part of
 * the step (for the balance loss). Of a pipeline's last stage, `before` is what the stage before gave. `mainLoss`: of
 * the states of the main model, where it is not the cross-entropy.
 */
export function languageModelLoss(
  model: LanguageModel,
  batch: TrainBatch,
  options: LossOptions,
  share = 1,
  before?: StageOutput,
  mainLoss: (hidden: Tensor) => Tensor = (hidden) =>
    headCrossEntropy(hidden, model.head, batch.targets, batch.weights).loss,
): Losses {
  const { mtpWeight = 0, balanceAlpha, recomputeLayers } = options;
  const mtp = mtpWeight > 0 ? batch.mtp : [];
  const forward = model.forward(batch.inputs, { balanceAlpha, recomputeLayers, mtp }, before);
  const main = mainLoss(forward.hidden);
  let total = main;
  forward.mtpHidden.forEach((hidden, k) => {
    const { loss } = headCrossEntropy(hidden, model.head, mtp[k].targets, mtp[k].weights);
    total = addScaled(total, loss, 1, mtpWeight / model.numMtp);
  });
  if (forward.balanceLoss) total = addScaled(total, forward.balanceLoss, 1, share);
  return { total, main };
}
