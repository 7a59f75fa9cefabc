// A distillation as a list of stages: evaluate, let the teacher answer, train the student on the answers, evaluate.
// Knows not where models and problems come from.
import type { Evaluation } from "../eval/evaluate.js";
import type { Policy } from "../eval/rollout.js";
import { contextOf } from "../models/rope-scaling.js";
import type { AnswerCounts } from "../rl/answer-filter.js";
import { type EvaluationStage, evaluationStage } from "../rl/evaluation-stage.js";
import { keptRowsPath, type RejectionStage, rejectionStage } from "../rl/rejection-stage.js";
import type { RunSummary, TrainingSummary } from "../run/records.js";
import type { Task } from "../tasks/task.js";
import { readExamples } from "../train/example-data.js";
import { firstOf } from "../train/sequence-list.js";
import type { SessionParts, TrainingSession } from "../train/session.js";
import { ShuffledSequences } from "../train/shuffled-sequences.js";
import { performStages, type Stage } from "../train/stage.js";
import type { TrainRunRequest } from "../train/train-run.js";
import { summariseTraining } from "../train/train-run.js";
import { type PreparedTraining, preparedStage, type TrainingStage } from "../train/training-stage.js";
import { tokenRate } from "../train/work-count.js";
import type { DistillOptions } from "./options.js";
import { domainOf, type TeacherSource, Teachers } from "./teachers.js";

/** What is to be distilled, into what. */
export interface Distillation {
  /** The student. */
  readonly policy: Policy;
  readonly teachers: readonly TeacherSource[];
  readonly task: Task;
  /** Whether held-out problems are there to evaluate on. */
  readonly isEvaluated: boolean;
  /** Training problems. */
  readonly problems: number;
  /** Tokens of an answer at most. */
  readonly maxCompletionLength: number;
  readonly options: DistillOptions;
}

/** What a finished distillation counts about itself. */
export interface DistilledFigures {
  readonly method: DistillOptions["method"];
  /** Answers of the teachers. */
  readonly answers: AnswerCounts;
  /** The last validation loss of the student. */
  readonly valLoss: number | null;
}

/** summary.json of a distillation: with evaluations before and after, or of the training alone. */
export type DistillSummary = (RunSummary | TrainingSummary) & DistilledFigures;

/** The stages, in their order. */
export interface DistillationStages {
  readonly base: EvaluationStage;
  readonly samples: RejectionStage;
  readonly learn: TrainingStage;
  readonly final: EvaluationStage;
}

/** The stages of a distillation. */
export function distillationStages(distillation: Distillation): DistillationStages {
  const { policy, task, maxCompletionLength, options } = distillation;
  const evaluated = { policy, task, grpo: { maxCompletionLength }, evaluation: options.evaluation };
  const samples = samplesStage("samples", distillation);
  const learn = preparedStage({ name: "distill", phase: "sft" }, (session) =>
    prepare(session, distillation, keptRowsPath(session.parts.run.path, samples.name)),
  );
  return {
    base: evaluationStage("base", evaluated, { step: 0 }),
    samples,
    learn,
    final: evaluationStage("final", evaluated, learn.state),
  };
}

/** The teachers' answers, of which those that pass the filter are kept as rows. */
function samplesStage(name: string, distillation: Distillation): RejectionStage {
  const { policy, teachers, task, problems, maxCompletionLength, options } = distillation;
  const { samplesPerProblem, temperature, topP, maxSequences } = options.sampling;
  return rejectionStage(name, {
    answerers: () => Teachers.open(teachers, task, options.template),
    ...{ task, problems, samplesPerProblem, temperature, topP, maxSequences },
    maxNewTokens: maxCompletionLength,
    groupOf: (problem) => domainOf(task, problem),
    rules: options.filter,
    learner: { ...policy, maxTokens: contextOf(policy.model.config) },
    mend:
      `raise sampling.problems (now ${problems}), sampling.samplesPerProblem (now ${samplesPerProblem}) or ` +
      `sampling.maxCompletionLength (now ${maxCompletionLength}), or loosen filter.right, filter.form or ` +
      "filter.language",
  });
}

/** At most so many held-out answers have their loss taken. */
const MAX_VALIDATION = 64;

async function prepare(
  session: TrainingSession,
  { policy, options }: Distillation,
  rows: string,
): Promise<PreparedTraining> {
  const { epochs, steps, validationFraction, ...training } = options.train;
  const { train, heldout } = await readExamples([rows], policy.tokenizer, {
    heldOutFraction: validationFraction,
    maxTokens: contextOf(policy.model.config),
    note: (line) => session.parts.progress.note(line),
  });
  return {
    data: new ShuffledSequences(train, session.parts.seed),
    options: {
      ...training,
      phase: "sft",
      steps: steps ?? Math.ceil((epochs * train.length) / training.batchSequences),
      validation: firstOf(heldout, MAX_VALIDATION),
      learningRateName: "train.learningRate",
    },
  };
}

/** What a run is made of. The student's model is disposed at its end. */
export interface DistillRunRequest
  extends Distillation,
    Omit<SessionParts, "model" | "tokenizer">,
    Pick<TrainRunRequest, "checkpoint"> {}

/**
 * Runs, or goes on from the checkpoint; writes summary and report. Throws Interrupted (state saved) when the signal
 * fires, TrainingError where no answer is kept.
 */
export function distillRun({ checkpoint, ...request }: DistillRunRequest): Promise<DistillSummary> {
  const { model, tokenizer } = request.policy;
  const stages = distillationStages(request);
  const { base, samples, learn, final } = stages;
  const list: Stage[] = request.isEvaluated ? [base, samples, learn, final] : [samples, learn];
  return performStages({ ...request, model, tokenizer }, list, checkpoint, (session) =>
    summarise(session, stages, request),
  );
}

function summarise(
  session: TrainingSession,
  { base, samples, learn, final }: DistillationStages,
  { options, isEvaluated }: Distillation,
): DistillSummary {
  const training = summariseTraining(session, learn);
  const figures = { method: options.method, answers: samples.state.total, valLoss: training.valLoss };
  if (!isEvaluated) return { ...training, ...figures };
  const { seed, params, activeParams, wallSeconds, peakRssBytes, mfu, runDir } = training;
  const [before, after] = [base, final].map(({ state }) => state.evaluation as Evaluation);
  return {
    ...{ base: before, final: after, problems: after.problems },
    samplesPerProblem: options.evaluation.samplesPerProblem,
    ...{ seed, params, activeParams, wallSeconds, peakRssBytes, mfu, runDir },
    pretrainTokens: 0,
    rlSteps: 0,
    tokensPerSecond: { pretrain: null, rollout: null, train: tokenRate(learn.state.work) },
    ...figures,
  };
}
