// Losses of preferences and their slopes, in plain numbers: of scores (Bradley and Terry 1952; labels) and of rewards
// that log-probabilities imply (DPO, Rafailov et al. 2023). Knows no model.
import { exp, log } from "../elementary.js";

/** A loss, and its derivative. */
export interface Loss {
  readonly value: number;
  readonly slope: number;
}

/** 1/(1 + e^-x). */
export const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)));

/** −log σ(x), and its derivative −σ(−x). */
export const logistic = (x: number): Loss => ({
  value: Math.max(-x, 0) + log(1 + exp(-Math.abs(x))),
  slope: -sigmoid(-x),
});

/** The losses of DPO, by TRL's names. */
export const DPO_LOSSES = ["sigmoid", "robust", "hinge", "ipo"] as const;
/** The name of one. */
export type DpoLoss = (typeof DPO_LOSSES)[number];

/** What decides a DPO loss. */
export interface DpoLossOptions {
  readonly lossType: DpoLoss;
  /** β: how strongly the policy is held to the reference. */
  readonly beta: number;
  /** ε: the share of pairs that are taken to be the wrong way round. */
  readonly labelSmoothing: number;
}

/**
 * The loss of the difference δ of log-ratios, chosen less rejected; for `ipo`, of their means over tokens (TRL 1.16,
 * DPOTrainer). `sigmoid` with ε > 0 is conservative DPO, `robust` its unbiased form (Chowdhury et al. 2024).
 */
export function dpoLoss(delta: number, { lossType, beta, labelSmoothing: epsilon }: DpoLossOptions): Loss {
  if (lossType === "ipo") {
    const error = delta - 1 / (2 * beta);
    return { value: error * error, slope: 2 * error };
  }
  const x = beta * delta;
  if (lossType === "hinge") return { value: Math.max(0, 1 - x), slope: x < 1 ? -beta : 0 };
  const [right, wrong] = [logistic(x), logistic(-x)];
  const [sign, scale] = lossType === "robust" ? [-1, 1 - 2 * epsilon] : [1, 1];
  return {
    value: ((1 - epsilon) * right.value + sign * epsilon * wrong.value) / scale,
    slope: (beta * ((1 - epsilon) * right.slope - sign * epsilon * wrong.slope)) / scale,
  };
}
