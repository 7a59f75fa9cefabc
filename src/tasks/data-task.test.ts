// Claims about a person's own data set: every row that will not do is named, the held-out split is deterministic.
import { describe, expect, it } from "vitest";
import { ConfigError, DataError } from "../errors.js";
import { createDataTask, type DataTaskOptions } from "./data-task.js";
import { gradeAnswers } from "./grade-answers.js";
import { matchesAnswer } from "./grading/grade.js";
import { parseResponse } from "./response.js";

const taskOf = (rows: readonly Record<string, unknown>[], options?: DataTaskOptions) =>
  createDataTask(
    rows.map((row, i) => ({ row, where: `own.csv:${i + 2}` })),
    options,
  );
const rows = (count: number): Record<string, unknown>[] =>
  Array.from({ length: count }, (_, i) => ({
    prompt: `What is ${i}+1?`,
    answer: i + 1,
    topic: i % 2 ? "odd" : "even",
  }));

describe("the task of a data set", () => {
  it("serves every row once per pass, each pass in a new order, columns by name", async () => {
    const task = taskOf(rows(40));
    const length = task.numProblems?.train ?? 0;
    const pass = (p: number, seed = 0) =>
      Array.from({ length }, (_, i) => task.generate(seed, p * length + i, "train").id);
    expect(new Set(pass(0)).size).toBe(length);
    expect(pass(1)).not.toEqual(pass(0));
    expect([...pass(1)].sort()).toEqual([...pass(0)].sort());
    expect(pass(0, 1)).not.toEqual(pass(0));
    expect(pass(0)).toEqual(pass(0));
    const problem = task.generate(0, 0, "train");
    expect(problem.fields).toMatchObject({ topic: expect.stringMatching(/odd|even/), prompt: problem.id });
    expect(task.verify(problem, ` ${problem.answer} `)).toBe(1);
    expect(await task.validate()).toMatchObject({ numTrain: length, numHeldOut: 40 - length });
  });

  it("splits by content: same file same split, equal prompts on one side, new rows move no old ones", () => {
    const heldOut = (count: number, extra: Record<string, unknown>[] = []) => {
      const task = taskOf([...extra, ...rows(count)], { heldOutFraction: 0.3 });
      return Array.from({ length: task.numProblems?.heldout ?? 0 }, (_, i) => task.generate(0, i, "heldout").id).sort();
    };
    const before = heldOut(60);
    expect(before.length).toBeGreaterThan(8);
    expect(before.length).toBeLessThan(28);
    expect(heldOut(60)).toEqual(before);
    expect(heldOut(80)).toEqual(expect.arrayContaining(before));
    const doubled = heldOut(60, rows(60));
    expect(doubled).toEqual([...before, ...before].sort());
  });

  it("leaves neither split of a small file empty unless told to", () => {
    expect(taskOf(rows(3), { heldOutFraction: 0.01 }).numProblems).toEqual({
      train: 2,
      heldout: 1,
    });
    expect(taskOf(rows(3), { heldOutFraction: 0.99 }).numProblems).toEqual({
      train: 1,
      heldout: 2,
    });
    const all = taskOf(rows(3), { heldOutFraction: 0 });
    expect(all.numProblems).toEqual({ train: 3, heldout: 0 });
    expect(() => all.generate(0, 0, "heldout")).toThrow(ConfigError);
  });

  it.each([
    [
      "a missing column",
      { prompt: "a", reply: "b" },
      /expected a column "answer" with the answer; the row has: prompt, reply/,
    ],
    ["an empty prompt", { prompt: " ", answer: "b" }, /column "prompt" must be a text or a number, got an empty text/],
    [
      "a null answer",
      { prompt: "a", answer: null },
      /expected a column "answer".*the row has: prompt, answer \(empty\)/,
    ],
    ["a list as answer", { prompt: "a", answer: [1] }, /column "answer" must be a text or a number, got a list: \[1\]/],
  ])("names the row of %s", (_, row, message) => {
    expect(() => taskOf([...rows(1), row])).toThrow(DataError);
    expect(() => taskOf([...rows(1), row])).toThrow(/^own\.csv:3: /);
    expect(() => taskOf([...rows(1), row])).toThrow(message);
  });

  it("refuses unknown options with the known ones", () => {
    expect(() => taskOf(rows(3), { column: "y" } as never)).toThrow(
      /unknown option "column"; known options: promptColumn, answerColumn/,
    );
  });

  it("reads columns of other names, and those of GSM8K", () => {
    const options = { promptColumn: "in", answerColumn: "out" };
    expect(
      taskOf(
        [
          { in: "a", out: "b" },
          { in: "c", out: "d" },
        ],
        options,
      ).numProblems,
    ).toEqual({ train: 1, heldout: 1 });
    const task = taskOf([{ question: "How many?", answer: "2 + 3 = 5\n#### 5" }], { heldOutFraction: 0 });
    expect(task.generate(0, 0, "train")).toMatchObject({ id: "How many?", answer: "5" });
  });

  it("takes rows without an answer where that is asked for: nothing verifies them, and alone none is held out", () => {
    const of = (given: readonly Record<string, unknown>[], options?: DataTaskOptions) =>
      createDataTask(
        given.map((row, i) => ({ row, where: `own.csv:${i + 2}` })),
        options,
        { withoutAnswer: true },
      );
    const open = of(rows(40).map(({ prompt }) => ({ prompt })));
    expect(open.numProblems).toEqual({ train: 40, heldout: 0 });
    expect(open.hasVerifier?.(open.generate(0, 0, "train"))).toBe(false);
    const mixed = of([...rows(40), { prompt: "And?" }]);
    expect(mixed.numProblems?.heldout).toBeGreaterThan(0);
    const verified = Array.from({ length: mixed.numProblems?.train ?? 0 }, (_, i) =>
      mixed.hasVerifier?.(mixed.generate(0, i, "train")),
    );
    expect(verified.filter((each) => !each)).toHaveLength(1);
    expect(() => taskOf([{ prompt: "And?" }])).toThrow('own.csv:2: expected a column "answer"');
  });

  it("grades a boxed answer outside the tags, whatever form its number has", () => {
    const task = taskOf([{ prompt: "How much?", answer: 1000 }], { heldOutFraction: 0 });
    const problem = task.generate(0, 0, "train");
    const grade = (text: string) => task.verify(problem, parseResponse(text).answer ?? "");
    for (const answer of ["1{,}000", "\\$1,000", "\\frac{2000}{2}", "10^3"])
      expect(grade(`<think>so</think> It is \\boxed{${answer}}.`)).toBe(1);
    expect(grade("<think>\\boxed{1000}</think> It is \\boxed{1001}.")).toBe(0);
    expect(grade("<think>\\boxed{1000}")).toBe(0);
  });

  it("compares numbers by value and words without case and spacing", () => {
    expect([
      matchesAnswer("0.5", "1/2"),
      matchesAnswer("Paris  France", " paris france"),
      matchesAnswer("7", "seven"),
      matchesAnswer("7", ""),
    ]).toEqual([1, 1, 0, 0]);
  });
});

