// What a report takes for a person's own figures is none of the trainer's.
import { expect, test } from "vitest";
import { isOwnFigure } from "../report/charts.js";
import { GRPO_METRICS, isReservedMetric } from "./metrics.js";

test("no figure of the trainer is taken for one that a reward logged", () => {
  const trainers = [...Object.keys(GRPO_METRICS), "rewards/mine/mean", "rewards/mine/std", "expert_load/3"];
  expect(trainers.filter(isOwnFigure)).toEqual([]);
  expect(trainers.filter((name) => !isReservedMetric(name))).toEqual([]);
  expect(["digit_share", "quality/long"].every((name) => isOwnFigure(name) && !isReservedMetric(name))).toBe(true);
});
