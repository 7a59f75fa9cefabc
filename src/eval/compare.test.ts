// Claims about comparisons: pairs are the same questions, and differences and tests are those of a computation by hand.
import { describe, expect, it } from "vitest";
import { compareEvaluations } from "./compare.js";
import type { EvaluationRecord, QuestionRecord } from "./evaluation-record.js";

const questionOf = (id: string, scores: readonly number[], consK: number, gold = "1"): QuestionRecord => ({
  ...{ id, question: `What is ${id}?`, gold, difficulty: 0, consK },
  pass1: scores.reduce((a, b) => a + b, 0) / scores.length,
  samples: scores.map((score, i) => ({
    ...{ answer: "1", score, decidedBy: "form", numTokens: 10 * (i + 1), numThinking: 0, wellFormed: true },
    finishReason: "stop" as const,
  })),
});
// Comparisons read questions alone.
const recordOf = (task: string, questions: readonly QuestionRecord[]) =>
  ({ evaluations: [{ task, title: task, questions }] }) as unknown as EvaluationRecord;

describe("a comparison", () => {
  const first = recordOf("gsm8k", [
    questionOf("a", [1, 1, 0, 0], 1),
    questionOf("b", [0, 0, 0, 0], 0),
    questionOf("c", [1, 0, 0, 0], 0),
    questionOf("d", [1, 1, 1, 1], 1),
    questionOf("only first", [1], 1),
  ]);
  const second = recordOf("gsm8k", [
    questionOf("d", [1, 1, 1, 0], 1),
    questionOf("c", [1, 1, 1, 0], 1),
    questionOf("b", [1, 1, 0, 0], 1),
    questionOf("a", [1, 1, 1, 0], 1),
  ]);

  it("is of the shared questions, whatever their order", () => {
    const [{ questions, unpaired, pass1, consK, mcNemar, tokens }] = compareEvaluations(first, second);
    expect([questions, unpaired]).toEqual([4, 1]);
    expect([pass1.first, pass1.second]).toEqual([(0.5 + 0 + 0.25 + 1) / 4, (0.75 + 0.5 + 0.75 + 0.75) / 4]);
    const differences = [0.25, 0.5, 0.5, -0.25];
    const mean = differences.reduce((a, b) => a + b) / 4;
    const variance = differences.reduce((sum, each) => sum + (each - mean) ** 2, 0) / 3;
    expect(pass1.difference.value).toBeCloseTo(mean, 12);
    expect(pass1.difference.stderr).toBeCloseTo(Math.sqrt(variance / 4), 12);
    expect(pass1.interval[0]).toBeLessThan(mean);
    expect(pass1.interval[1]).toBeGreaterThan(mean);
    expect(consK.difference.value).toBe(0.5);
    // Two questions out of two went to the second: 2 · (1/2)².
    expect(mcNemar).toEqual({ bothRight: 2, onlyFirst: 0, onlySecond: 2, bothWrong: 0, pValue: 0.5 });
    expect(tokens.value).toBe(0);
  });

  it("turns round with its sides", () => {
    const [[one], [other]] = [compareEvaluations(first, second), compareEvaluations(second, first)];
    expect(other.pass1.difference.value).toBeCloseTo(-one.pass1.difference.value, 12);
    expect(other.mcNemar).toEqual({ ...one.mcNemar, onlyFirst: 2, onlySecond: 0 });
  });

  it("takes no question for another one: words and gold answer must be the same", () => {
    const changed = recordOf("gsm8k", [questionOf("a", [1], 1, "2"), questionOf("b", [1], 1)]);
    expect(compareEvaluations(first, changed)[0]).toMatchObject({ questions: 1, unpaired: 5 });
  });

  it("without a shared suite or question is refused", () => {
    expect(() => compareEvaluations(first, recordOf("aime-2025", []))).toThrow(
      "the evaluations share no suite or task: one has gsm8k, the other aime-2025",
    );
    expect(() => compareEvaluations(first, recordOf("gsm8k", [questionOf("z", [1], 1)]))).toThrow(
      /^gsm8k: the evaluations share no question; evaluate both with the same/,
    );
  });
});
