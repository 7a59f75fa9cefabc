// The objectives of policy gradients over packed trajectories, and the log-probabilities they need. Knows no tasks and
// no rewards.
// Legend: T packed tokens, C completion tokens.
import { tensor } from "../tensor/engine.js";
import { addScaled, binary, clamp, scale, unary } from "../tensor/ops/elementwise.js";
import { matmul } from "../tensor/ops/linear.js";
import { dot } from "../tensor/ops/reduce.js";
import { noGrad } from "../tensor/tape.js";
import type { Tensor } from "../tensor/tensor.js";
import { reshape } from "../tensor/view.js";
import type { TokenSequence } from "../train/completion-log-probs.js";
import type { GrpoConfig } from "./config.js";
import { type LossType, rulesOf } from "./loss-types.js";

/** A trajectory with what its update needs. */
export interface UpdateSample extends TokenSequence {
  /** Of the completion's tokens, [completion]; all the same unless the baseline is the batch's. */
  readonly advantages: Float32Array;
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
 * Weight of a token of a completion of `length` tokens: an average inside completions, then over them; or over a
 * constant length; or over the tokens of the whole batch, or of the update.
 */
export function tokenWeight(type: LossType, length: number, totals: UpdateTotals): number {
  const { average } = rulesOf({ lossType: type });
  if (average === "completion") return 1 / (totals.numCompletions * length);
  if (average === "constant") return 1 / (totals.numCompletions * totals.maxLength);
  return 1 / Math.max(1, average === "batch" ? totals.meanTokens : totals.ownTokens);
}

/**
 * The loss of a micro-batch: -Σ w·min(ρA, clip(ρ)A), with ρ = π/π_old of its tokens or of its completions, or
 * -Σ w·min(ρ, limit)·A·log π with no gradient through ρ; and β Σ w·k3 where the KL penalty is part of the loss, with
 * k3 = π_ref/π - log(π_ref/π) - 1 (DeepSeekMath eqs. 3-4). `logp` [C] holds the log-probabilities of its completions'
 * tokens, in order, under π.
 */
export function policyLoss(logp: Tensor, samples: readonly UpdateSample[], config: GrpoConfig): Tensor {
  const { ratio, objective, kl } = rulesOf(config);
  const gain =
    objective === "weight"
      ? weightedGain(logp, samples, config)
      : ratio === "token"
        ? tokenGain(logp, samples, config)
        : sequenceGain(logp, samples, config);
  const loss = scale(gain, -1);
  return config.beta > 0 && kl === "loss" ? addPenalty(loss, logp, samples, config.beta) : loss;
}

/** A number for each token [C], like `logp`. */
const perToken = (logp: Tensor, samples: readonly UpdateSample[], of: (s: UpdateSample, i: number) => number) =>
  tensor(
    samples.flatMap((s) => Array.from(s.oldLogProbs, (_, i) => of(s, i))),
    logp.shape,
    "f32",
    logp.device,
  );

const weightsOf = (logp: Tensor, samples: readonly UpdateSample[]) => perToken(logp, samples, (s) => s.tokenWeight);

/** log π - log π_old [C]. */
const logRatios = (logp: Tensor, samples: readonly UpdateSample[]): Tensor =>
  binary(
    "sub",
    logp,
    perToken(logp, samples, (s, i) => s.oldLogProbs[i]),
  );

/** Σ w·min(ρA, clip(ρ)A) of ratios, advantages and weights of one shape. */
function clippedGain(ratio: Tensor, advantages: Tensor, weights: Tensor, { epsilon, epsilonHigh }: GrpoConfig): Tensor {
  const clipped = clamp(ratio, 1 - epsilon, 1 + epsilonHigh);
  return dot(binary("min", binary("mul", ratio, advantages), binary("mul", clipped, advantages)), weights);
}

function tokenGain(logp: Tensor, samples: readonly UpdateSample[], config: GrpoConfig): Tensor {
  const weights = weightsOf(logp, samples);
  const advantages = perToken(logp, samples, (s, i) => s.advantages[i]);
  return clippedGain(unary("exp", logRatios(logp, samples)), advantages, weights, config);
}

/** One ratio for each completion: the product of its tokens' (RLOO), or their geometric mean (GSPO eq. 7). */
function sequenceGain(logp: Tensor, samples: readonly UpdateSample[], config: GrpoConfig): Tensor {
  const [numSamples, numTokens] = [samples.length, logp.size];
  const share = ({ oldLogProbs }: UpdateSample) => (rulesOf(config).ratio === "mean" ? 1 / oldLogProbs.length : 1);
  const rows = new Float32Array(numSamples * numTokens);
  let at = 0;
  samples.forEach((sample, row) => {
    rows.fill(share(sample), row * numTokens + at, row * numTokens + (at += sample.oldLogProbs.length));
  });
  const column = (of: (sample: UpdateSample) => number) => tensor(samples.map(of), [numSamples, 1], "f32", logp.device);
  const tokens = reshape(logRatios(logp, samples), [numTokens, 1]);
  const ratio = unary("exp", matmul(tensor(rows, [numSamples, numTokens], "f32", logp.device), tokens));
  const weights = column(({ tokenWeight, oldLogProbs }) => tokenWeight * oldLogProbs.length);
  return clippedGain(
    ratio,
    column(({ advantages }) => advantages[0]),
    weights,
    config,
  );
}

/** Σ w·min(ρ, limit)·A·log π, with no gradient through ρ (CISPO). */
function weightedGain(logp: Tensor, samples: readonly UpdateSample[], { epsilonHigh }: GrpoConfig): Tensor {
  const factors = noGrad(() => {
    const ratio = clamp(unary("exp", logRatios(logp, samples)), 0, epsilonHigh);
    return binary(
      "mul",
      ratio,
      perToken(logp, samples, (s, i) => s.advantages[i] * s.tokenWeight),
    );
  });
  return dot(logp, factors);
}

/** loss + β Σ w·k3. */
function addPenalty(loss: Tensor, logp: Tensor, samples: readonly UpdateSample[], beta: number): Tensor {
  const difference = binary(
    "sub",
    perToken(logp, samples, (s, i) => s.refLogProbs?.[i] ?? s.oldLogProbs[i]),
    logp,
  );
  // k3 without its constant 1, which has no gradient and is taken off the sum.
  const k3 = binary("sub", unary("exp", difference), difference);
  const constant = samples.reduce((sum, s) => sum + s.tokenWeight * s.oldLogProbs.length, 0);
  const total = addScaled(loss, dot(k3, weightsOf(logp, samples)), 1, beta);
  return addScaled(total, tensor([constant], total.shape, "f32", logp.device), 1, -beta);
}
