// Claims about counting samples: errors by independent problems, votes by equality.
import { describe, expect, it } from "vitest";
import { createArithmeticTask } from "../tasks/arithmetic.js";
import type { Problem, Task } from "../tasks/task.js";
import { evaluateSamples } from "./evaluate.js";

const task = createArithmeticTask() as unknown as Task;
const problem = (id: string): Problem => ({ id, split: "heldout", fields: { a: 1, operator: "+", b: 1 }, answer: "2", difficulty: 1, meta: {} });
const count = (entries: readonly (readonly [id: string, answers: readonly string[]])[], of: Task = task) =>
  evaluateSamples(
    of,
    entries.map(([id, answers]) => ({
      problem: problem(id),
      responses: answers.map((answer) => ({ text: answer, answer, wellFormed: true, numThinking: 2 })),
    })),
  );

describe("standard errors", () => {
  it("of distinct problems are the deviation of their means over the root of their number", () => {
    const { pass1, problems, stderr } = count(["a", "b", "c", "d"].map((id, i) => [id, i < 2 ? ["2", "2"] : i < 3 ? ["2", "3"] : ["3", "3"]]));
    expect([pass1, problems]).toEqual([0.625, 4]);
    const deviations = [0.375, 0.375, -0.125, -0.625];
    expect(stderr.pass1).toBeCloseTo(Math.sqrt(deviations.reduce((sum, d) => sum + d * d, 0) / 3 / 4), 12);
    expect(stderr.meanThinkTokens).toBe(0);
  });

  it("are clustered: counting every problem twice changes none of them", () => {
    const once = ["a", "b", "c", "d", "e"].map((id, i): [string, string[]] => [id, i < 2 ? ["2"] : ["3"]]);
    expect(count([...once, ...once])).toEqual(count(once));
  });

  it("are unknown for a single problem", () => {
    const { problems, stderr } = count([["a", ["2", "3"]]]);
    expect(problems).toBe(1);
    expect(Object.values(stderr)).toEqual([null, null, null, null, null]);
  });
});
