// Reinforcement inside a run: rounds of GRPO with logging, light evaluations and checkpoints; and the evaluations
// before and after. Knows neither where the policy comes from nor what the task asks.
import type { Evaluation } from "../eval/evaluate.js";
import { evaluatePolicy, type PolicyEvaluation } from "../eval/evaluate-policy.js";
import type { Policy } from "../eval/rollout.js";
import { type ProblemCount, shortfall } from "../tasks/held-out.js";
import type { RewardFunction, WeightedReward } from "../tasks/reward.js";
import type { Task } from "../tasks/task.js";
import { addWork, namedLoads } from "../train/loop.js";
import type { SessionState, TrainingSession, WorkCount } from "../train/session.js";
import { type GrpoOptions, parseGrpoOptions } from "./config.js";
import { type GrpoStep, GrpoTrainer } from "./grpo-trainer.js";

/** Where reinforcement stands; everything in it goes into checkpoints. */
export interface RlState extends SessionState {
  rollout: WorkCount;
  train: WorkCount;
  nextProblem: number;
  stepsWithoutSignal: number;
  /** Prompt and completion tokens sampled. */
  numTokens: number;
  /** The evaluation before the first step. */
  base: Evaluation | null;
}

/** How a run looks at held-out problems. */
export interface EvaluationPlan {
  /** Before and after: so many distinct problems, so many samples each. */
  readonly problems: ProblemCount;
  readonly samplesPerProblem: number;
  readonly temperature: number;
  readonly topP: number;
  /** Rows sampled at once. */
  readonly slots: number;
  /** During RL: every so many steps, on so many problems, one sample each. */
  readonly everySteps: number;
  readonly quickProblems: number;
}

/** A policy about to be reinforced, with everything that takes. */
export interface RlSetting {
  readonly session: TrainingSession<RlState>;
  readonly policy: Policy;
  readonly task: Task;
  readonly rewards: readonly (RewardFunction | WeightedReward)[];
  readonly options: GrpoOptions;
  readonly evaluation: EvaluationPlan;
}

/** Transcripts of so many held-out problems are kept from either evaluation. */
const NUM_TRANSCRIPTS = 8;

/**
 * Samples held-out problems that training never sees, and logs what came of it. Throws Interrupted, nothing logged,
 * when the run is asked to stop.
 */
export async function evaluateRun(setting: RlSetting, model: "base" | "final"): Promise<Evaluation> {
  const { run, progress } = setting.session.parts;
  progress.stage(`evaluate ${model}`);
  const { problems, samplesPerProblem } = setting.evaluation;
  const result = await sampleHeldOut(setting, problems, samplesPerProblem);
  const { evaluation: e } = result;
  const notice = model === "base" ? shortfall(setting.task, problems, e.problems) : null;
  if (notice) progress.note(notice);
  const step = model === "base" ? 0 : setting.session.state.step;
  run.logMetrics({
    phase: "eval",
    step,
    model,
    ...lightFigures(e),
    k: samplesPerProblem,
    pass_k: e.passK,
    cons_k: e.consK,
  });
  logTranscripts(setting, result, model, step);
  progress.update(1, { pass1: e.pass1, tokens_per_second: result.tokensPerSecond });
  progress.endStage();
  setting.policy.model.device.trim(); // the next stage's tensors have other sizes
  return e;
}

/**
 * All remaining rounds of GRPO. Whatever ends them early, a request to stop (Interrupted) or an error: the last whole
 * round is saved first.
 */
export async function reinforce(setting: RlSetting): Promise<void> {
  const { session, policy, task, rewards, options } = setting;
  const trainer = new GrpoTrainer(policy, task, rewards, options, session.parts.seed);
  try {
    await session.guard(trainer.optimizer, trainer.referenceModel, () => rounds(setting, trainer));
  } finally {
    trainer.dispose();
  }
}

