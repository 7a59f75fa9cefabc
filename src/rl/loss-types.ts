// The published objectives of policy gradients, as data: where their baselines, ratios, averages and KL terms differ.

/** What sets one objective apart from the others. */
export interface LossRules {
  /**
   * What an advantage is measured from: the mean reward of the completion's group, of the others of its group, or the
   * mean return of all tokens of the batch.
   */
  readonly baseline: "group" | "others" | "batch";
  /** What advantages are divided by the standard deviation of, unless the options say otherwise. */
  readonly scaleRewards: "group" | "batch" | "none";
  /** Probability ratios are of single tokens, or of completions: the geometric mean of their tokens' or the product. */
  readonly ratio: "token" | "mean" | "product";
  /** A ratio is clipped (PPO), or it is a weight without gradient, with an upper limit, of A·log π. */
  readonly objective: "clip" | "weight";
  /** Tokens are averaged within completions, over a constant length, over the whole batch or over the update. */
  readonly average: "completion" | "constant" | "batch" | "update";
  /** The KL penalty is a term of the loss (k3), or is taken off the rewards (log π - log π_ref). */
  readonly kl: "loss" | "reward";
  /** Clipping bounds below and above 1; of a weight, `epsilonHigh` is the limit itself. */
  readonly epsilon: number;
  /** Null: as `epsilon`. */
  readonly epsilonHigh: number | null;
}

const grpo: LossRules = {
  baseline: "group",
  scaleRewards: "group",
  ratio: "token",
  objective: "clip",
  average: "completion",
  kl: "loss",
  epsilon: 0.2,
  epsilonHigh: null,
};

/**
 * `grpo` (DeepSeekMath), `bnpo` (TRL's name for a mean over the update's tokens), `dr_grpo` (Liu et al. 2025), `dapo`
 * (Yu et al. 2025), `gspo` (Zheng et al. 2025, arXiv 2507.18071, with its bounds), `cispo` (MiniMax-M1, arXiv
 * 2506.13585, with the limit of ScaleRL, arXiv 2510.13786), `rloo` (Ahmadian et al. 2024, arXiv 2402.14740),
 * `reinforce_plus_plus` (Hu et al. 2025, arXiv 2501.03262).
 */
export const lossRules = {
  grpo,
  bnpo: { ...grpo, average: "update" },
  dr_grpo: { ...grpo, average: "constant", scaleRewards: "none" },
  dapo: { ...grpo, average: "batch", epsilonHigh: 0.28 },
  gspo: { ...grpo, ratio: "mean", epsilon: 3e-4, epsilonHigh: 4e-4 },
  cispo: { ...grpo, objective: "weight", average: "batch", epsilonHigh: 5 },
  rloo: { ...grpo, baseline: "others", scaleRewards: "none", ratio: "product", kl: "reward" },
  reinforce_plus_plus: { ...grpo, baseline: "batch", scaleRewards: "batch", average: "batch", kl: "reward" },
} as const satisfies Record<string, LossRules>;

/** A published objective. */
export type LossType = keyof typeof lossRules;
/** Their names. */
export const lossTypes = Object.keys(lossRules) as [LossType, ...LossType[]];

/** The rules of an objective. */
export const rulesOf = ({ lossType }: { readonly lossType: LossType }): LossRules => lossRules[lossType];
