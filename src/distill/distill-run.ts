// A distillation as a list of stages: evaluate, let the teacher answer, train the student on the answers, evaluate.
// Knows not where models and problems come from.
import type { Evaluation } from "../eval/evaluate.js";
import { openToJudge } from "../inference/opening/open-model.js";
import { contextOf } from "../models/rope-scaling.js";
import type { AnswerCounts } from "../rl/answer-filter.js";
import { type Evaluated, type EvaluationStage, evaluationStage } from "../rl/evaluation-stage.js";
import { type ReinforcementStage, roundsStage } from "../rl/reinforcement-stage.js";
import { keptRowsPath, type RejectionStage, rejectionStage } from "../rl/rejection-stage.js";
import type { RunSummary, TrainingSummary } from "../run/records.js";
import { readExamples } from "../train/example-data.js";
import { firstOf } from "../train/sequence-list.js";
import type { SessionParts, TrainingSession } from "../train/session.js";
import { ShuffledSequences } from "../train/shuffled-sequences.js";
import { performStages, type Stage } from "../train/stage.js";
import type { TrainRunRequest } from "../train/train-run.js";
import { summariseTraining } from "../train/train-run.js";
import { type PreparedTraining, preparedStage, type TrainingStage } from "../train/training-stage.js";
import { tokenRate } from "../train/work-count.js";
import { type Distillation, MAX_VALIDATION, trainingOf } from "./distillation.js";
import { logitsStage, targetsStage } from "./logits-stages.js";
import { OnPolicyTrainer } from "./on-policy-trainer.js";
import { type DistillOptions, onPolicyConfig } from "./options.js";
import { domainOf, Teachers } from "./teachers.js";

/** What a finished distillation counts about itself. */
export interface DistilledFigures {
  readonly method: DistillOptions["method"];
  /** Answers of the teachers; null where the student sampled. */
  readonly answers: AnswerCounts | null;
  /** The last validation loss of the student; null without one. */
  readonly valLoss: number | null;
}

/** summary.json of a distillation: with evaluations before and after, or of the training alone. */
export type DistillSummary = (RunSummary | TrainingSummary) & DistilledFigures;

/** The stages, in their order. */
export interface DistillationStages {
  readonly base: EvaluationStage;
  /** What the student learns from, where a teacher answers. */
  readonly samples: RejectionStage | null;
  /** All stages between the evaluations; the last is that in which the student learns. */
  readonly lessons: readonly Stage[];
  readonly learn: TrainingStage | ReinforcementStage;
  readonly final: EvaluationStage;
}

/** The stages of a distillation. */
export function distillationStages(distillation: Distillation): DistillationStages {
  const evaluated = evaluatedOf(distillation);
  const { samples, asked, learn } = lessonsOf(distillation);
  return {
    base: evaluationStage("base", evaluated, { step: 0 }),
    ...{ samples, learn },
    lessons: [samples, asked, learn].filter((stage) => stage !== null),
    final: evaluationStage("final", evaluated, learn.state),
  };
}

const evaluatedOf = ({ policy, task, maxCompletionLength, options }: Distillation): Evaluated => ({
  ...{ policy, task, grpo: { maxCompletionLength } },
  evaluation: options.evaluation,
});

function lessonsOf(distillation: Distillation) {
  const { method } = distillation.options;
  if (method === "on-policy") return { samples: null, asked: null, learn: onPolicyStage(distillation) };
  const samples = samplesStage("samples", distillation);
  const rowsOf = ({ parts }: TrainingSession) => keptRowsPath(parts.run.path, samples.name);
  if (method === "logits")
    return { samples, asked: targetsStage(distillation, rowsOf), learn: logitsStage(distillation, rowsOf) };
  const learn = preparedStage({ name: "distill", phase: "sft" }, (session) =>
    prepare(session, distillation, rowsOf(session)),
  );
  return { samples, asked: null, learn };
}

/** The student learns on its own samples; the teachers are open meanwhile. */
function onPolicyStage(distillation: Distillation): ReinforcementStage {
  const { policy, teachers, task, isEvaluated, maxCompletionLength, options } = distillation;
  const config = onPolicyConfig(options, maxCompletionLength);
  const rounds = { steps: config.steps, evaluated: isEvaluated ? evaluatedOf(distillation) : null };
  return roundsStage("distill", rounds, async (seed, state) => {
    const opened = await Teachers.open(teachers, task, options.template, openToJudge);
    return new OnPolicyTrainer(policy, opened, task, config, seed, state);
  });
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

async function prepare(
  session: TrainingSession,
  { policy, options }: Distillation,
  rows: string,
): Promise<PreparedTraining> {
  const { train, heldout } = await readExamples([rows], policy.tokenizer, {
    heldOutFraction: options.train.validationFraction,
    maxTokens: contextOf(policy.model.config),
    note: (line) => session.parts.progress.note(line),
  });
  return {
    data: new ShuffledSequences(train, session.parts.seed),
    options: { ...trainingOf(options, train.length), validation: firstOf(heldout, MAX_VALIDATION) },
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
  const { base, lessons, final } = stages;
  const list = request.isEvaluated ? [base, ...lessons, final] : lessons;
  return performStages({ ...request, model, tokenizer }, list, checkpoint, (session) =>
    summarise(session, stages, request),
  );
}

function summarise(session: TrainingSession, stages: DistillationStages, distillation: Distillation): DistillSummary {
  const { options, isEvaluated } = distillation;
  const { base, samples, learn, final } = stages;
  const training = isOnPolicy(learn) ? summariseRounds(session, learn) : summariseTraining(session, learn);
  const { valLoss, seed, params, activeParams, wallSeconds, peakRssBytes, mfu, runDir } = training;
  const figures = { method: options.method, answers: samples?.state.total ?? null, valLoss };
  if (!isEvaluated) return { ...training, ...figures };
  const [before, after] = [base, final].map(({ state }) => state.evaluation as Evaluation);
  const rollout = isOnPolicy(learn) ? tokenRate(learn.state.rollout) : null;
  return {
    ...{ base: before, final: after, problems: after.problems },
    samplesPerProblem: options.evaluation.samplesPerProblem,
    ...{ seed, params, activeParams, wallSeconds, peakRssBytes, mfu, runDir },
    pretrainTokens: 0,
    rlSteps: isOnPolicy(learn) ? learn.state.step : 0,
    tokensPerSecond: { pretrain: null, rollout, train: training.tokensPerSecond.train },
    ...figures,
  };
}

const isOnPolicy = (learn: DistillationStages["learn"]): learn is ReinforcementStage => "rollout" in learn.state;

/** The steps on the student's own samples, counted as those on data are. */
const summariseRounds = (session: TrainingSession, { state }: ReinforcementStage): TrainingSummary =>
  summariseTraining(session, { state: { step: state.step, work: state.train, loss: null, valLoss: null } });
