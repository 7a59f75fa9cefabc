// Learning a teacher's distribution: the divergence of the student from it at every target, beside next-token
// prediction as far as that is wanted (Hinton et al. 2015, arXiv 1503.02531). Knows no teacher and no files.
import type { LanguageModel } from "../models/language-model.js";
import { keep, scope, tensor } from "../tensor/engine.js";
import { addScaled, scale } from "../tensor/ops/elementwise.js";
import { type DivergenceDirection, headCrossEntropy, headDivergence, type TeacherRows } from "../tensor/ops/head.js";
import { withTape } from "../tensor/tape.js";
import type { Tensor } from "../tensor/tensor.js";
import { countTargets, makeTrainBatch, type TrainBatch } from "../train/batch.js";
import { type LossOptions, languageModelLoss } from "../train/loss.js";
import type { Objective } from "../train/objective.js";
import type { TaughtSequence } from "./soft-targets.js";

/** How a teacher's distribution is learnt. */
export interface DivergenceOptions {
  readonly direction: DivergenceDirection;
  /** Of both distributions; the divergence counts its square, so that gradients keep their size. */
  readonly temperature: number;
  /** Share of plain next-token prediction in the loss. */
  readonly hardWeight: number;
}

/**
 * (1−w)·τ²·KL + w·cross-entropy, mean over targets, with multi-token prediction and balance as `options` weigh them.
 * Figures: that loss, and the divergence alone.
 */
export function divergenceObjective(divergence: DivergenceOptions, options: LossOptions): Objective<TaughtSequence> {
  const numbersOf = async (compute: () => { readonly main: Tensor; readonly kl: Tensor }): Promise<number[]> => {
    const { main, kl } = scope(() => keep(compute()));
    const numbers = [await main.item(), await kl.item()];
    for (const each of new Set([main, kl])) each.dispose();
    return numbers;
  };
  const lossOf = (model: LanguageModel, micro: readonly TaughtSequence[], examples: readonly TaughtSequence[]) => {
    const batch = makeTrainBatch(micro, model.numMtp, countTargets(examples), model.device);
    const parts = { kl: null as Tensor | null };
    const mainLoss = (hidden: Tensor): Tensor => {
      const { total, kl } = mixedLoss(model, hidden, batch, teacherRows(micro, batch), divergence);
      parts.kl = kl;
      return total;
    };
    const losses = languageModelLoss(model, batch, options, micro.length / examples.length, undefined, mainLoss);
    return { ...losses, kl: parts.kl as Tensor };
  };
  return {
    numTokens: ({ ids }) => ids.length,
    numTrained: countTargets,
    learn: (model, micro, examples) =>
      numbersOf(() =>
        withTape((tape) => {
          const { total, main, kl } = lossOf(model, micro, examples);
          tape.backward(total);
          return { main, kl };
        }),
      ),
    measure: (model, micro, examples) => numbersOf(() => lossOf(model, micro, examples)),
    figures: (_, numbers) => ({
      loss: numbers.reduce((sum, each, i) => (i % 2 === 0 ? sum + each : sum), 0),
      teacher_kl: numbers.reduce((sum, each, i) => (i % 2 === 1 ? sum + each : sum), 0),
    }),
  };
}

function mixedLoss(
  { head }: LanguageModel,
  hidden: Tensor,
  { targets, weights }: TrainBatch,
  rows: TeacherRows,
  { direction, temperature, hardWeight }: DivergenceOptions,
): { total: Tensor; kl: Tensor } {
  const { loss: kl } = headDivergence(hidden, head, rows, weights, { direction, temperature });
  const softWeight = (1 - hardWeight) * temperature ** 2;
  if (hardWeight === 0) return { total: scale(kl, softWeight), kl };
  const { loss: hard } = headCrossEntropy(hidden, head, targets, weights);
  return { total: addScaled(kl, hard, softWeight, hardWeight), kl };
}

/** What the teacher says of each row of a packed batch; nothing of rows before the first target. */
function teacherRows(micro: readonly TaughtSequence[], { inputs, targets }: TrainBatch): TeacherRows {
  const k = micro[0].soft.tokens.length / countTargets([micro[0]]);
  const { numTokens } = inputs;
  const tokens = new Int32Array(numTokens * k).fill(-1);
  const logProbs = new Float32Array(numTokens * (k + 1));
  let at = 0;
  for (const { ids, learnFrom = 1, soft } of micro) {
    const first = at + Math.max(1, learnFrom) - 1;
    tokens.set(soft.tokens, first * k);
    logProbs.set(soft.logProbs, first * (k + 1));
    at += ids.length - 1;
  }
  const { device } = targets;
  return {
    tokens: tensor(tokens, [numTokens, k], "i32", device),
    logProbs: tensor(logProbs, [numTokens, k + 1], "f32", device),
  };
}
