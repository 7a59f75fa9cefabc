// One optimiser step over some sequences: micro-batches, backward, clipping, update, expert balancing.

import type { LanguageModel } from "../models/language-model.js";
import { nextTurn } from "../next-turn.js";
import type { Optimizer } from "../optim/optimizer.js";
import { scope } from "../tensor/engine.js";
import type { TrainSequence } from "./batch.js";
import { Interrupted } from "./interrupted.js";
import type { LossOptions } from "./loss.js";
import { type Figures, nextTokenObjective, type Objective } from "./objective.js";

/** How a step is run; the options of the loss are those of next-token prediction. */
export interface StepOptions<E = TrainSequence> extends LossOptions {
  /** What is learnt from the examples; default: next-token prediction of sequences. */
  readonly objective?: Objective<E>;
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
  /** Of next-token prediction: mean cross-entropy in nats. */
  readonly loss: number;
  /** The loss, and what else the objective counts. */
  readonly figures: Figures;
  readonly gradNorm: number;
  readonly numTokens: number;
  readonly expertLoad: ExpertShares;
}

/**
 * Splits sequences, in order, into micro-batches of at most `maxTokens` tokens (Infinity: one); a longer sequence goes
 * alone.
 */
export const splitMicroBatches = <S extends { ids: ArrayLike<number> }>(
  sequences: readonly S[],
  maxTokens: number,
): S[][] => splitBySize(sequences, maxTokens, ({ ids }) => ids.length);

/** As `splitMicroBatches`, for examples of any kind. */
export function splitBySize<E>(examples: readonly E[], maxTokens: number, sizeOf: (example: E) => number): E[][] {
  const batches: E[][] = [];
  let tokens = 0;
  for (const example of examples) {
    if (batches.length === 0 || tokens + sizeOf(example) > maxTokens) {
      batches.push([]);
      tokens = 0;
    }
    batches[batches.length - 1].push(example);
    tokens += sizeOf(example);
  }
  return batches;
}

/** The objective that options name. */
export const objectiveOf = <E>({ objective, ...loss }: Pick<StepOptions<E>, "objective"> & LossOptions): Objective<E> =>
  // Safe: examples of another kind than sequences are learnt with an objective of their own.
  objective ?? (nextTokenObjective(loss) as unknown as Objective<E>);

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
export async function trainStep<E = TrainSequence>(
  model: LanguageModel,
  optimizer: Optimizer,
  examples: readonly E[],
  options: StepOptions<E>,
): Promise<TrainStepResult> {
  const objective = objectiveOf(options);
  const { adapters } = model.parameters;
  const numbers: number[] = [];
  for (const [part, micro] of splitBySize(examples, options.microBatchTokens, objective.numTokens).entries()) {
    const learn = () => objective.learn(model, micro, examples);
    numbers.push(...(await adapters.dropping(`step ${optimizer.stepCount}, part ${part}`, learn)));
    await yieldOrStop(options.signal);
  }
  const figures = objective.figures(examples, numbers);
  const { loss } = figures;
  const gradNorm = await stepIfFinite(model, optimizer, loss, options.lr);
  const gamma = Number.isFinite(gradNorm) ? options.routerBiasStep : 0;
  const numTokens = objective.numTrained(examples);
  return { loss, figures, gradNorm, numTokens, expertLoad: await balanceExperts(model, gamma) };
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
export const evaluateLoss = async (
  model: LanguageModel,
  sequences: readonly TrainSequence[],
  microBatchTokens: number,
): Promise<number> => (await evaluateExamples(model, sequences, { microBatchTokens })).loss;

/** What an objective counts on held-out examples, without gradients. Throws Interrupted when `signal` fires. */
export async function evaluateExamples<E = TrainSequence>(
  model: LanguageModel,
  examples: readonly E[],
  { microBatchTokens, signal, ...options }: Pick<StepOptions<E>, "objective" | "microBatchTokens" | "signal">,
): Promise<Figures> {
  const objective = objectiveOf(options);
  const numbers: number[] = [];
  for (const micro of splitBySize(examples, microBatchTokens, objective.numTokens)) {
    numbers.push(...(await objective.measure(model, micro, examples)));
    await yieldOrStop(signal);
  }
  return { ...objective.figures(examples, numbers), ...objective.heldOutFigures?.(examples, numbers) };
}
