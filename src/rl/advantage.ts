// Group-relative advantages (DeepSeekMath §4.1). Plain numbers.

/** Statistics of the groups of one batch. */
export interface Advantages {
  /** One per completion. */
  readonly values: Float32Array;
  /** Mean over groups of the standard deviation of rewards. */
  readonly rewardStd: number;
  /** Which groups have no spread, and so no signal. */
  readonly zeroSpread: readonly boolean[];
}

/** A = r - mean(r), divided by (std(r) + 1e-4) when `scale`; groups are consecutive runs of `groupSize`. std is the sample's (n-1), as TRL. */
export function groupAdvantages(rewards: readonly number[], groupSize: number, scale: boolean): Advantages {
  const values = new Float32Array(rewards.length);
  const zeroSpread: boolean[] = [];
  let stdSum = 0;
  for (let at = 0; at < rewards.length; at += groupSize) {
    const group = rewards.slice(at, at + groupSize);
    const mean = group.reduce((a, b) => a + b, 0) / group.length;
    const std = Math.sqrt(group.reduce((sum, r) => sum + (r - mean) ** 2, 0) / Math.max(1, group.length - 1));
    zeroSpread.push(group.every((r) => r === group[0]));
    stdSum += std;
    group.forEach((r, i) => {
      values[at + i] = group.every((x) => x === group[0]) ? 0 : (r - mean) / (scale ? std + 1e-4 : 1);
    });
  }
  return { values, rewardStd: stdSum / zeroSpread.length, zeroSpread };
}
