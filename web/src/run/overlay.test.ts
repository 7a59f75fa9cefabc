// Claims about runs on the page: several laid over each other share their steps; the time left follows the pace.
import { expect, test } from "vitest";
import { chartGroups } from "./overlay.ts";
import { type MetricsRecord, named, type RunEntry, type SampleRecord, secondsLeft, withNewest } from "./run-records.ts";

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

test("samples that come are put before those that are known, which keep their names; earlier ones stay", () => {
  const sample = (step: number, text: string) =>
    ({ phase: "rl", step, time: at(step), completion: text }) as SampleRecord;
  const known = { records: [sample(2, "c"), sample(2, "b"), sample(1, "a")], before: 10 };
  const newest = { records: [sample(3, "e"), sample(3, "d"), sample(2, "c"), sample(2, "b")], before: 20 };
  const merged = withNewest(known, newest);
  expect(merged.records.map(({ completion }) => completion).join("")).toBe("edcba");
  expect(merged.before).toBe(10);
  const names = named(merged.records).map(([name]) => name);
  expect(names.slice(2)).toEqual(named(known.records).map(([name]) => name));
  expect(new Set(names).size).toBe(5);
  expect(withNewest(known, { records: [sample(9, "z")], before: 5 })).toEqual({ records: [sample(9, "z")], before: 5 });
});

test("charts are told in the language of the page, with stages and a person's metrics as they are", () => {
  const words = { Pretraining: "Vor", Loss: "Verlust", training: "Lernen", "cross-entropy, nats per token": "Nats" };
  const [group] = chartGroups([{ name: "a", records: lines([1, 2, 3], 0) }], words);
  const [loss, speed] = group.charts;
  expect([group.title, loss.title, loss.note, loss.series[0].label]).toEqual(["Vor", "Verlust", "Nats", "Lernen"]);
  expect(speed.title).toBe("Speed");
});
