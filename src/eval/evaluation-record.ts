// What an evaluation leaves behind: one JSON object with all that was counted and how, and what it was counted from.
// Comparisons and reports read it. The texts of the samples stand in `sampled.jsonl` beside it.

import { bootstrapInterval, clusteredError, type Estimate, type Interval, mean } from "../statistics.js";
import { GRADER_VERSION } from "../tasks/grading/grade.js";
import type { ContaminationReport } from "./contamination.js";
import { countProblem, countSamples, type Evaluation } from "./evaluate.js";
import type { EvaluationPart, KeptSample, PartSamples } from "./evaluation-run.js";
import type { PromptStyle } from "./problem-prompt.js";
import type { ProtocolName } from "./protocol.js";

/** How a model was sampled. */
export interface SamplingRecord {
  readonly protocol: ProtocolName | null;
  readonly template: PromptStyle;
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly maxNewTokens: number;
  readonly seed: number;
}

/** A file of a data set, with the SHA-256 of its contents. */
export interface DataFileRecord {
  readonly path: string;
  readonly sha256: string;
}

/** Where the questions came from; null for a task that makes them. */
export interface SourceRecord {
  /** A suite's data set on the hub, as its file in `src/tasks/suites` names it; absent for a person's own files. */
  readonly repo?: string;
  readonly revision?: string;
  readonly licence?: string;
  readonly files: readonly DataFileRecord[];
}

/** What is known of a sample besides its text. */
export type SampleFigures = Pick<
  KeptSample,
  "answer" | "score" | "decidedBy" | "numTokens" | "numThinking" | "finishReason" | "wellFormed" | "shares"
>;

/** One question with what came of it. */
export interface QuestionRecord {
  readonly id: string;
  readonly question: string;
  /** The gold answer; "" where there is none. */
  readonly gold: string;
  readonly difficulty: number;
  /** Mean score of its samples. */
  readonly pass1: number;
  /** Score of the most frequent answer. */
  readonly consK: number;
  readonly samples: readonly SampleFigures[];
}

/** Accuracy within a budget of thinking tokens. */
export interface BudgetPoint {
  readonly budget: number;
  readonly pass1: Estimate;
  /** New tokens of a sample, thought and answer. */
  readonly meanTokens: number;
  /** Share of the samples whose thought was cut. */
  readonly forcedRate: number;
}

/** The evaluation of one suite, task or data set. */
export interface PartRecord extends Evaluation {
  /** The suite's or the task's name. */
  readonly task: string;
  /** As papers call the suite; otherwise the task's name. */
  readonly title: string;
  readonly grader: string;
  readonly source: SourceRecord | null;
  readonly samplesPerProblem: number;
  /** 95% intervals by the bootstrap over questions. */
  readonly intervals: { readonly pass1: Interval; readonly consK: Interval };
  /** Empty where no budgets were asked for. */
  readonly curve: readonly BudgetPoint[];
  /** null where no training data was given to look into. */
  readonly contamination: ContaminationReport | null;
  readonly questions: readonly QuestionRecord[];
}

/** `evaluation.json`. The same model, request and version give the same bytes, however often the run was resumed. */
export interface EvaluationRecord extends SamplingRecord {
  /** Version of the package, and of its math grader. */
  readonly luciole: string;
  readonly grader: string;
  readonly model: string;
  readonly adapter: string | null;
  readonly evaluations: readonly PartRecord[];
}

/** What is said of a part besides what its samples tell. */
export type PartFacts = Pick<PartRecord, "title" | "grader" | "source" | "contamination">;

/** A part with its samples as it is recorded. */
export function partRecord(part: EvaluationPart, samples: PartSamples, facts: PartFacts): PartRecord {
  const { task, name, samplesPerProblem } = part;
  const counts = samples.map((each) => countProblem(task, each));
  const questions = samples.map(({ problem, responses }, i): QuestionRecord => {
    const { pass1, consK } = counts[i];
    const { id, answer: gold, difficulty } = problem;
    const question = task.renderPrompt(problem, "plain");
    return { id, question, gold, difficulty, pass1, consK, samples: responses.map(figuresOf) };
  });
  return {
    task: name,
    ...facts,
    samplesPerProblem,
    ...countSamples(task, samples, counts),
    intervals: {
      pass1: bootstrapInterval(questions.map(({ pass1 }) => pass1)),
      consK: bootstrapInterval(questions.map(({ consK }) => consK)),
    },
    curve: curveOf(samples),
    questions,
  };
}

/** The record of an evaluation. */
export const evaluationRecord = (
  model: { readonly luciole: string; readonly model: string; readonly adapter: string | null },
  sampling: SamplingRecord,
  evaluations: readonly PartRecord[],
): EvaluationRecord => ({ ...model, grader: GRADER_VERSION, ...sampling, evaluations });

const figuresOf = (sample: KeptSample): SampleFigures => {
  const { answer, score, decidedBy, numTokens, numThinking, finishReason, wellFormed, shares } = sample;
  return { answer, score, decidedBy, numTokens, numThinking, finishReason, wellFormed, ...(shares && { shares }) };
};

/** Accuracy within each budget. */
function curveOf(samples: PartSamples): BudgetPoint[] {
  const budgets = samples[0]?.responses[0]?.budgets?.map(({ budget }) => budget) ?? [];
  const clusters = samples.map(({ problem }) => problem.id);
  return budgets.map((budget, i) => {
    const rows = samples.map(({ responses }) => responses.flatMap(({ budgets: each = [] }) => each[i] ?? []));
    const scores = rows.map((row) => mean(row.map(({ score }) => score)));
    return {
      budget,
      pass1: { value: mean(scores), stderr: clusteredError(scores, clusters) },
      meanTokens: mean(rows.map((row) => mean(row.map(({ numTokens }) => numTokens)))),
      forcedRate: mean(rows.map((row) => mean(row.map(({ isForced }) => Number(isForced))))),
    };
  });
}
