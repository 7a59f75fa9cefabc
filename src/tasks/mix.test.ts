// Claims about a mix of tasks: problems and verdicts are those of the tasks, in the shares asked for.
import { describe, expect, it } from "vitest";
import { MIXED_TASKS, taskNameOf } from "./mix.js";
import { createTask, TASK_NAMES } from "./registry.js";

describe("mix", () => {
  it("gives the tasks' own problems in the shares asked for, and judges them as they do", () => {
    const options = { arithmetic: { maxDigits: 2 } };
    const mix = createTask("mix", { weights: { arithmetic: 3, "word-problems": 1 }, options });
    const problems = Array.from({ length: 800 }, (_, index) => mix.generate(5, index, "train"));
    const share = problems.filter((problem) => taskNameOf(problem) === "arithmetic").length / problems.length;
    expect(share).toBeGreaterThan(0.7);
    expect(share).toBeLessThan(0.8);
    for (const [index, problem] of problems.slice(0, 100).entries()) {
      const name = taskNameOf(problem);
      const task = createTask(name, (options as Record<string, object>)[name]);
      const own = task.generate(5, index, "train");
      expect(problem).toEqual({ ...own, id: `${name}/${own.id}`, meta: { task: name } });
      expect(mix.renderPrompt(problem, "plain")).toBe(task.renderPrompt(own, "plain"));
      expect(mix.verify(problem, own.answer)).toBe(1);
      expect(mix.verify(problem, `${own.answer}7`)).toBe(0);
      expect(mix.sameAnswer?.(problem, own.answer, `${own.answer}.0`)).toBe(true);
    }
  });

  it("can hold every task but itself", () => {
    expect([...MIXED_TASKS].sort()).toEqual(TASK_NAMES.filter((name) => name !== "mix").sort());
  });

  it("refuses unknown tasks and options of tasks that it does not hold", () => {
    expect(() => createTask("mix", { weights: { chess: 1 } })).toThrow(
      /task mix: option "weights": expected countdown, .*, got "chess"/,
    );
    expect(() => createTask("mix", { weights: { countdown: 1 }, options: { arithmetic: {} } })).toThrow(
      /task mix: option "options": expected countdown, got "arithmetic"/,
    );
    expect(() => createTask("mix", { options: { arithmetic: { digits: 1 } } })).toThrow(
      /task arithmetic: unknown option "digits"/,
    );
  });
});
