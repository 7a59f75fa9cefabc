// Claims about advantages, with values worked out by hand; TRL's own are in tests/golden/trl.test.ts.
import { expect, it } from "vitest";
import { estimateAdvantages, informativeGroups, meanAndDeviation } from "./advantage.js";
import { parseGrpoOptions } from "./config.js";
import type { LossType } from "./loss-types.js";

type Rewards = readonly (number | null)[];

const options = (lossType: LossType, numGenerations: number) => parseGrpoOptions({ lossType, numGenerations });
/** Advantages of completions of one token. */
function advantages(rewards: Rewards, lossType: LossType, numGenerations: number): number[] {
  const completions = rewards.map((reward) => ({ reward, numTokens: 1, logRatios: null }));
  const { values } = estimateAdvantages(completions, options(lossType, numGenerations));
  return values.map(([value]) => Number(value.toFixed(3)));
}

it("a completion to which no reward applies is out of its group's baseline and has no advantage", () => {
  expect(advantages([1, 0.5, null, 1], "grpo", 4)).toEqual([0.577, -1.154, 0, 0.577]);
  expect(advantages([1, 0.5, null, 1], "rloo", 4)).toEqual([0.25, -0.5, 0, 0.25]);
  expect(advantages([1, 0.5, null, 1], "reinforce_plus_plus", 2)).toEqual([0.577, -1.155, 0, 0.577]);
});

it("groups of equal rewards, of one reward and of none teach nothing", () => {
  const rewards = [0.1, 0.1, 0.1, null, 1, null, null, null, null];
  for (const lossType of ["grpo", "rloo"] as const) {
    expect(advantages(rewards, lossType, 3)).toEqual(new Array(9).fill(0));
    expect(informativeGroups(rewards, options(lossType, 3))).toEqual([false, false, false]);
  }
});

it("against the whole batch a group of equal rewards teaches, unless all of the batch are equal", () => {
  const informative = (rewards: Rewards) => informativeGroups(rewards, options("reinforce_plus_plus", 2));
  expect(informative([1, 1, 0, 0, null, null])).toEqual([true, true, false]);
  expect(informative([0.1, 0.1, 0.1, 0.1])).toEqual([false, false]);
  expect(advantages([0.1, 0.1, 0.1, 0.1], "reinforce_plus_plus", 2)).toEqual([0, 0, 0, 0]);
});

it("without scaling the advantage is the distance from the mean", () => {
  expect(advantages([1, 0, 0, 1], "dr_grpo", 4)).toEqual([0.5, -0.5, -0.5, 0.5]);
});

it("a baseline without groups refuses to scale by the group", () => {
  expect(() => parseGrpoOptions({ lossType: "rloo", scaleRewards: "group" })).toThrow(
    'rl: option "scaleRewards": rloo and reinforce_plus_plus cannot scale by the group; use batch or none',
  );
});

it("the mean of nothing is not a number, and one value has no deviation", () => {
  expect(meanAndDeviation([null])).toEqual({ mean: Number.NaN, std: null });
  expect(meanAndDeviation([2, null])).toEqual({ mean: 2, std: null });
});
