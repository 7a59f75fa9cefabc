// Counting of graded samples: pass@1, pass@k, cons@k, thinking length, format, with standard errors. Knows how to
// count; who samples is given to it.
import type { FinishReason } from "../inference/runtime/request.js";
import { clusteredError, type Estimate, mean, passAtK, passCounts, ratioEstimate } from "../statistics.js";
import { gradeAnswers } from "../tasks/grade-answers.js";
import { type Grade, type Problem, type SpokenTurn, sameAnswer, type Task } from "../tasks/task.js";

/** A sampled response. */
export interface SampledResponse {
  readonly text: string;
  /** What is graded; null where there was none. */
  readonly answer: string | null;
  readonly wellFormed: boolean;
  /** Tokens of thought, the tags not included. */
  readonly numThinking: number;
  /** All new tokens of the model. */
  readonly numTokens: number;
  /** Why it ended; "length": it was cut off. */
  readonly finishReason: FinishReason;
  /** What both sides said, where an environment answered; `text` is then the model's side alone. */
  readonly turns?: readonly SpokenTurn[];
}

/** A response with its grade, as it is counted, and as it is kept. */
export interface GradedResponse extends SampledResponse, Grade {}

/** Samples of one problem. */
export interface ProblemSamples<R extends SampledResponse = SampledResponse> {
  readonly problem: Problem;
  readonly responses: readonly R[];
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
  /** Mean number of new tokens of a sample. */
  readonly meanTokens: number;
  /** Fraction of samples that the limit of tokens cut off. */
  readonly truncatedRate: number;
  /** Fraction of samples that are well formed. */
  readonly formatRate: number;
}

/** Standard errors of the counts; null where a single problem leaves them unknown. */
export type EvaluationErrors = { readonly [K in keyof EvaluationCounts]: number | null };

/** pass@k for one k, without bias: the mean over problems of 1 − C(n−c, k)/C(n, k). */
export interface PassAt extends Estimate {
  readonly k: number;
}

/** Counts with the standard errors of the means. */
export interface Evaluation extends EvaluationCounts {
  /** Distinct problems counted: the independent units of the standard errors. */
  readonly problems: number;
  readonly stderr: EvaluationErrors;
  /** For k = 1, 2, 4, … and all samples. */
  readonly passAt: readonly PassAt[];
  /** What the grader counts besides, over all samples: the share of all instructions that are followed, say. */
  readonly shares: Readonly<Record<string, Estimate>>;
}

const KEYS = ["pass1", "passK", "consK", "meanThinkTokens", "meanTokens", "truncatedRate", "formatRate"] as const;

/** Grades samples and counts them. Entries of the same problem are one cluster in the standard errors. */
export async function evaluateSamples(task: Task, samples: readonly ProblemSamples[]): Promise<Evaluation> {
  const given = samples.flatMap(({ problem, responses }) => responses.map(({ answer }) => ({ problem, answer })));
  const grades = await gradeAnswers(task, given);
  const graded = samples.map(({ problem, responses }) => ({
    problem,
    responses: responses.map((response) => ({ ...response, ...(grades.shift() as Grade) })),
  }));
  return countSamples(task, graded);
}

/**
 * Counts graded samples. Entries of the same problem are one cluster in the standard errors. `rows`: what
 * `countProblem` gave for each, where that is known.
 */
export function countSamples(
  task: Task,
  samples: readonly ProblemSamples<GradedResponse>[],
  rows: readonly EvaluationCounts[] = samples.map((each) => countProblem(task, each)),
): Evaluation {
  const clusters = samples.map(({ problem }) => problem.id);
  const of = <T>(reduce: (values: number[]) => T) =>
    Object.fromEntries(KEYS.map((k) => [k, reduce(rows.map((r) => r[k]))])) as Record<keyof EvaluationCounts, T>;
  return {
    ...of(mean),
    problems: new Set(clusters).size,
    stderr: of((values) => clusteredError(values, clusters)),
    passAt: passAts(samples, clusters),
    shares: sharesOf(samples),
  };
}

/** The counts of one problem. */
export function countProblem(task: Task, { problem, responses }: ProblemSamples<GradedResponse>): EvaluationCounts {
  const correct = responses.map(({ score }) => score);
  const meanOf = (value: (response: GradedResponse) => number) => mean(responses.map(value));
  return {
    pass1: mean(correct),
    passK: Math.max(0, ...correct),
    consK: majorityScore(
      responses.map(({ answer }) => answer),
      correct,
      (a, b) => sameAnswer(task, problem, a, b),
    ),
    meanThinkTokens: meanOf(({ numThinking }) => numThinking),
    meanTokens: meanOf(({ numTokens }) => numTokens),
    truncatedRate: meanOf(({ finishReason }) => Number(finishReason === "length")),
    formatRate: meanOf(({ wellFormed }) => Number(wellFormed)),
  };
}

/** For the k that all problems have samples for. */
function passAts(samples: readonly ProblemSamples<GradedResponse>[], clusters: readonly string[]): PassAt[] {
  const fewest = Math.min(...samples.map(({ responses }) => responses.length));
  return (fewest >= 1 && Number.isFinite(fewest) ? passCounts(fewest) : []).map((k) => {
    const values = samples.map(({ responses }) => {
      const right = responses.filter(({ score }) => score === 1).length;
      return passAtK(responses.length, right, k);
    });
    return { k, value: mean(values), stderr: clusteredError(values, clusters) };
  });
}

/** Each share over all samples; problems are the independent units. */
function sharesOf(samples: readonly ProblemSamples<GradedResponse>[]): Record<string, Estimate> {
  const names = new Set(
    samples.flatMap(({ responses }) => responses.flatMap(({ shares = {} }) => Object.keys(shares))),
  );
  const total = (responses: readonly GradedResponse[], name: string, part: "number" | "of") =>
    responses.reduce((sum, { shares }) => sum + (shares?.[name]?.[part] ?? 0), 0);
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      ratioEstimate(
        samples.map(({ responses }) => total(responses, name, "number")),
        samples.map(({ responses }) => total(responses, name, "of")),
      ),
    ]),
  );
}

/** Score of the most frequent answer; samples without one do not vote. */
function majorityScore(
  answers: readonly (string | null)[],
  scores: readonly number[],
  same: (a: string, b: string) => boolean,
): number {
  const parties: { answer: string; count: number; score: number }[] = [];
  answers.forEach((answer, i) => {
    if (answer === null) return;
    const party = parties.find((other) => same(other.answer, answer));
    if (party) party.count++;
    else parties.push({ answer, count: 1, score: scores[i] });
  });
  return parties.reduce((best, party) => (party.count > best.count ? party : best), { count: 0, score: 0 }).score;
}
