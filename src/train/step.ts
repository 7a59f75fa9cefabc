// One optimiser step over some sequences: micro-batches, backward, clipping, update, expert balancing.

import type { LanguageModel } from "../models/language-model.js";
import { nextTurn } from "../next-turn.js";
import type { Optimizer } from "../optim/optimizer.js";
import { keep, scope } from "../tensor/engine.js";
import { withTape } from "../tensor/tape.js";
import type { Tensor } from "../tensor/tensor.js";
import { countTargets, makeTrainBatch, type TrainSequence } from "./batch.js";
import { Interrupted } from "./interrupted.js";
import { type LossOptions, languageModelLoss } from "./loss.js";

/** How a step is run. */
export interface StepOptions extends LossOptions {
  readonly lr: number;
  /** Tokens per micro-batch at most (a longer sequence goes alone): bounds the memory of activations. */
  readonly microBatchTokens: number;
  /** γ of the aux-loss-free balancing. */
  readonly routerBiasStep: number;
  /** Stops between two micro-batches: Interrupted is thrown, and no parameter has moved. */
  readonly signal?: AbortSignal;
}

/**
 * Each expert's share of the assignments (sum 1), by mixture layer: its number in the model (from 0, as in the weights'
 * names), `mtp1`, `mtp2`, … for the blocks of multi-token prediction. Layers that were not run are absent.
 */
export type ExpertShares = Readonly<Record<string, readonly number[]>>;

/** A step's figures. */
export interface TrainStepResult {
  /** Mean next-token cross-entropy in nats. */
  readonly loss: number;
  readonly gradNorm: number;
  readonly numTokens: number;
  readonly expertLoad: ExpertShares;
}

/**
 * Splits sequences, in order, into micro-batches of at most `maxTokens` tokens (Infinity: one); a longer sequence goes
 * alone.
 */
export function splitMicroBatches<S extends { ids: ArrayLike<number> }>(
  sequences: readonly S[],
  maxTokens: number,
): S[][] {
  const batches: S[][] = [];
  let tokens = 0;
  for (const sequence of sequences) {
    if (batches.length === 0 || tokens + sequence.ids.length > maxTokens) {
      batches.push([]);
      tokens = 0;
    }
    batches[batches.length - 1].push(sequence);
    tokens += sequence.ids.length;
  }
  return batches;
}

/**
 * Gives timers and signals their turn between the parts of a synchronous backend's work. Throws Interrupted when
 * `signal` has fired.
 */
export async function yieldOrStop(signal?: AbortSignal): Promise<void> {
  await nextTurn();
  if (signal?.aborted) throw new Interrupted();
}

/**
 * Runs one step. With a loss or gradient norm that is not finite, parameters, moments and router biases stay as they
 * were; the caller decides.
 */
export async function trainStep(
  model: LanguageModel,
  optimizer: Optimizer,
  sequences: readonly TrainSequence[],
  options: StepOptions,
): Promise<TrainStepResult> {
  const divisor = countTargets(sequences);
  const microBatches = splitMicroBatches(sequences, options.microBatchTokens);
  const losses: Tensor[] = [];
  let loss = 0;
  try {
    for (const micro of microBatches) {
      losses.push(keep(scope(() => accumulate(model, micro, divisor, options, micro.length / sequences.length))));
      await yieldOrStop(options.signal);
    }
    for (const l of losses) loss += await l.item();
  } finally {
    for (const l of losses) l.dispose();
  }
  const gradNorm = await stepIfFinite(model, optimizer, loss, options.lr);
  const gamma = Number.isFinite(gradNorm) ? options.routerBiasStep : 0;
  return { loss, gradNorm, numTokens: divisor, expertLoad: await balanceExperts(model, gamma) };
}

/**
 * Applies the gathered gradients and gives their norm; with a loss that is not finite they are dropped instead, and the
 * norm is NaN.
 */
export async function stepIfFinite(
  model: LanguageModel,
  optimizer: Optimizer,
  loss: number,
  lr: number,
): Promise<number> {
  if (!Number.isFinite(loss)) {
    model.trainable.clearGrads();
    return Number.NaN;
  }
  try {
    return (await optimizer.step(lr)).gradNorm;
  } catch (error) {
    optimizer.stepCount = Number.NaN; // some parameters may have moved and others not: they are those of no step
    throw error;
  }
}

function accumulate(
  model: LanguageModel,
  sequences: readonly TrainSequence[],
  divisor: number,
  options: LossOptions,
  share: number,
): Tensor {
  return withTape((tape) => {
    const batch = makeTrainBatch(sequences, model.numMtp, divisor, model.device);
    const { total, main } = languageModelLoss(model, batch, options, share);
    tape.backward(total);
    return main;
  });
}

/** Moves every router's bias by γ against the load since the last call, and gives each layer's expert shares. */
export async function balanceExperts(model: LanguageModel, gamma: number): Promise<ExpertShares> {
  const shares: Record<string, number[]> = {};
  for (const moe of model.moeLayers) {
    const load = Array.from(await moe.load.data());
    const total = load.reduce((a, b) => a + b, 0);
    if (total > 0) shares[layerName(moe.prefix, model.config.num_hidden_layers)] = load.map((n) => n / total);
    scope(() => moe.updateBias(gamma));
  }
  return shares;
}

/** The name of a layer of experts by its place in the weights: prediction blocks come after the model's own layers. */
function layerName(prefix: string, numLayers: number): string {
  const index = Number(/\.layers\.(\d+)\./.exec(prefix)?.[1]);
  return index < numLayers ? `${index}` : `mtp${index - numLayers + 1}`;
}

/** Mean next-token cross-entropy on sequences, without gradients. */
export async function evaluateLoss(
  model: LanguageModel,
  sequences: readonly TrainSequence[],
  microBatchTokens: number,
  signal?: AbortSignal,
): Promise<number> {
  const divisor = countTargets(sequences);
  let loss = 0;
  for (const micro of splitMicroBatches(sequences, microBatchTokens)) {
    const part = keep(scope(() => languageModelLoss(model, makeTrainBatch(micro, 0, divisor, model.device), {}).main));
    loss += await part.item();
    part.dispose();
    await yieldOrStop(signal);
  }
  return loss;
}
