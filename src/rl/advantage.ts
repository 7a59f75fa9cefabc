// Advantages of a batch of rewarded completions: relative to their group (DeepSeekMath §4.1) or to its others in TRL's
// definition, to the batch in verl's. Plain numbers.
import type { GrpoConfig } from "./config.js";
import { rulesOf } from "./loss-types.js";

/** The options that decide on advantages. */
export type AdvantageOptions = Pick<GrpoConfig, "lossType" | "scaleRewards" | "numGenerations" | "beta">;

/** A completion as far as its advantage goes. */
export interface Rewarded {
  /** Its total reward; null where none applies. */
  readonly reward: number | null;
  readonly numTokens: number;
  /** log π_old - log π_ref of its tokens, where β times that is taken off its reward; null elsewhere. */
  readonly logRatios: Float32Array | null;
}

/** What rewards come to. */
export interface Advantages {
  /** For each completion the advantages of its tokens; zeros for a completion without a reward. */
  readonly values: readonly Float32Array[];
  /** Share of the groups whose rewards deviate by 0: from each other or, when scaled by the batch, in the batch. */
  readonly zeroStdShare: number;
}

/**
 * Advantages of completions whose groups are consecutive. A completion to which no reward applies (null) is left out of
 * means and deviations.
 */
export function estimateAdvantages(completions: readonly Rewarded[], options: AdvantageOptions): Advantages {
  if (rulesOf(options).baseline === "batch") {
    const rewards = completions.map(({ reward }) => reward);
    return { values: whitenedReturns(completions, options), zeroStdShare: zeroStdShare(rewards, options) };
  }
  const rewards = completions.map((each) => penalised(each, options.beta));
  const values = completionAdvantages(rewards, options);
  return {
    values: values.map((value, i) => new Float32Array(completions[i].numTokens).fill(value)),
    zeroStdShare: zeroStdShare(rewards, options),
  };
}

/** Which groups teach: those whose rewards differ or, where all of the batch is compared, any where the batch's do. */
export function informativeGroups(rewards: readonly (number | null)[], options: AdvantageOptions): boolean[] {
  const differs = (some: readonly (number | null)[]) => (meanAndDeviation(some).std ?? 0) !== 0;
  const groups = groupsOf(rewards, options);
  if (rulesOf(options).baseline !== "batch") return groups.map(differs);
  const batchDiffers = differs(rewards);
  return groups.map((group) => batchDiffers && group.some((reward) => reward !== null));
}

function groupsOf<T>(items: readonly T[], { numGenerations }: AdvantageOptions): T[][] {
  const count = Math.ceil(items.length / numGenerations);
  return Array.from({ length: count }, (_, g) => items.slice(g * numGenerations, (g + 1) * numGenerations));
}

/** One advantage per completion; 0 without a reward. */
function completionAdvantages(rewards: readonly (number | null)[], options: AdvantageOptions): number[] {
  const { scaleRewards } = options;
  const groups = groupsOf(rewards, options);
  if (rulesOf(options).baseline === "others") {
    const values = groups.flatMap(leaveOneOut);
    const { mean, std } = meanAndDeviation(values);
    if (scaleRewards === "none") return values.map((value) => value ?? 0);
    return values.map((value) => (value === null ? 0 : (value - mean) / ((std ?? 0) + 1e-4)));
  }
  const ofBatch = meanAndDeviation(rewards).std ?? 0;
  const divisors = { group: (std: number) => std + 1e-4, batch: () => ofBatch + 1e-4, none: () => 1 };
  return groups.flatMap((group) => fromMean(group, divisors[scaleRewards]));
}

/** (r - mean(r)) / divisor(std(r)); zeros where rewards do not differ. std is the sample's (n-1). */
function fromMean(group: readonly (number | null)[], divisor: (std: number) => number): number[] {
  const { mean, std } = meanAndDeviation(group);
  if (std === null || std === 0) return group.map(() => 0);
  return group.map((reward) => (reward === null ? 0 : (reward - mean) / divisor(std)));
}

/** r less the mean of the group's other rewards; null without a reward and without others. */
function leaveOneOut(group: readonly (number | null)[]): (number | null)[] {
  const { mean, std, count } = { ...meanAndDeviation(group), count: group.filter((reward) => reward !== null).length };
  if (std === null) return group.map(() => null);
  return group.map((reward) => (reward === null ? null : std === 0 ? 0 : ((reward - mean) * count) / (count - 1)));
}

/** The reward less β times all log-ratios. */
const penalised = (completion: Rewarded, beta: number): number | null =>
  completion.reward === null || !completion.logRatios ? completion.reward : returns(completion, beta)[0];

/** Of each token: the reward less β times the log-ratios from it to the end (REINFORCE++, discount 1). */
function returns({ reward, numTokens, logRatios }: Rewarded, beta: number): Float64Array {
  const values = new Float64Array(numTokens);
  for (let t = numTokens - 1, penalty = 0; t >= 0; t--) {
    penalty += beta * (logRatios?.[t] ?? 0);
    values[t] = (reward ?? 0) - penalty;
  }
  return values;
}

/** Returns less their mean over the batch's tokens, divided by sqrt(variance + 1e-8) where scaled, as verl whitens. */
function whitenedReturns(completions: readonly Rewarded[], { beta, scaleRewards }: AdvantageOptions): Float32Array[] {
  const perToken = completions.map((each) => returns(each, beta));
  const { mean, std } = meanAndDeviation(
    perToken.flatMap((each, i) => (completions[i].reward === null ? [] : [...each])),
  );
  const divisor = scaleRewards === "none" ? 1 : Math.sqrt((std ?? 0) ** 2 + 1e-8);
  const isFlat = std === null || std === 0;
  return perToken.map((each, i) =>
    Float32Array.from(each, (value) => (isFlat || completions[i].reward === null ? 0 : (value - mean) / divisor)),
  );
}

function zeroStdShare(rewards: readonly (number | null)[], options: AdvantageOptions): number {
  const { baseline } = rulesOf(options);
  if (options.scaleRewards === "batch" && baseline === "group") return Number(meanAndDeviation(rewards).std === 0);
  const deviations = groupsOf(rewards, options).map((group) => meanAndDeviation(group).std);
  return deviations.filter((std) => std === 0).length / deviations.length;
}

/**
 * Mean and sample deviation of the numbers among `values`: the deviation is exactly 0 where all are equal, null below
 * two; the mean of none is NaN.
 */
export function meanAndDeviation(values: readonly (number | null)[]): {
  readonly mean: number;
  readonly std: number | null;
} {
  const present = values.filter((value) => value !== null);
  const mean = present.reduce((a, b) => a + b, 0) / present.length;
  if (present.length < 2) return { mean, std: null };
  if (present.every((value) => value === present[0])) return { mean, std: 0 };
  return { mean, std: Math.sqrt(present.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (present.length - 1)) };
}
