// Claims about advantages, with values worked out by hand; TRL's own are in tests/golden/trl.test.ts.
import { expect, it } from "vitest";
import { groupAdvantages, meanAndDeviation } from "./advantage.js";

const rounded = (values: Iterable<number>) => [...values].map((value) => Number(value.toFixed(3)));

it("a completion to which no reward applies is out of its group's baseline and has no advantage", () => {
  const { values, zeroSpread } = groupAdvantages([1, 0.5, null, 1], 4, true);
  expect(rounded(values)).toEqual([0.577, -1.154, 0, 0.577]);
  expect(zeroSpread).toEqual([false]);
});

it("groups of equal rewards, of one reward and of none teach nothing", () => {
  const { values, groupStd, zeroSpread } = groupAdvantages([0.1, 0.1, 0.1, null, 1, null, null, null, null], 3, true);
  expect([...values]).toEqual(new Array(9).fill(0));
  expect(groupStd).toEqual([0, null, null]);
  expect(zeroSpread).toEqual([true, true, true]);
});

it("without scaling the advantage is the distance from the mean", () => {
  expect(rounded(groupAdvantages([1, 0, 0, 1], 4, false).values)).toEqual([0.5, -0.5, -0.5, 0.5]);
});

it("the mean of nothing is not a number, and one value has no deviation", () => {
  expect(meanAndDeviation([null])).toEqual({ mean: Number.NaN, std: null });
  expect(meanAndDeviation([2, null])).toEqual({ mean: 2, std: null });
});
