// The pages of evaluations: true to the record, safe with hostile texts, and a comparison that is paired.
import { describe, expect, test } from "vitest";
import type { EvaluationRecord, PartRecord, QuestionRecord } from "../evaluation-record.js";
import type { KeptSample } from "../evaluation-run.js";
import { compareAll, renderComparison } from "./comparison-page.js";
import { renderEvaluation } from "./evaluation-page.js";
import type { KeptEvaluation } from "./kept-evaluation.js";
import { curveChart } from "./pieces.js";

const hostile = `</script><img src=x onerror='alert(1)'>`;

const question = (id: string, scores: readonly number[], gold = "42"): QuestionRecord => ({
  ...{ id, question: `What is ${id}?`, gold, difficulty: 0 },
  pass1: scores.reduce((a, b) => a + b, 0) / scores.length,
  consK: scores.filter((score) => score === 1).length * 2 > scores.length ? 1 : 0,
  samples: scores.map((score) => ({
    ...{ answer: score === 1 ? gold : "7", score, decidedBy: "value", numTokens: 20, numThinking: 10 },
    ...{ finishReason: "stop", wellFormed: true },
  })),
});

function part(task: string, questions: readonly QuestionRecord[], more: Partial<PartRecord> = {}): PartRecord {
  const pass1 = questions.reduce((sum, each) => sum + each.pass1, 0) / questions.length;
  const counts = { pass1, passK: 1, consK: 0.5, meanThinkTokens: 10, meanTokens: 20, truncatedRate: 0, formatRate: 1 };
  const errors = Object.fromEntries(Object.keys(counts).map((key) => [key, 0.05])) as unknown as PartRecord["stderr"];
  return {
    ...{
      task,
      title: task.toUpperCase(),
      grader: "math",
      source: null,
      samplesPerProblem: 2,
      problems: questions.length,
    },
    ...counts,
    stderr: errors,
    passAt: [
      { k: 1, value: pass1, stderr: 0.05 },
      { k: 2, value: 0.875, stderr: 0.125 },
    ],
    ...{ shares: {}, intervals: { pass1: [0.25, 0.75], consK: [0, 1] }, curve: [], contamination: null, questions },
    ...more,
  };
}

function kept(name: string, evaluations: readonly PartRecord[]): KeptEvaluation {
  const samples = evaluations.flatMap(({ task, questions }) =>
    questions.flatMap(({ id, samples: each }, index) =>
      each.map(
        (figures, sample): KeptSample =>
          ({
            ...figures,
            ...{ part: task, index, problem: id, sample, text: `thought of ${name}</think>I say ${figures.answer}` },
          }) as KeptSample,
      ),
    ),
  );
  const record: EvaluationRecord = {
    ...{ luciole: "1.2.3", grader: "4", model: "/models/a/small", adapter: null, protocol: "r1", template: "chat" },
    ...{ temperature: 0.6, topP: 0.95, topK: 0, maxNewTokens: 100, seed: 3, evaluations },
  };
  return { path: `/runs/${name}`, name, startedAt: "2026-07-04T09:05:03.000Z", record, samples };
}

const textOf = (html: string) =>
  html
    .replaceAll(/<style>.*?<\/style>|<script.*?<\/script>/gs, "")
    .replaceAll(/<[^>]+>/g, " ")
    .replaceAll(/\s+/g, " ");

describe("the page of an evaluation", () => {
  const html = renderEvaluation(
    kept("first", [part("aime", [question("easy", [1, 1]), question("hard", [0, 0]), question("even", [0, 1])])]),
  );

  test("tells what was counted", () => {
    const text = textOf(html);
    expect(text).toContain("a/small solves 50.0% of AIME.");
    expect(text).toContain("protocol r1 · temperature 0.6 · top-p 0.95 · up to 100 new tokens");
    expect(text).toContain("3 questions × 2 50.0% ± 5.0");
    expect(text).toContain("87.5% ± 12.5");
    expect(text).toContain("Luciole 1.2.3 grader 4");
  });

  test("shows the hardest questions first, with what decided", () => {
    expect(html.indexOf("What is hard?")).toBeLessThan(html.indexOf("What is even?"));
    const text = textOf(html);
    expect(text).toContain("What is hard? 42 7 (2 ×) 0 of 2");
    expect(text).toContain(
      "Sample 1 ✗ wrong · 20 tokens thinking thought of first I say 7 answer 7 , decided by value",
    );
    expect(text).toContain("Sample 2 ✓ right");
    expect(html).not.toContain("What is easy?");
  });

  test("escapes what models and data say", () => {
    const page = renderEvaluation(
      kept("x", [part("aime", [{ ...question("q", [0, 1], hostile), question: hostile }])]),
    );
    expect(page).not.toContain("<img");
  });
});

test("a curve joins budgets by their tokens, with a band", () => {
  const point = (meanTokens: number, value: number) => ({
    ...{ budget: 8, meanTokens, forcedRate: 1 },
    pass1: { value, stderr: 0.125 },
  });
  const { steps, series } = curveChart("c", "AIME", [
    { name: "a", color: "muted", curve: [point(10, 0.25), point(30.4, 0.5)] },
    { name: "b", color: "accent", curve: [point(20, 0.5)] },
  ]);
  expect(steps).toEqual([10, 20, 30]);
  expect(series.map(({ values }) => values)).toEqual([
    [0.25, null, 0.5],
    [null, 0.5, null],
  ]);
  expect(series[1].band).toEqual([
    [null, 0.25, null],
    [null, 0.75, null],
  ]);
});

describe("a comparison", () => {
  const ids = Array.from({ length: 20 }, (_, i) => `q${i}`);
  const first = kept("before", [part("aime", [...ids.map((id) => question(id, [0, 0])), question("gone", [1, 1])])]);
  const second = kept("after", [
    part(
      "aime",
      ids.map((id, i) => question(id, i < 15 ? [1, 1] : [0, 0])),
    ),
  ]);

  test("is of the questions that both have, each with itself", () => {
    const [{ compared }] = compareAll([first, second]);
    expect(compared).toMatchObject({ questions: 20, unpaired: 1, pass1: { difference: { value: 0.75 } } });
    const text = textOf(renderComparison([first, second], compareAll([first, second])));
    expect(text).toContain("after is 75.0 points above before on AIME.");
    expect(text).toContain("+75.0 pts ± 9.9 0 / 15 &lt; 0.001");
    expect(text).toContain("before: 0 of 2 right ✗ wrong");
    expect(text).toContain("after: 2 of 2 right ✓ right");
  });

  test.each([
    ["no suite in common", [first, kept("other", [part("gpqa", [question("q0", [1])])])], "share no suite or task"],
    ["itself", [first, first], "cannot be compared with itself"],
    ["no question in common", [first, kept("other", [part("aime", [question("new", [1])])])], "share no question"],
  ])("of what does not belong together is refused: %s", (_, all, message) => {
    expect(() => compareAll(all)).toThrow(message);
  });
});
