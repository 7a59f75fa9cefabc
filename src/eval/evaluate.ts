// Sampling-based evaluation on held-out problems: pass@1, pass@k, cons@k, thinking length, format, with standard errors.
// Knows how to count; who samples is given to it.
import { parseResponse } from "../tasks/response.js";
import type { Problem, Task } from "../tasks/task.js";

/** Samples of one problem. */
export interface ProblemSamples {
  readonly problem: Problem;
  readonly completions: readonly string[];
}

/** Means over problems. */
export interface EvaluationCounts {
  /** Mean correctness of single samples. */
  readonly pass1: number;
  /** Fraction of problems with at least one correct sample among the k. */
  readonly passK: number;
  /** Fraction of problems whose most frequent answer is correct (ties: the one sampled first). */
  readonly consK: number;
  /** Mean length of the thinking block, in tokens. */
  readonly meanThinkTokens: number;
  /** Fraction of samples that are well formed. */
  readonly formatRate: number;
}

/** Counts with the standard errors of the means, problems being the independent units. */
export interface Evaluation extends EvaluationCounts {
  readonly stderr: EvaluationCounts;
}

/** Counts samples. `countTokens` measures thinking text. */
export function evaluateSamples(task: Task, samples: readonly ProblemSamples[], countTokens: (text: string) => number): Evaluation {
  const rows = samples.map(({ problem, completions }) => countProblem(task, problem, completions, countTokens));
  const keys = ["pass1", "passK", "consK", "meanThinkTokens", "formatRate"] as const;
  const of = (reduce: (values: number[]) => number) => Object.fromEntries(keys.map((k) => [k, reduce(rows.map((r) => r[k]))])) as unknown as EvaluationCounts;
  return { ...of(mean), stderr: of(standardError) };
}

function countProblem(task: Task, problem: Problem, completions: readonly string[], countTokens: (text: string) => number): EvaluationCounts {
  const parsed = completions.map((text) => parseResponse(text));
  const correct = parsed.map(({ answer }) => (answer === null ? 0 : task.verify(problem, answer)));
  return {
    pass1: mean(correct),
    passK: Math.max(0, ...correct),
    consK: majority(
      parsed.map((p) => p.answer),
      correct,
    ),
    meanThinkTokens: mean(parsed.map(({ think }) => (think === null ? 0 : countTokens(think)))),
    formatRate: mean(parsed.map(({ wellFormed }) => Number(wellFormed))),
  };
}

/** Correctness of the most frequent answer; samples without one do not vote. */
function majority(answers: readonly (string | null)[], correct: readonly number[]): number {
  const votes = new Map<string, { count: number; correct: number }>();
  answers.forEach((answer, i) => {
    if (answer === null) return;
    const key = answer.replaceAll(/\s/g, "");
    const entry = votes.get(key) ?? { count: 0, correct: correct[i] };
    entry.count++;
    votes.set(key, entry);
  });
  let best = { count: 0, correct: 0 };
  for (const entry of votes.values()) if (entry.count > best.count) best = entry;
  return best.correct;
}

function mean(values: readonly number[]): number {
  return values.length ? values.reduce((a, b) => a + b, 0) / values.length : 0;
}

function standardError(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const m = mean(values);
  return Math.sqrt(values.reduce((sum, v) => sum + (v - m) ** 2, 0) / (values.length - 1) / values.length);
}
