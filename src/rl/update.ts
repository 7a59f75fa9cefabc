// From scored trajectories to parameter updates: old and reference log-probabilities, minibatches, micro-batches.
// Knows no sampling and no rewards.

import type { Trajectory } from "../eval/trajectory.js";
import type { LanguageModel } from "../models/language-model.js";
import type { Optimizer } from "../optim/optimizer.js";
import { keep, scope } from "../tensor/engine.js";
import { backward, noGrad, withTape } from "../tensor/tape.js";
import { balanceExperts, splitMicroBatches, stepIfFinite } from "../train/step.js";
import type { GrpoConfig } from "./config.js";
import { completionLogProbs, policyLoss, tokenWeight, type UpdateSample } from "./policy-loss.js";

/** A trajectory and its advantage. */
export interface ScoredTrajectory {
  readonly trajectory: Trajectory;
  readonly advantage: number;
}

/** Figures of one update round, under TRL's names where it has one. */
export interface UpdateMetrics {
  loss: number;
  grad_norm: number;
  /** Mean k3 against the reference; 0 without one. */
  kl: number;
  entropy: number;
  "clip_ratio/low_mean": number;
  "clip_ratio/high_mean": number;
  "clip_ratio/region_mean": number;
  /** |trainer - sampler| log-probability of the same tokens, before any update. */
  "sampling/sampling_logp_difference/mean": number;
  "sampling/sampling_logp_difference/max": number;
}

/** Figures of a round, and each mixture layer's expert shares in its training forwards. */
export interface UpdateResult {
  readonly metrics: UpdateMetrics;
  readonly expertLoad: readonly (readonly number[])[];
}

const idsOf = ({ promptIds, completionIds }: Trajectory): Int32Array => {
  const ids = new Int32Array(promptIds.length + completionIds.length);
  ids.set(promptIds);
  ids.set(completionIds, promptIds.length);
  return ids;
};

/** Log-probabilities of every trajectory's completion under a model, without gradients. */
export async function scoreLogProbs(model: LanguageModel, trajectories: readonly Trajectory[], config: GrpoConfig): Promise<Float32Array[]> {
  const samples = trajectories.map((t) => ({ ids: idsOf(t), promptLength: t.promptIds.length }));
  const results: Float32Array[] = [];
  for (const micro of splitMicroBatches(samples, config.microBatchTokens)) {
    const logp = keep(scope(() => noGrad(() => completionLogProbs(model, micro, config.temperature).logp)));
    const values = (await logp.data()) as Float32Array;
    logp.dispose();
    let at = 0;
    for (const { ids, promptLength } of micro) results.push(values.slice(at, (at += ids.length - promptLength)));
  }
  return results;
}

/** Tallies over tokens, gathered from the updates of one round. */
class Tally {
  tokens = 0;
  kl = 0;
  entropy = 0;
  low = 0;
  high = 0;
  firstPassTokens = 0;
  difference = 0;
  maxDifference = 0;

  add(samples: readonly UpdateSample[], logp: ArrayLike<number>, entropy: ArrayLike<number>, config: GrpoConfig, isFirst: boolean): void {
    let at = 0;
    for (const { oldLogProbs, refLogProbs, advantage } of samples) {
      for (let i = 0; i < oldLogProbs.length; i++, at++) {
        const ratio = Math.exp(logp[at] - oldLogProbs[i]);
        const toRef = refLogProbs ? refLogProbs[i] - logp[at] : 0;
        this.kl += Math.exp(toRef) - toRef - 1;
        this.entropy += entropy[at];
        if (ratio < 1 - config.epsilon && advantage < 0) this.low++;
        if (ratio > 1 + config.epsilonHigh && advantage > 0) this.high++;
        if (isFirst) {
          const gap = Math.abs(logp[at] - oldLogProbs[i]);
          this.difference += gap;
          this.maxDifference = Math.max(this.maxDifference, gap);
          this.firstPassTokens++;
        }
      }
    }
    this.tokens += at;
  }

