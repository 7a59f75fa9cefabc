// What training learns from examples of some kind: the loss of a micro-batch, its gradients, and the figures that are
// counted. The loop knows objectives by this alone.
import type { LanguageModel } from "../models/language-model.js";
import { keep, scope } from "../tensor/engine.js";
import { withTape } from "../tensor/tape.js";
import type { Tensor } from "../tensor/tensor.js";
import { countTargets, makeTrainBatch, type TrainSequence } from "./batch.js";
import { type LossOptions, languageModelLoss } from "./loss.js";

/** Figures by name, the loss among them. */
export type Figures = { readonly loss: number } & Readonly<Record<string, number>>;

/** How examples are learnt from. */
export interface Objective<E> {
  /** Tokens that an example takes in a forward pass, by which micro-batches are split. */
  numTokens(example: E): number;
  /** Tokens that examples teach, as speeds and logs count them. */
  numTrained(examples: readonly E[]): number;
  /**
   * Adds the gradients of a micro-batch to those of the parameters: of its part of the loss of all `examples` of the
   * step. Gives the numbers that `figures` are made of.
   */
  learn(model: LanguageModel, micro: readonly E[], examples: readonly E[]): Promise<readonly number[]>;
  /** The same numbers without gradients. */
  measure(model: LanguageModel, micro: readonly E[], examples: readonly E[]): Promise<readonly number[]>;
  /** Figures of all examples from the numbers of their micro-batches, in order. */
  figures(examples: readonly E[], numbers: readonly number[]): Figures;
  /** Further figures of all held-out examples together. */
  heldOutFigures?(examples: readonly E[], numbers: readonly number[]): Readonly<Record<string, number>>;
}

/** Next-token prediction, with multi-token prediction and balance as `options` weigh them; the figure is the first. */
export function nextTokenObjective(options: LossOptions): Objective<TrainSequence> {
  return {
    numTokens: ({ ids }) => ids.length,
    numTrained: countTargets,
    learn: (model, micro, examples) =>
      numberOf(() =>
        withTape((tape) => {
          const batch = makeTrainBatch(micro, model.numMtp, countTargets(examples), model.device);
          const { total, main } = languageModelLoss(model, batch, options, micro.length / examples.length);
          tape.backward(total);
          return main;
        }),
      ),
    measure: (model, micro, examples) =>
      numberOf(() => languageModelLoss(model, makeTrainBatch(micro, 0, countTargets(examples), model.device), {}).main),
    figures: (_, numbers) => ({ loss: numbers.reduce((sum, each) => sum + each, 0) }),
  };
}

async function numberOf(compute: () => Tensor): Promise<number[]> {
  const value = keep(scope(compute));
  try {
    return [await value.item()];
  } finally {
    value.dispose();
  }
}
