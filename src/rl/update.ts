// From scored trajectories to parameter updates: old and reference log-probabilities, minibatches, micro-batches.
// Knows no sampling and no rewards.

import { TrainingError } from "../errors.js";
import { sequenceOf, type Trajectory } from "../eval/trajectory.js";
import type { LanguageModel } from "../models/language-model.js";
import { refuseNonFiniteWeight } from "../models/non-finite.js";
import type { Optimizer } from "../optim/optimizer.js";
import { keep, scope } from "../tensor/engine.js";
import { noGrad, withTape } from "../tensor/tape.js";
import { completionLogProbs } from "../train/completion-log-probs.js";
import { balanceExperts, type ExpertShares, splitMicroBatches, stepIfFinite, yieldOrStop } from "../train/step.js";
import type { GrpoConfig } from "./config.js";
import { policyLoss, tokenWeight, type UpdateSample } from "./policy-loss.js";
import { meanFigures, SamplerGap, type UpdateCounts, type UpdateFigures, UpdateTally } from "./update-tally.js";

/** A trajectory and what it is to teach. */
export interface ScoredTrajectory {
  readonly trajectory: Trajectory;
  /** Of its completion's tokens. */
  readonly advantages: Float32Array;
  /** Of its completion's tokens under the reference; null without one. */
  readonly refLogProbs: Float32Array | null;
}

/**
 * Figures of a round, the completion tokens it computed, and each mixture layer's expert shares in its training
 * forwards.
 */
export interface UpdateResult {
  readonly metrics: UpdateFigures & { readonly loss: number; readonly grad_norm: number };
  readonly numTokens: number;
  readonly expertLoad: ExpertShares;
}

/** Log-probabilities of every trajectory's completion under a model, without gradients. */
export async function scoreLogProbs(
  model: LanguageModel,
  trajectories: readonly Trajectory[],
  config: GrpoConfig,
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  const samples = trajectories.map(sequenceOf);
  const results: Float32Array[] = [];
  for (const micro of splitMicroBatches(samples, config.microBatchTokens)) {
    const logp = keep(scope(() => noGrad(() => completionLogProbs(model, micro, config.temperature).logp)));
    const values = (await logp.data()) as Float32Array;
    logp.dispose();
    let at = 0;
    for (const { targets } of micro) results.push(values.slice(at, (at += targets.length)));
    await yieldOrStop(signal);
  }
  return results;
}

/** The part of a batch that one optimiser step learns from. */
export interface Minibatch extends UpdateCounts {
  /** The completions that are computed. */
  readonly samples: readonly UpdateSample[];
}

/**
 * Runs all passes and minibatches over one batch of rollouts. Throws Interrupted when `signal` fires before the first
 * optimiser step: then no parameter has moved.
 */
export async function updatePolicy(
  model: LanguageModel,
  optimizer: Optimizer,
  scored: readonly ScoredTrajectory[],
  config: GrpoConfig,
  lr: number,
  signal?: AbortSignal,
): Promise<UpdateResult> {
  return runPasses(model, optimizer, splitMinibatches(scored, config), config, lr, signal);
}

/**
 * A completion that was cut off has no part in the loss and in what is counted of it, where the configuration says so.
 */
export const isMasked = ({ finishReason }: Trajectory, config: GrpoConfig): boolean =>
  config.maskTruncatedCompletions && finishReason !== "stop";

const countTokens = (scored: readonly ScoredTrajectory[]): number =>
  scored.reduce((n, { trajectory: t }) => n + t.completionIds.length, 0);