async function rounds(setting: RlSetting, trainer: GrpoTrainer): Promise<void> {
  const { session, evaluation } = setting;
  const { state } = session;
  const { run, progress, signal } = session.parts;
  const { step, nextProblem, stepsWithoutSignal, numTokens } = state;
  Object.assign(trainer, { step, nextProblem, stepsWithoutSignal, numTokens });
  const told = new Set<string>();
  progress.stage("reinforce", trainer.config.steps, state.step);
  for (;;) {
    // At the top, so that a run resumed from a checkpoint of this step takes the evaluation that its logs do not hold
    // yet.
    if (state.step > 0 && state.step % evaluation.everySteps === 0) await quickEvaluation(setting);
    if (state.step >= trainer.config.steps) break;
    const round = await trainer.runStep(signal);
    countRound(state, trainer, round);
    for (const notice of round.notices) {
      if (!told.has(notice)) progress.note(`rl step ${state.step}: ${notice}`);
      told.add(notice);
    }
    logRound(setting, round);
    run.logMetrics({ phase: "rl", ...round.metrics, step: state.step, ...namedLoads(round.expertLoad) });
    progress.update(state.step, round.metrics);
    await session.endStep(trainer.optimizer, trainer.referenceModel, state.step === trainer.config.steps);
  }
  progress.endStage();
}

function countRound(state: RlState, trainer: GrpoTrainer, { work }: GrpoStep): void {
  state.step = trainer.step;
  state.nextProblem = trainer.nextProblem;
  state.stepsWithoutSignal = trainer.stepsWithoutSignal;
  state.numTokens = trainer.numTokens;
  addWork(state.rollout, work.rollout);
  addWork(state.train, work.train);
}

/** Tokens a completion may have. */
export const completionLimit = (options: GrpoOptions): number => parseGrpoOptions(options).maxCompletionLength;

function sampleHeldOut(
  { session, policy, task, options, evaluation }: RlSetting,
  problems: ProblemCount,
  samplesPerProblem: number,
): Promise<PolicyEvaluation> {
  const { seed, signal } = session.parts;
  return evaluatePolicy(policy, task, {
    problems,
    samplesPerProblem,
    maxNewTokens: completionLimit(options),
    temperature: evaluation.temperature,
    topP: evaluation.topP,
    slots: evaluation.slots,
    seed,
    signal,
  });
}

/** A light look at held-out problems while learning. */
async function quickEvaluation(setting: RlSetting): Promise<void> {
  const { evaluation } = await sampleHeldOut(setting, setting.evaluation.quickProblems, 1);
  setting.session.parts.run.logMetrics({
    phase: "eval",
    step: setting.session.state.step,
    ...lightFigures(evaluation),
  });
}

function lightFigures({
  problems,
  pass1,
  formatRate,
  meanThinkTokens,
  stderr,
}: Evaluation): Record<string, number | null> {
  return { problems, pass1, pass1_stderr: stderr.pass1, format_rate: formatRate, mean_think_tokens: meanThinkTokens };
}

/** So many rollouts of a round are kept. */
const NUM_ROLLOUTS = 4;

/** The first rollouts of a round, whatever they are: of one problem, so that their rewards can be compared. */
function logRound({ session }: RlSetting, { trajectories, rewards, byReward }: GrpoStep): void {
  trajectories.slice(0, NUM_ROLLOUTS).forEach(({ problem, prompt, completion, completionIds }, i) => {
    session.parts.run.logSample({
      phase: "rl",
      step: session.state.step,
      split: "train",
      problem: problem.id,
      prompt,
      completion,
      answer: problem.answer,
      ...(rewards[i] === null ? {} : { reward: rewards[i] }),
      rewards: Object.fromEntries([...byReward].map(([name, values]) => [name, values[i]])),
      numTokens: completionIds.length,
    });
  });
}

/** The first sample of the first problems, whatever it is. */
function logTranscripts(
  { session, task, evaluation }: RlSetting,
  { trajectories }: PolicyEvaluation,
  model: "base" | "final",
  step: number,
): void {
  const { samplesPerProblem } = evaluation;
  for (let i = 0; i < trajectories.length && i < NUM_TRANSCRIPTS * samplesPerProblem; i += samplesPerProblem) {
    const { problem, prompt, completion, completionIds, response } = trajectories[i];
    const { answer } = response;
    const correct = answer !== null && task.verify(problem, answer) === 1;
    const sample = {
      problem: problem.id,
      prompt,
      completion,
      answer: problem.answer,
      correct,
      numTokens: completionIds.length,
    };
    session.parts.run.logSample({ phase: "eval", step, model, split: "held_out", ...sample });
  }
}
