// What a batch of rewarded trajectories teaches: advantages, with the KL penalty where it is a part of the rewards.
// Plain numbers; knows no model.
import type { Trajectory } from "../eval/trajectory.js";
import { type Advantages, estimateAdvantages } from "./advantage.js";
import type { GrpoConfig } from "./config.js";
import { rulesOf } from "./loss-types.js";
import type { GrpoMetrics } from "./metrics.js";
import { isMasked } from "./update.js";

/** Advantages, what they were made with, and the figures of that. */
export interface Lesson extends Advantages {
  /** Log-probabilities of each trajectory's tokens under the reference; null without one. */
  readonly refLogProbs: readonly Float32Array[] | null;
  readonly metrics: GrpoMetrics;
}

/** The lesson of trajectories, in consecutive groups, with these total rewards. */
export function lessonOf(
  trajectories: readonly Trajectory[],
  rewards: readonly (number | null)[],
  refLogProbs: readonly Float32Array[] | null,
  config: GrpoConfig,
): Lesson {
  const penalties = refLogProbs && rulesOf(config).kl === "reward" ? refLogProbs : null;
  const completions = trajectories.map((each, i) => ({
    reward: rewards[i],
    numTokens: each.completionIds.length,
    logRatios: penalties && !isMasked(each, config) ? each.logProbs.map((old, t) => old - penalties[i][t]) : null,
  }));
  const metrics: GrpoMetrics = penalties ? { kl: meanOfAll(completions.map(({ logRatios }) => logRatios)) } : {};
  return { ...estimateAdvantages(completions, config), refLogProbs, metrics };
}

function meanOfAll(tokens: readonly (Float32Array | null)[]): number {
  const all = tokens.flatMap((each) => Array.from(each ?? []));
  return all.reduce((a, b) => a + b, 0) / Math.max(1, all.length);
}
