// What is fitted: thresholds that keep accuracy and save work, and a router that tells kinds of prompts apart.
import { expect, test } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { ConfigError } from "../errors.js";
import { Random } from "../random.js";
import { Device } from "../tensor/device.js";
import { type CascadeCase, fitThresholds } from "./cascade-fit.js";
import { largest, routerScores, trainRouter } from "./router.js";

/** A small member that is right where it agrees, and one that is unlikely to be where its tokens were. */
const stage = (agreement: number, logProb: number, right: number, flops: number) => ({
  agreement,
  logProb,
  right,
  flops,
});
const problem = (agreement: number, right: number, logProb = -0.1): CascadeCase => ({
  stages: [stage(agreement, logProb, right, 1), stage(1, -0.1, 1, 10)],
});

test("the thresholds are the cheapest that keep the wanted share of the last member's accuracy", () => {
  const cases = [
    ...Array(6).fill(problem(1, 1)),
    ...Array(2).fill(problem(2 / 3, 1)),
    ...Array(2).fill(problem(1 / 3, 0)),
  ];
  const { thresholds, fit } = fitThresholds(cases, 1);
  expect(thresholds).toEqual([{ agreement: 2 / 3, logProb: null }]);
  expect(fit).toEqual({ accuracy: 1, lastAccuracy: 1, flopShare: (10 + 2 * 10) / 100 });
  expect(fitThresholds(cases, 0.8).thresholds[0].agreement).toBe(1 / 3);
});

test("where samples agree but are wrong, their log-probability decides", () => {
  const cases = [...Array(5).fill(problem(1, 1, -0.1)), ...Array(5).fill(problem(1, 0, -3))];
  const { thresholds, fit } = fitThresholds(cases, 1);
  expect(thresholds[0]).toEqual({ agreement: 1, logProb: -0.1 });
  expect(fit.flopShare).toBe((10 + 50) / 100);
});

test("a member that is never right enough is never believed", () => {
  const { thresholds, fit } = fitThresholds(Array(10).fill(problem(1, 0)), 0.98);
  expect(thresholds[0].logProb).toBe(0);
  expect(fit).toEqual({ accuracy: 1, lastAccuracy: 1, flopShare: 1.1 });
});

test("the fit of three members never falls below the wanted accuracy, whatever they are like", () => {
  const random = new Random(3);
  for (let round = 0; round < 50; round++) {
    const cases = Array.from({ length: 40 }, () => ({
      stages: [1, 4, 16].map((flops) =>
        stage([1 / 3, 2 / 3, 1][random.below(3)], -random.float(), Number(random.float() < 0.6), flops),
      ),
    }));
    const { fit } = fitThresholds(cases, 0.95);
    expect(fit.accuracy).toBeGreaterThanOrEqual(0.95 * fit.lastAccuracy - 1e-9);
  }
});

const names = { members: ["a", "b", "c"], encoder: "a", task: "mix" };
const device = new Device(createReferenceBackend());

/** States around three corners; each member answers those of its own. */
function states(count: number, seed: number) {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, i) => {
    const state = Float32Array.from({ length: 8 }, (_, j) => (j === i % 3 ? 3 : 0) + random.float());
    return { state, scores: [0, 1, 2].map((member) => (member === i % 3 ? 0.9 : 0.1)) };
  });
}

test("a router learns from the members' accuracy whom a state belongs to, to the same bits each time", async () => {
  const router = await trainRouter(states(60, 1), names, device);
  const unseen = states(60, 2);
  const right = unseen.filter(({ state, scores }) => scores[largest(routerScores(router, state))] === 0.9);
  expect(right).toHaveLength(60);
  expect(router).toMatchObject({ problems: 60, accuracy: 1 });
  expect(await trainRouter(states(60, 1), names, device)).toEqual(router);
});

test("members that answer everything equally well leave a router nothing to learn, which is said", async () => {
  const cases = states(6, 1).map(({ state }) => ({ state, scores: [1, 1, 1] }));
  await expect(trainRouter(cases, names, device)).rejects.toThrow(ConfigError);
});
