// Claims about runs on the page: several laid over each other share their steps; the time left follows the pace.
import { expect, test } from "vitest";
import { chartGroups } from "./overlay.ts";
import { type MetricsRecord, type RunEntry, secondsLeft } from "./run-records.ts";

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();
const lines = (steps: readonly number[], value: number): MetricsRecord[] =>
  steps.map((step) => ({ phase: "pretrain", step, time: at(step * 2), loss: value + step, tokens_per_second: 9 }));

test("curves of two runs stand on the steps of both, a colour for each; one that lacks a chart has none in it", () => {
  const first = lines([1, 2, 3], 0);
  const second = lines([2, 4, 6], 100).map(({ tokens_per_second: _, ...line }) => line as MetricsRecord);
  const [group] = chartGroups([
    { name: "a", records: first },
    { name: "b", records: second },
  ]);
  const [loss, speed] = group.charts;
  expect(loss.steps).toEqual([1, 2, 3, 4, 6]);
  expect(loss.series.map(({ label, color, values }) => ({ label, color, values }))).toEqual([
    { label: "a", color: "accent", values: [1, 2, 3, null, null] },
    { label: "b", color: "blue", values: [null, 102, null, 104, 106] },
  ]);
  expect(speed.series.map(({ label }) => label)).toEqual(["a"]);
});

test("the time left is that of the steps left at the pace of late, unknown where the plan is of another stage", () => {
  const entry: RunEntry = { name: "a", state: "running", plan: { phase: "pretrain", steps: 10 } };
  expect(secondsLeft(entry, lines([1, 2, 3, 4], 0))).toBe(12);
  const before = lines([100, 400], 0).map((line) => ({ ...line, stage: "before" }));
  expect(secondsLeft(entry, [...before, ...lines([1, 2, 3, 4], 0)])).toBe(12);
  expect(secondsLeft({ ...entry, state: "stopped" }, lines([1, 2], 0))).toBeUndefined();
  expect(secondsLeft({ ...entry, plan: { phase: "rl", steps: 10 } }, lines([1, 2], 0))).toBeUndefined();
});
