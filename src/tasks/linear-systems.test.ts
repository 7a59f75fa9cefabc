// Claims about systems of two equations: a search over all small whole numbers finds the gold answer and no other.
import { describe, expect, it } from "vitest";
import { createLinearSystemsTask, type LinearSystemsProblem } from "./linear-systems.js";

const task = createLinearSystemsTask();

/** Coefficients as they stand in the prompt. */
function readEquation(text: string): readonly number[] {
  const [, a, b, c] = /^(-?\d*)x([+-]\d*)y=(-?\d+)$/.exec(text) ?? [];
  const factor = (written: string): number => (/\d/.test(written) ? Number(written) : Number(`${written}1`));
  return [factor(a), factor(b), Number(c)];
}

describe("linear systems", () => {
  it("have the gold answer as their one solution in the range of solutions", () => {
    for (let index = 0; index < 200; index++) {
      const problem = task.generate(3, index, "train");
      const [, first, second] = /^Q:(.*);(.*)\nA:$/.exec(task.renderPrompt(problem, "compact")) ?? [];
      const equations = [first, second].map(readEquation);
      const found: string[] = [];
      for (let x = -10; x <= 10; x++)
        for (let y = -10; y <= 10; y++)
          if (equations.every(([a, b, c]) => a * x + b * y === c)) found.push(`x=${x},y=${y}`);
      expect(found).toEqual([problem.answer]);
    }
  });

  it("accept both values in several notations, and nothing less or other", () => {
    const problem: LinearSystemsProblem = {
      ...task.generate(0, 0, "train"),
      fields: { first: { a: 1, b: 1, c: 1 }, second: { a: 1, b: -1, c: 5 } },
      answer: "x=3,y=-2",
    };
    for (const text of [
      "x=3,y=-2",
      "x = 3, y = -2",
      "y=-2 and x=3",
      "x=3; y=-2",
      "x=3\ny=-2",
      "(3, -2)",
      "$x = 3, y = -2$",
      "\\boxed{x=3, y=-2}",
      "x=3.0, y=-4/2",
    ])
      expect([text, task.verify(problem, text)]).toEqual([text, 1]);
    for (const text of [
      "x=-2,y=3",
      "x=3",
      "y=-2",
      "3,-2",
      "x=3,y=2",
      "(-2,3)",
      "x=3,y=-2,x=3",
      "x=3,z=-2",
      "x=3 or y=-2",
      "(x=3)",
    ])
      expect([text, task.verify(problem, text)]).toEqual([text, 0]);
    expect(task.sameAnswer?.(problem, "x=1,y=2", "y=2, x=1")).toBe(true);
    expect(task.sameAnswer?.(problem, "x=1,y=2", "x=2,y=1")).toBe(false);
  });
});
