// One backward pass or a few optimiser steps, and the bits they leave behind. Knows no expected values.
import type { LanguageModel } from "../../src/models/language-model.js";
import { AdamW } from "../../src/optim/adamw.js";
import { keep, scope } from "../../src/tensor/engine.js";
import { withTape } from "../../src/tensor/tape.js";
import { countTargets, makeTrainBatch, type TrainSequence } from "../../src/train/batch.js";
import { type LossOptions, languageModelLoss } from "../../src/train/loss.js";
import { trainStep } from "../../src/train/step.js";
import { asFloats } from "./golden-case.js";

/** Every term of the training loss at once, at weights that make each visible. */
export const fullLoss: LossOptions = { mtpWeight: 0.3, balanceAlpha: 0.01 };

/** Numbers by stored name. */
export type NamedNumbers = ReadonlyMap<string, Float32Array>;

/** Read bytes as numbers. */
export const floatsOf = async (read: ReturnType<LanguageModel["parameters"]["read"]>): Promise<NamedNumbers> =>
  new Map([...(await read)].map(([name, { data }]) => [name, asFloats(data)]));

/** The bits of numbers, which differ for 0 and -0, too. */
export const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

/** Names whose numbers are not the same to the bit, or that only one side has. */
export function differingBits(actual: NamedNumbers, expected: NamedNumbers): string[] {
  return [...new Set([...actual.keys(), ...expected.keys()])].filter((name) => {
    const [a, b] = [actual.get(name), expected.get(name)];
    return !a || !b || !bytesOf(a).equals(bytesOf(b));
  });
}

export const parametersOf = (model: LanguageModel): Promise<NamedNumbers> => floatsOf(model.parameters.read());

/**
 * Loss, gradients and expert loads of one step, its sequences split into micro-batches as given. Gradients are cleared
 * before and after.
 */
export async function gradientsOf(
  model: LanguageModel,
  microBatches: readonly (readonly TrainSequence[])[],
  options: LossOptions,
): Promise<{ loss: number; gradients: NamedNumbers; loads: number[][] }> {
  model.trainable.clearGrads();
  const all = microBatches.flat();
  let loss = 0;
  for (const micro of microBatches) {
    const total = keep(
      withTape((tape) =>
        scope(() => {
          const batch = makeTrainBatch(micro, model.numMtp, countTargets(all));
          const losses = languageModelLoss(model, batch, options, micro.length / all.length);
          tape.backward(losses.total);
          return losses.total;
        }),
      ),
    );
    loss += await total.item();
    total.dispose();
  }
  const gradients = await floatsOf(model.trainable.read((p) => p.grad));
  const loads = await Promise.all(model.moeLayers.map(async (moe) => [...(await moe.load.data())]));
  model.trainable.clearGrads();
  for (const moe of model.moeLayers) moe.updateBias(0);
  return { loss, gradients, loads };
}

/** Trains with AdamW on the same sequences; returns the losses. `afterStep` sees the count of steps done. */
export async function train(
  model: LanguageModel,
  sequences: readonly TrainSequence[],
  numSteps: number,
  options: LossOptions = fullLoss,
  afterStep: (done: number) => void = () => {},
): Promise<number[]> {
  const optimizer = new AdamW(model.trainable.trained());
  const losses: number[] = [];
  for (let step = 1; step <= numSteps; step++) {
    const { loss } = await trainStep(model, optimizer, sequences, {
      ...options,
      lr: 1e-3,
      microBatchTokens: 1000,
      routerBiasStep: 0.001,
    });
    losses.push(loss);
    afterStep(step);
  }
  optimizer.dispose();
  return losses;
}
