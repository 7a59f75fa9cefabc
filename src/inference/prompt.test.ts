// Questions put into the words of training.
import { expect, test } from "vitest";
import { createCountdownTask } from "../tasks/countdown.js";
import { framePrompt } from "./prompt.js";

test("a bare Countdown becomes the very prompt of training, however it is spaced", () => {
  const task = createCountdownTask();
  const problem = { ...task.generate(0, 0, "train"), fields: { numbers: [3, 7, 8], target: 24 } };
  for (const typed of ["3 7 8 = 24", "3 7 8=24", " 3, 7, 8  =  24 "]) expect(framePrompt(typed, "compact")).toBe(task.renderPrompt(problem, "compact"));
});
test("other questions are framed as they are, and framed ones let be", () => {
  expect(framePrompt("12+7", "compact")).toBe("Q:12+7\nA:");
  expect(framePrompt("Q:12+7\nA:", "compact")).toBe("Q:12+7\nA:");
  expect(framePrompt("Compute 12+7.", "r1-zero")).toContain("User: Compute 12+7. Inside the answer tags");
});
test("without a template nothing is added", () => {
  expect(framePrompt("Once upon a time", null)).toBe("Once upon a time");
  expect(framePrompt("3 7 8 = 24", "plain")).toBe("3 7 8 = 24");
});
