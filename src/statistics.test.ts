// Claims about statistics: each is held against a computation by enumeration.
import { describe, expect, it } from "vitest";
import { bootstrapInterval, estimate, exactMcNemar, passAtK, passCounts, ratioEstimate } from "./statistics.js";

/** All subsets of k of n. */
function* subsets(n: number, k: number, from = 0): Generator<number[]> {
  if (k === 0) yield [];
  else
    for (let first = from; first < n; first++) for (const rest of subsets(n, k - 1, first + 1)) yield [first, ...rest];
}

describe("pass@k", () => {
  it("is the share of all choices of k samples with a right one among them", () => {
    for (let n = 1; n <= 8; n++)
      for (let right = 0; right <= n; right++)
        for (let k = 1; k <= n; k++) {
          const all = [...subsets(n, k)];
          const share = all.filter((chosen) => chosen.some((i) => i < right)).length / all.length;
          expect(passAtK(n, right, k), `${n} ${right} ${k}`).toBeCloseTo(share, 12);
        }
  });

  it("stays exact where the binomials overflow", () => {
    expect(passAtK(4096, 1, 64)).toBeCloseTo(64 / 4096, 12);
    expect(passAtK(4096, 4095, 1)).toBeCloseTo(4095 / 4096, 12);
  });

  it("is told for powers of two and for all samples", () => {
    expect([1, 2, 6, 64].map(passCounts)).toEqual([[1], [1, 2], [1, 2, 4, 6], [1, 2, 4, 8, 16, 32, 64]]);
  });
});

describe("standard errors", () => {
  it("are those of the mean of independent values", () => {
    const values = [0.1, 0.7, 0.4, 0.9, 0.3];
    const m = values.reduce((a, b) => a + b) / 5;
    const variance = values.reduce((total, value) => total + (value - m) ** 2, 0) / 4;
    expect(estimate(values).stderr).toBeCloseTo(Math.sqrt(variance / 5), 12);
    expect(estimate([1])).toEqual({ value: 1, stderr: null });
  });

  it("of a ratio are those of the mean where all totals are equal, and about the jackknife's where not", () => {
    const [numbers, totals] = [
      [1, 2, 0, 3, 2, 1, 1, 0, 2, 3],
      [1, 3, 2, 3, 2, 2, 1, 1, 3, 3],
    ];
    const equal = ratioEstimate(
      numbers,
      numbers.map(() => 3),
    );
    const plain = estimate(numbers.map((number) => number / 3));
    expect([equal.value, equal.stderr]).toEqual([
      expect.closeTo(plain.value, 12),
      expect.closeTo(plain.stderr as number, 12),
    ]);
    const total = (values: number[], without: number) => values.reduce((a, b, i) => (i === without ? a : a + b), 0);
    const left = numbers.map((_, i) => total(numbers, i) / total(totals, i));
    const center = left.reduce((a, b) => a + b) / 10;
    const jackknife = Math.sqrt((9 / 10) * left.reduce((a, b) => a + (b - center) ** 2, 0));
    expect(ratioEstimate(numbers, totals).value).toBeCloseTo(15 / 21, 12);
    expect((ratioEstimate(numbers, totals).stderr as number) / jackknife).toBeCloseTo(1, 1);
  });
});

describe("the bootstrap", () => {
  it("is that of all resamples, by enumeration", () => {
    const values = [0, 0, 1, 1, 1];
    const means: number[] = [];
    const walk = (depth: number, total: number): void => {
      if (depth === 5) means.push(total / 5);
      else for (const value of values) walk(depth + 1, total + value);
    };
    walk(0, 0);
    means.sort((a, b) => a - b);
    const at = (share: number) => means[Math.round(share * (means.length - 1))];
    expect(bootstrapInterval(values)).toEqual([at(0.025), at(0.975)]);
  });

  it("gives the same interval for the same values, and none wider than they are", () => {
    const values = Array.from({ length: 50 }, (_, i) => (i * 7919) % 13);
    expect(bootstrapInterval(values)).toEqual(bootstrapInterval([...values]));
    expect(bootstrapInterval([0.5, 0.5])).toEqual([0.5, 0.5]);
  });
});

describe("McNemar's test", () => {
  it("is the share of all ways to split the discordant pairs that are as uneven", () => {
    for (let n = 0; n <= 12; n++)
      for (let first = 0; first <= n; first++) {
        let [asUneven, all] = [0, 0];
        for (let ways = 0; ways < 2 ** n; ways++, all++) {
          const ones = [...ways.toString(2)].filter((bit) => bit === "1").length;
          if (Math.abs(ones - n / 2) >= Math.abs(first - n / 2)) asUneven++;
        }
        expect(exactMcNemar(first, n - first), `${first} of ${n}`).toBeCloseTo(asUneven / all, 12);
      }
  });

  it("holds for thousands of pairs", () => {
    expect(exactMcNemar(1500, 1500)).toBe(1);
    expect(exactMcNemar(1200, 1800)).toBeLessThan(1e-20);
  });
});

it("an estimate is that of a textbook", () => {
  const { value, stderr } = estimate([1, 2, 6]);
  expect(value).toBe(3);
  expect(stderr).toBeCloseTo(Math.sqrt((4 + 1 + 9) / 2 / 3), 12);
});