  metrics(): Omit<UpdateMetrics, "loss" | "grad_norm"> {
    const n = Math.max(1, this.tokens);
    return {
      kl: this.kl / n,
      entropy: this.entropy / n,
      "clip_ratio/low_mean": this.low / n,
      "clip_ratio/high_mean": this.high / n,
      "clip_ratio/region_mean": (this.low + this.high) / n,
      "sampling/sampling_logp_difference/mean": this.difference / Math.max(1, this.firstPassTokens),
      "sampling/sampling_logp_difference/max": this.maxDifference,
    };
  }
}

/** Runs all passes and minibatches over one batch of rollouts. `totals` count the whole batch, samples without signal included. */
export async function updatePolicy(
  model: LanguageModel,
  reference: LanguageModel | null,
  optimizer: Optimizer,
  scored: readonly ScoredTrajectory[],
  config: GrpoConfig,
  lr: number,
): Promise<UpdateResult> {
  const refLogProbs = reference
    ? await scoreLogProbs(
        reference,
        scored.map((s) => s.trajectory),
        config,
      )
    : null;
  const totals = {
    numCompletions: scored.length / config.numMinibatches,
    numTokens: scored.reduce((n, { trajectory: t }) => n + t.completionIds.length, 0) / config.numMinibatches,
    maxLength: config.maxCompletionLength,
  };
  const samples = scored.map(({ trajectory: t, advantage }, i): UpdateSample => {
    const masked = config.maskTruncatedCompletions && t.stopReason === "length";
    const weight = masked ? 0 : tokenWeight(config.lossType, t.completionIds.length, totals);
    return { ids: idsOf(t), promptLength: t.promptIds.length, advantage, oldLogProbs: t.logProbs, refLogProbs: refLogProbs?.[i] ?? null, tokenWeight: weight };
  });
  // Without a KL term a sample without advantage has no gradient: it only counts in the averages above.
  const useful = config.beta > 0 ? samples : samples.filter((s) => s.advantage !== 0 && s.tokenWeight > 0);
  return runPasses(model, optimizer, useful, config, lr);
}

async function runPasses(model: LanguageModel, optimizer: Optimizer, samples: readonly UpdateSample[], config: GrpoConfig, lr: number): Promise<UpdateResult> {
  const tally = new Tally();
  let loss = 0;
  let gradNorm = 0;
  let updates = 0;
  for (let pass = 0; pass < config.numIterations; pass++) {
    for (let m = 0; m < config.numMinibatches; m++) {
      const minibatch = samples.filter((_, i) => i % config.numMinibatches === m);
      if (minibatch.length === 0) continue;
      for (const micro of splitMicroBatches(minibatch, config.microBatchTokens)) loss += await accumulate(model, micro, config, tally, pass === 0 && m === 0);
      gradNorm += await stepIfFinite(model, optimizer, loss, lr);
      updates++;
    }
  }
  const expertLoad = await balanceExperts(model, Number.isFinite(gradNorm) ? config.routerBiasStep : 0);
  return { metrics: { loss: loss / Math.max(1, updates), grad_norm: gradNorm / Math.max(1, updates), ...tally.metrics() }, expertLoad };
}

async function accumulate(model: LanguageModel, micro: readonly UpdateSample[], config: GrpoConfig, tally: Tally, isFirst: boolean): Promise<number> {
  const { total, logp, entropy } = scope(() =>
    withTape(() => {
      const loss = policyLoss(model, micro, config);
      backward(loss.total);
      return keep({ ...loss });
    }),
  );
  await new Promise(setImmediate);
  const [value, logps, entropies] = [await total.item(), await logp.data(), await entropy.data()];
  for (const t of [total, logp, entropy]) t.dispose();
  tally.add(micro, logps, entropies, config, isFirst);
  return value;
}
