// The statistics of evaluations: means with standard errors, pass@k, comparisons of pairs, intervals. Knows numbers
// alone.
import { Random } from "./random.js";

/** The mean; 0 of nothing. */
export function mean(values: readonly number[]): number {
  return values.length ? sum(values) / values.length : 0;
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/**
 * Standard error of the mean when values of one cluster depend on each other (the sandwich estimator with G/(G-1));
 * null for one cluster.
 */
export function clusteredError(values: readonly number[], clusters: readonly string[]): number | null {
  const m = mean(values);
  const sums = new Map<string, number>();
  values.forEach((value, i) => {
    sums.set(clusters[i], (sums.get(clusters[i]) ?? 0) + value - m);
  });
  if (sums.size < 2) return null;
  const squares = [...sums.values()].reduce((total, deviation) => total + deviation ** 2, 0);
  return Math.sqrt((squares * sums.size) / (sums.size - 1)) / values.length;
}

/** A value and its standard error; null where it is unknown. */
export interface Estimate {
  readonly value: number;
  readonly stderr: number | null;
}

/** The mean of independent values. */
export const estimate = (values: readonly number[]): Estimate => ({
  value: mean(values),
  stderr: clusteredError(
    values,
    values.map((_, i) => `${i}`),
  ),
});

/**
 * Σ numbers / Σ totals over independent units, as the share of all instructions that are followed; its error is that of
 * the ratio estimator (Cochran 1977, 6.4). `totals` must not all be 0.
 */
export function ratioEstimate(numbers: readonly number[], totals: readonly number[]): Estimate {
  const value = sum(numbers) / sum(totals);
  const residuals = numbers.map((number, i) => number - value * totals[i]);
  const { stderr } = estimate(residuals);
  return { value, stderr: stderr === null ? null : stderr / mean(totals) };
}

/**
 * The probability that at least one of k samples is right, from n samples of which `right` are: 1 − C(n−c, k)/C(n, k),
 * without bias (Chen et al. 2021, arXiv 2107.03374, equation 1). k must not exceed n.
 */
export function passAtK(n: number, right: number, k: number): number {
  if (n - right < k) return 1;
  let noneRight = 1;
  for (let i = n - right + 1; i <= n; i++) noneRight *= 1 - k / i;
  return 1 - noneRight;
}

/** The k of pass@k for n samples: 1, 2, 4, … and n. */
export function passCounts(n: number): number[] {
  const counts: number[] = [];
  for (let k = 1; k < n; k *= 2) counts.push(k);
  return [...counts, n];
}

/** Two limits. */
export type Interval = readonly [low: number, high: number];

const RESAMPLES = 2000;

/**
 * The 95% interval of a mean over questions by the percentile bootstrap: questions are drawn anew with replacement. The
 * same values give the same interval.
 */
export function bootstrapInterval(values: readonly number[], resamples = RESAMPLES): Interval {
  if (values.length === 0) return [0, 0];
  const random = new Random(0).fork("bootstrap");
  const means = Array.from({ length: resamples }, () => {
    let total = 0;
    for (let i = 0; i < values.length; i++) total += values[random.below(values.length)];
    return total / values.length;
  }).sort((a, b) => a - b);
  const at = (share: number) => means[Math.round(share * (resamples - 1))];
  return [at(0.025), at(0.975)];
}

/**
 * The exact two-sided p-value of McNemar's test: how likely a split of the discordant pairs as uneven as this one is
 * where both sides are equally good. 1 where no pair is discordant.
 */
export function exactMcNemar(onlyFirst: number, onlySecond: number): number {
  const n = onlyFirst + onlySecond;
  const fewer = Math.min(onlyFirst, onlySecond);
  let term = 0; // log of C(n, i) / 2^n
  let tail = 0;
  for (let i = 0; i <= fewer; i++) {
    term = i === 0 ? -n * Math.LN2 : term + Math.log((n - i + 1) / i);
    tail += Math.exp(term);
  }
  return Math.min(1, 2 * tail);
}
