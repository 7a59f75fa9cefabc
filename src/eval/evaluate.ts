// Sampling-based evaluation on held-out problems: pass@1, pass@k, cons@k, thinking length, format, with standard
// errors. Knows how to count; who samples is given to it.
import { type Problem, type SpokenTurn, sameAnswer, type Task } from "../tasks/task.js";

/** A sampled response as it is counted, and as it is kept. */
export interface SampledResponse {
  readonly text: string;
  /** What is graded; null where there was none. */
  readonly answer: string | null;
  readonly wellFormed: boolean;
  /** Tokens of thought, the tags not included. */
  readonly numThinking: number;
  /** What both sides said, where an environment answered; `text` is then the model's side alone. */
  readonly turns?: readonly SpokenTurn[];
}

/** Samples of one problem. */
export interface ProblemSamples {
  readonly problem: Problem;
  readonly responses: readonly SampledResponse[];
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

/** Standard errors of the counts; null where a single problem leaves them unknown. */
export type EvaluationErrors = { readonly [K in keyof EvaluationCounts]: number | null };

/** Counts with the standard errors of the means. */
export interface Evaluation extends EvaluationCounts {
  /** Distinct problems counted: the independent units of the standard errors. */
  readonly problems: number;
  readonly stderr: EvaluationErrors;
}

const KEYS = ["pass1", "passK", "consK", "meanThinkTokens", "formatRate"] as const;

/** Counts samples. Entries of the same problem are one cluster in the standard errors. */
export function evaluateSamples(task: Task, samples: readonly ProblemSamples[]): Evaluation {
  const rows = samples.map(({ problem, responses }) => countProblem(task, problem, responses));
  const clusters = samples.map(({ problem }) => problem.id);
  const of = <T>(reduce: (values: number[]) => T) =>
    Object.fromEntries(KEYS.map((k) => [k, reduce(rows.map((r) => r[k]))])) as Record<keyof EvaluationCounts, T>;
  return { ...of(mean), problems: new Set(clusters).size, stderr: of((values) => clusteredError(values, clusters)) };
}

function countProblem(task: Task, problem: Problem, responses: readonly SampledResponse[]): EvaluationCounts {
  const correct = responses.map(({ answer }) => (answer === null ? 0 : task.verify(problem, answer)));
  return {
    pass1: mean(correct),
    passK: Math.max(0, ...correct),
    consK: majority(
      responses.map(({ answer }) => answer),
      correct,
      (a, b) => sameAnswer(task, problem, a, b),
    ),
    meanThinkTokens: mean(responses.map(({ numThinking }) => numThinking)),
    formatRate: mean(responses.map(({ wellFormed }) => Number(wellFormed))),
  };
}

/** Correctness of the most frequent answer; samples without one do not vote. */
function majority(
  answers: readonly (string | null)[],
  correct: readonly number[],
  same: (a: string, b: string) => boolean,
): number {
  const parties: { answer: string; count: number; correct: number }[] = [];
  answers.forEach((answer, i) => {
    if (answer === null) return;
    const party = parties.find((other) => same(other.answer, answer));
    if (party) party.count++;
    else parties.push({ answer, count: 1, correct: correct[i] });
  });
  return parties.reduce((best, party) => (party.count > best.count ? party : best), { count: 0, correct: 0 }).correct;
}

function mean(values: readonly number[]): number {
  return values.length ? values.reduce((a, b) => a + b, 0) / values.length : 0;
}

/**
 * Standard error of the mean when values of one cluster depend on each other (the sandwich estimator with G/(G-1));
 * null for one cluster.
 */
function clusteredError(values: readonly number[], clusters: readonly string[]): number | null {
  const m = mean(values);
  const sums = new Map<string, number>();
  values.forEach((value, i) => {
    sums.set(clusters[i], (sums.get(clusters[i]) ?? 0) + value - m);
  });
  if (sums.size < 2) return null;
  const squares = [...sums.values()].reduce((total, sum) => total + sum ** 2, 0);
  return Math.sqrt((squares * sums.size) / (sums.size - 1)) / values.length;
}
