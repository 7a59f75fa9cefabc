// The GRPO objective over packed trajectories, and the log-probabilities it needs. Knows no tasks and no rewards.
// Legend: T packed tokens, C completion tokens.
import type { LanguageModel } from "../models/language-model.js";
import { packSequences } from "../nn/batch.js";
import { tensor } from "../tensor/engine.js";
import { addScaled, binary, clamp, scale, unary } from "../tensor/ops/elementwise.js";
import { headLogProb } from "../tensor/ops/head.js";
import { dot } from "../tensor/ops/reduce.js";
import { gatherRows } from "../tensor/ops/rows.js";
import type { Tensor } from "../tensor/tensor.js";
import type { GrpoConfig, LossType } from "./config.js";

/** A trajectory with what its update needs. */
export interface UpdateSample {
  /** Prompt and completion. */
  readonly ids: Int32Array;
  readonly promptLength: number;
  readonly advantage: number;
  /** Log-probabilities under the policy that sampled, [completion]. */
  readonly oldLogProbs: Float32Array;
  /** Under the reference, when there is one. */
  readonly refLogProbs: Float32Array | null;
  /** Weight of each of its tokens in the loss. */
  readonly tokenWeight: number;
}

/**
 * What the tokens of one update are weighted by. Masked completions count as completions and have no tokens, as in TRL.
 */
export interface UpdateTotals {
  /** Completions per update. */
  readonly numCompletions: number;
  /** Tokens per update, as the mean over the updates of a batch. */
  readonly meanTokens: number;
  /** Tokens of this update. */
  readonly ownTokens: number;
  readonly maxLength: number;
}

/**
 * Weight of a token of a completion of `length` tokens: grpo averages inside completions, then over them; dr_grpo
 * divides by a constant length; dapo averages over the tokens of the whole batch, bnpo over those of the update.
 */
export function tokenWeight(type: LossType, length: number, totals: UpdateTotals): number {
  if (type === "grpo") return 1 / (totals.numCompletions * length);
  if (type === "dr_grpo") return 1 / (totals.numCompletions * totals.maxLength);
  return 1 / Math.max(1, type === "dapo" ? totals.meanTokens : totals.ownTokens);
}

/** Log-probabilities and entropies [C] of the completions' tokens, in order, under the model at this temperature. */
export function completionLogProbs(
  model: LanguageModel,
  samples: readonly { ids: Int32Array; promptLength: number }[],
  temperature: number,
  recomputeLayers = false,
): { logp: Tensor; entropy: Tensor } {
  const batch = packSequences(
    samples.map(({ ids }) => ids.subarray(0, ids.length - 1)),
    model.device,
  );
  const { hidden } = model.forward(batch, { recomputeLayers });
  const rows: number[] = [];
  const targets: number[] = [];
  let at = 0;
  for (const { ids, promptLength } of samples) {
    for (let i = promptLength; i < ids.length; i++) {
      rows.push(at + i - 1);
      targets.push(ids[i]);
    }
    at += ids.length - 1;
  }
  const i32 = (values: readonly number[]) => tensor(values, [values.length], "i32", model.device);
  return headLogProb(gatherRows(hidden, i32(rows)), model.head, i32(targets), temperature);
}

/**
 * -Σ w·min(ρA, clip(ρ)A) + β Σ w·k3 of a micro-batch, with ρ = π/π_old and k3 = π_ref/π - log(π_ref/π) - 1
 * (DeepSeekMath eqs. 3-4); `logp` [C] holds the log-probabilities of its completions' tokens, in order, under π.
 */
export function policyLoss(logp: Tensor, samples: readonly UpdateSample[], config: GrpoConfig): Tensor {
  const perToken = (of: (s: UpdateSample, i: number) => number) =>
    tensor(
      samples.flatMap((s) => Array.from(s.oldLogProbs, (_, i) => of(s, i))),
      logp.shape,
      "f32",
      logp.device,
    );
  const weights = perToken((s) => s.tokenWeight);
  const advantages = perToken((s) => s.advantage);
  const ratio = unary(
    "exp",
    binary(
      "sub",
      logp,
      perToken((s, i) => s.oldLogProbs[i]),
    ),
  );
  const clipped = clamp(ratio, 1 - config.epsilon, 1 + config.epsilonHigh);
  const objective = binary("min", binary("mul", ratio, advantages), binary("mul", clipped, advantages));
  let total = scale(dot(objective, weights), -1);
  if (config.beta > 0) {
    const difference = binary(
      "sub",
      perToken((s, i) => s.refLogProbs?.[i] ?? s.oldLogProbs[i]),
      logp,
    );
    // k3 without its constant 1, which has no gradient and is taken off the sum.
    const k3 = binary("sub", unary("exp", difference), difference);
    const constant = samples.reduce((sum, s) => sum + s.tokenWeight * s.oldLogProbs.length, 0);
    total = addScaled(total, dot(k3, weights), 1, config.beta);
    total = addScaled(total, tensor([constant], total.shape, "f32", logp.device), 1, -config.beta);
  }
  return total;
}