describe("a named grader", () => {
  const graded = async (row: Record<string, unknown>, grader: "math" | "choice" | "exact" | "code", reply: string) => {
    const task = taskOf([row], { grader, heldOutFraction: 1 });
    await task.validate();
    const problem = task.generate(0, 0, "heldout");
    const [grade] = await gradeAnswers(task, [{ problem, answer: task.answerIn?.(problem, reply) ?? null }]);
    return [grade.score, grade.decidedBy];
  };

  it.each([
    ["math", { prompt: "2+2?", answer: "4" }, "So we get 4.0", [1, "value"]],
    ["math", { prompt: "2+2?", answer: "4" }, "So we get 5", [0, "different"]],
    ["choice", { question: "Which?", choices: ["x", "y"], answer: "B" }, "The answer is (B)", [1, "letter"]],
    ["choice", { question: "Which?", options: '["x", "y"]', answer: 1 }, "\\boxed{B}", [1, "letter"]],
    ["choice", { question: "Which?", choices: ["x", "y"], answer: "y" }, "\\boxed{A}", [0, "letter"]],
    ["exact", { prompt: "Say it", answer: "two  words" }, " two words\n", [1, "text"]],
    ["exact", { prompt: "Say it", answer: "two words" }, "Two words", [0, "text"]],
  ] as const)("%s judges %j: %j", async (grader, row, reply, grade) => {
    expect(await graded(row, grader, reply)).toEqual(grade);
  });

  it("code runs the program of a reply against the row's tests", async () => {
    const row = {
      prompt: "Write add(a, b).",
      language: "javascript",
      tests: [{ function: "add", arguments: [1, 2], expected: 3 }],
    };
    const reply = (operator: string) => `\`\`\`js\nfunction add(a, b) { return a ${operator} b; }\n\`\`\``;
    expect(await graded(row, "code", reply("+"))).toEqual([1, "tests"]);
    expect(await graded(row, "code", reply("-"))).toEqual([0, "test: wrong"]);
    expect(() => taskOf([{ ...row, language: "cobol" }], { grader: "code" })).toThrow(
      'own.csv:2: column "language" must be python or javascript, got "cobol"',
    );
    expect(() => taskOf([{ ...row, tests: [{ input: "1" }] }], { grader: "code" })).toThrow(
      /own\.csv:2: column "tests": test 1: expected \{input, output\}, .* got \{"input":"1"\}/,
    );
  });

  it("shows the choices below the question, and refuses an answer that is none of them", () => {
    const row = { question: "Which?", choices: ["x", "y"], answer: "B" };
    const task = taskOf([row], { grader: "choice", heldOutFraction: 1 });
    expect(task.renderPrompt(task.generate(0, 0, "heldout"), "plain")).toBe("Which?\n\nA) x\nB) y");
    expect(() => taskOf([{ ...row, answer: "C" }], { grader: "choice" })).toThrow(
      /own\.csv:2: the answer must be a letter of AB, a place from 0 to 1 or one of the choices, got "C"/,
    );
    expect(() => taskOf([{ question: "Which?", answer: "B" }], { grader: "choice" })).toThrow(
      /own\.csv:2: expected a column "choices" or "options"; the row has: question, answer/,
    );
  });
});
