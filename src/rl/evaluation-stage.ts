// Evaluation on held-out problems as a stage of a run, and the quick one between two rounds of reinforcement.
import type { Evaluation } from "../eval/evaluate.js";
import { evaluatePolicy, type PolicyEvaluation } from "../eval/evaluate-policy.js";
import type { Policy } from "../eval/rollout.js";
import { spokenTurns } from "../eval/trajectory.js";
import type { EvaluationSummary } from "../run/records.js";
import { type ProblemCount, shortfall } from "../tasks/held-out.js";
import type { Task } from "../tasks/task.js";
import { questionIn } from "../tasks/templates.js";
import type { StageState } from "../train/saved-state.js";
import type { TrainingSession } from "../train/session.js";
import type { Stage } from "../train/stage.js";
import type { GrpoConfig } from "./config.js";
import type { EvaluationPlan } from "./evaluation-plan.js";

/** What is evaluated, and how. */
export interface Evaluated {
  readonly policy: Policy;
  readonly task: Task;
  readonly grpo: Pick<GrpoConfig, "maxCompletionLength">;
  readonly evaluation: EvaluationPlan;
  /** Further figures of a full evaluation, which its line and its stage's state hold; may sample other problems. */
  figures?(held: PolicyEvaluation, sample: HeldOutSampler): Promise<FurtherFigures>;
}

/** What an evaluation tells besides its counts. */
export interface FurtherFigures {
  /** Logged by name. */
  readonly figures: Record<string, number>;
  /** Of single cases, in their order: kept for a later evaluation to compare with, and not logged. */
  readonly cases: readonly number[];
}

/** Samples so many held-out problems of a task as the evaluation does. */
export type HeldOutSampler = (task: Task, problems: ProblemCount, samples: number) => Promise<PolicyEvaluation>;

/** What an evaluation came to; null until it is done. It has no steps. */
export interface EvaluationState extends StageState {
  evaluation: Evaluation | null;
  /** Those that were asked for besides. */
  figures: Record<string, number>;
  cases: readonly number[];
}

/** A stage that evaluates. */
export interface EvaluationStage extends Stage {
  readonly state: EvaluationState;
}

/**
 * Samples held-out problems that training never sees, and logs what came of it under the step that `after` stands at.
 * Stopped, it logs nothing, and a resumed run evaluates anew.
 */
export function evaluationStage(model: string, evaluated: Evaluated, after: StageState): EvaluationStage {
  const state: EvaluationState = { step: 0, evaluation: null, figures: {}, cases: [] };
  return {
    name: `evaluate ${model}`,
    state,
    async run(session) {
      Object.assign(state, await evaluate(session, evaluated, model, after.step));
    },
  };
}

async function evaluate(
  session: TrainingSession,
  evaluated: Evaluated,
  model: string,
  step: number,
): Promise<Omit<EvaluationState, "step">> {
  const { run, progress } = session.parts;
  const { problems, samplesPerProblem } = evaluated.evaluation;
  progress.stage(`evaluate ${model}`);
  const result = await sampleHeldOut(session, evaluated, problems, samplesPerProblem);
  const { evaluation, tokensPerSecond } = result;
  const { pass1 } = evaluation;
  const notice = model === "base" ? shortfall(evaluated.task, problems, evaluation.problems) : null;
  if (notice) progress.note(notice);
  const sample: HeldOutSampler = (task, count, samples) =>
    sampleHeldOut(session, { ...evaluated, task }, count, samples);
  const { figures = {}, cases = [] } = (await evaluated.figures?.(result, sample)) ?? {};
  run.logMetrics({ phase: "eval", step, model, ...fullFigures(evaluation, samplesPerProblem), ...figures });
  logTranscripts(session, evaluated, result, model, step);
  progress.update(1, { pass1, tokens_per_second: tokensPerSecond });
  progress.endStage();
  evaluated.policy.model.device.trim(); // the next stage's tensors have other sizes
  return { evaluation, figures, cases };
}

/** A light look at held-out problems while learning; gives the figures that it logs. */
export async function quickEvaluation(
  session: TrainingSession,
  evaluated: Evaluated,
  step: number,
): Promise<QuickFigures> {
  const { evaluation } = await sampleHeldOut(session, evaluated, evaluated.evaluation.quickProblems, 1);
  const figures = quickFigures(evaluation);
  session.parts.run.logMetrics({ phase: "eval", ...session.mark, step, ...figures });
  return figures;
}

function sampleHeldOut(
  { parts: { seed, signal } }: TrainingSession,
  { policy, task, grpo, evaluation }: Evaluated,
  problems: ProblemCount,
  samplesPerProblem: number,
): Promise<PolicyEvaluation> {
  const { temperature, topP, maxSequences } = evaluation;
  const sampling = { maxNewTokens: grpo.maxCompletionLength, temperature, topP, maxSequences, seed, signal };
  return evaluatePolicy(policy, task, { problems, samplesPerProblem, ...sampling });
}

const quickFigures = ({ problems, pass1, formatRate, meanThinkTokens, stderr }: EvaluationSummary) => ({
  problems,
  pass1,
  pass1_stderr: stderr.pass1,
  format_rate: formatRate,
  mean_think_tokens: meanThinkTokens,
});

/** What a quick evaluation counts. */
export type QuickFigures = ReturnType<typeof quickFigures>;

/** Transcripts of so many held-out problems are kept from either evaluation. */
const NUM_TRANSCRIPTS = 8;

/** The first sample of the first problems, whatever it is. */
function logTranscripts(
  { parts: { run } }: TrainingSession,
  { task, evaluation: { samplesPerProblem } }: Evaluated,
  { trajectories }: PolicyEvaluation,
  model: string,
  step: number,
): void {
  for (let i = 0; i < trajectories.length && i < NUM_TRANSCRIPTS * samplesPerProblem; i += samplesPerProblem) {
    const { problem, prompt, completion, completionIds, response } = trajectories[i];
    const { answer } = response;
    const correct = answer !== null && task.verify(problem, answer) === 1;
    const sample = {
      problem: problem.id,
      question: questionIn(prompt) ?? task.renderPrompt(problem, "plain"),
      prompt,
      completion,
      ...spokenTurns(trajectories[i]),
      answer: problem.answer,
      correct,
      numTokens: completionIds.length,
    };
    run.logSample({ phase: "eval", step, model, split: "held_out", ...sample });
  }
}

/** The figures of a full evaluation with so many samples of each problem, as its line in metrics.jsonl has them. */
export const fullFigures = (evaluation: EvaluationSummary, samplesPerProblem: number) => ({
  ...quickFigures(evaluation),
  k: samplesPerProblem,
  pass_k: evaluation.passK,
  cons_k: evaluation.consK,
});
