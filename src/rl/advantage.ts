// Group-relative advantages (DeepSeekMath §4.1) in TRL's definition. Plain numbers.

/** Statistics of the groups of one batch. */
export interface Advantages {
  /** One per completion; 0 for a completion without a reward. */
  readonly values: Float32Array;
  /** Per group, the standard deviation of its rewards; null where fewer than two completions have one. */
  readonly groupStd: readonly (number | null)[];
  /** Which groups teach nothing: fewer than two rewards, or all of them equal. */
  readonly zeroSpread: readonly boolean[];
}

/**
 * A = r - mean(r), divided by (std(r) + 1e-4) when `scale`; groups are consecutive runs of `groupSize`, std is the
 * sample's (n-1). A completion to which no reward applies (null) is left out of mean and std, and has no advantage.
 */
export function groupAdvantages(rewards: readonly (number | null)[], groupSize: number, scale: boolean): Advantages {
  const values = new Float32Array(rewards.length);
  const groupStd: (number | null)[] = [];
  for (let at = 0; at < rewards.length; at += groupSize) {
    const group = rewards.slice(at, at + groupSize);
    const { mean, std } = meanAndDeviation(group);
    groupStd.push(std);
    if (std === null || std === 0) continue;
    group.forEach((reward, i) => {
      if (reward !== null) values[at + i] = (reward - mean) / (scale ? std + 1e-4 : 1);
    });
  }
  return { values, groupStd, zeroSpread: groupStd.map((std) => std === null || std === 0) };
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