/** Splits a batch for its optimiser steps and weighs the tokens of each. */
export function splitMinibatches(scored: readonly ScoredTrajectory[], config: GrpoConfig): Minibatch[] {
  const { numMinibatches, maxCompletionLength, lossType, beta } = config;
  const shared = {
    numCompletions: scored.length / numMinibatches,
    meanTokens: countTokens(scored.filter(({ trajectory }) => !isMasked(trajectory, config))) / numMinibatches,
    maxLength: maxCompletionLength,
  };
  return Array.from({ length: numMinibatches }, (_, m) => {
    const own = scored.filter((_, index) => index % numMinibatches === m);
    const open = own.filter(({ trajectory }) => !isMasked(trajectory, config));
    const totals = { ...shared, ownTokens: countTokens(open) };
    // Without a KL term a completion without advantage has no gradient: it only counts in the averages.
    const useful = beta > 0 ? open : open.filter(({ advantages }) => advantages.some((each) => each !== 0));
    const samples = useful.map(
      ({ trajectory: t, advantages, refLogProbs }): UpdateSample => ({
        ...sequenceOf(t),
        advantages,
        oldLogProbs: t.logProbs,
        refLogProbs,
        tokenWeight: tokenWeight(lossType, t.completionIds.length, totals),
      }),
    );
    const numMasked = own.length - open.length;
    return { samples, numCompletions: open.length, numTokens: totals.ownTokens, numMasked };
  });
}

async function runPasses(
  model: LanguageModel,
  optimizer: Optimizer,
  minibatches: readonly Minibatch[],
  config: GrpoConfig,
  lr: number,
  signal?: AbortSignal,
): Promise<UpdateResult> {
  const figures: UpdateFigures[] = [];
  const gap = new SamplerGap();
  const done = { loss: 0, gradNorm: 0, numTokens: 0 };
  for (let pass = 0; pass < config.numIterations; pass++) {
    for (const minibatch of minibatches) {
      const tally = new UpdateTally(config, minibatch);
      for (const micro of splitMicroBatches(minibatch.samples, config.microBatchTokens)) {
        const { loss, logp, entropy } = await accumulate(model, micro, config);
        done.loss += loss;
        done.numTokens += logp.length;
        tally.add(micro, logp, entropy);
        if (figures.length === 0) gap.add(micro, logp);
        // a round that has moved the parameters is made whole
        await yieldOrStop(figures.length === 0 ? signal : undefined);
      }
      figures.push(tally.figures());
      if (minibatch.samples.length > 0) done.gradNorm += await stepIfFinite(model, optimizer, done.loss, lr);
    }
  }
  const expertLoad = await balanceExperts(model, Number.isFinite(done.gradNorm) ? config.routerBiasStep : 0);
  const means = { loss: done.loss / figures.length, grad_norm: done.gradNorm / figures.length };
  return { metrics: { ...meanFigures(figures), ...gap.figures(), ...means }, numTokens: done.numTokens, expertLoad };
}

/** Adds the gradients of a micro-batch; gives its loss and what was computed for its tokens. */
async function accumulate(model: LanguageModel, micro: readonly UpdateSample[], config: GrpoConfig) {
  const { total, logp, entropy } = scope(() =>
    withTape((tape) => {
      const { logp, entropy } = completionLogProbs(model, micro, config.temperature, config);
      const total = policyLoss(logp, micro, config);
      tape.backward(total);
      return keep({ total, logp, entropy });
    }),
  );
  const values = { loss: await total.item(), logp: await logp.data(), entropy: await entropy.data() };
  for (const t of [total, logp, entropy]) t.dispose();
  return values;
}

/**
 * Throws TrainingError for an update whose loss or gradient norm is not finite, naming the settings to lower; an update
 * in which that happens has changed nothing.
 */
export async function refuseNonFiniteUpdate(
  model: LanguageModel,
  { metrics: { loss, grad_norm: gradNorm } }: UpdateResult,
  where: string,
  settings: Readonly<Record<string, number>>,
): Promise<void> {
  if (Number.isFinite(loss) && Number.isFinite(gradNorm)) return;
  await refuseNonFiniteWeight(model, where);
  const lower = Object.entries(settings).map(([name, value]) => `${name} (now ${value})`);
  throw new TrainingError(
    `${where}: the loss is ${loss} with gradient norm ${gradNorm}; try a lower ${lower.join(" or ")}`,
  );
}
