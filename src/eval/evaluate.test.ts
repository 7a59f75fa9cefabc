// Claims about counting samples: errors by independent problems, votes by equality.
import { describe, expect, it } from "vitest";
import { createArithmeticTask } from "../tasks/arithmetic.js";
import { createCountdownTask } from "../tasks/countdown.js";
import { createLinearEquationsTask } from "../tasks/linear-equations.js";
import type { Problem, Task } from "../tasks/task.js";
import { evaluateSamples } from "./evaluate.js";

const task = createArithmeticTask() as unknown as Task;
const problem = (id: string): Problem => ({
  id,
  split: "heldout",
  fields: { a: 1, operator: "+", b: 1 },
  answer: "2",
  difficulty: 1,
  meta: {},
});
const responseOf = (answer: string) => ({
  ...{ text: answer, answer, wellFormed: true, numThinking: 2, numTokens: 5 },
  finishReason: "stop" as const,
});
const count = (entries: readonly (readonly [id: string, answers: readonly string[]])[], of: Task = task) =>
  evaluateSamples(
    of,
    entries.map(([id, answers]) => ({
      problem: problem(id),
      responses: answers.map(responseOf),
    })),
  );

describe("votes", () => {
  const half = createLinearEquationsTask() as unknown as Task;
  const equation = { ...problem("h"), fields: { a: 2, b: 0, c: 0, d: 1 } };
  const consensus = async (of: Task, asked: Problem, answers: readonly string[]) =>
    (await evaluateSamples(of, [{ problem: asked, responses: answers.map(responseOf) }])).consK;

  it("go by equality and not by spelling", async () => {
    expect(await consensus(half, equation, ["3", "3", "0.5", "1/2", "x = 2/4"])).toBe(1);
    expect(await consensus(half, equation, ["3", "3", "3.0", "0.5", "1/2"])).toBe(0);
  });

  it("for Countdown go by the expression", async () => {
    const countdown = createCountdownTask() as unknown as Task;
    const asked = { ...problem("c"), fields: { numbers: [3, 8], target: 24 } };
    expect(await consensus(countdown, asked, ["3+8", "8-3", "3+8", "3*8", "8 * 3", "(8)*3"])).toBe(1);
  });

  it("without a notion of the task's own go by the text but for white space", async () => {
    const plain: Task = { ...half, sameAnswer: undefined };
    expect(await consensus(plain, equation, ["3", "3", "0.5", "0. 5", " 0.5"])).toBe(1);
    expect(await consensus(plain, equation, ["3", "3", "0.5", "1/2", "2/4"])).toBe(0);
  });
});

describe("standard errors", () => {
  it("of distinct problems are the deviation of their means over the root of their number", async () => {
    const { pass1, problems, stderr } = await count(
      ["a", "b", "c", "d"].map((id, i) => [id, i < 2 ? ["2", "2"] : i < 3 ? ["2", "3"] : ["3", "3"]]),
    );
    expect([pass1, problems]).toEqual([0.625, 4]);
    const deviations = [0.375, 0.375, -0.125, -0.625];
    expect(stderr.pass1).toBeCloseTo(Math.sqrt(deviations.reduce((sum, d) => sum + d * d, 0) / 3 / 4), 12);
    expect(stderr.meanThinkTokens).toBe(0);
  });

  it("are clustered: counting every problem twice changes none of them", async () => {
    const once = ["a", "b", "c", "d", "e"].map((id, i): [string, string[]] => [id, i < 2 ? ["2"] : ["3"]]);
    expect(await count([...once, ...once])).toEqual(await count(once));
  });

  it("are unknown for a single problem", async () => {
    const { problems, stderr } = await count([["a", ["2", "3"]]]);
    expect(problems).toBe(1);
    expect(new Set(Object.values(stderr))).toEqual(new Set([null]));
  });
});
