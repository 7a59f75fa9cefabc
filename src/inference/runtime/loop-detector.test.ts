// Cycles of tokens, at the edge of what counts as one.
import { expect, test } from "vitest";
import { LoopDetector } from "./loop-detector.js";

const LIMITS = { maxPeriod: 5, minRepeats: 3, minTokens: 8 };
const firstLoop = (ids: readonly number[], limits = LIMITS) => {
  const detector = new LoopDetector(limits);
  return ids.findIndex((id) => detector.push(id));
};

test("a cycle is a loop when it has stood often enough and filled enough tokens", () => {
  expect(firstLoop([7, 8, 9, 1, 2, 3, 1, 2, 3, 1, 2, 3])).toBe(11);
  expect(firstLoop([7, 8, 9, 1, 2, 3, 1, 2, 3, 1, 2])).toBe(-1);
});
test("a short cycle must fill minTokens", () => {
  expect(firstLoop(new Array(20).fill(4))).toBe(7);
  expect(firstLoop([1, 2, 1, 2, 1, 2, 1, 3])).toBe(-1);
});
test("a cycle longer than maxPeriod is not noticed, one of maxPeriod is", () => {
  const cycle = (period: number) => Array.from({ length: 60 }, (_, i) => i % period);
  expect(firstLoop(cycle(5))).toBe(14);
  expect(firstLoop(cycle(6))).toBe(-1);
});
test("one other token breaks the cycle", () => {
  expect(firstLoop([1, 2, 3, 1, 2, 3, 1, 2, 9, 3, 1, 2, 3, 1, 2])).toBe(-1);
});
test("after a reset nothing before it counts", () => {
  const detector = new LoopDetector(LIMITS);
  for (let i = 0; i < 7; i++) detector.push(4);
  detector.reset();
  expect(detector.push(4)).toBe(false);
});
