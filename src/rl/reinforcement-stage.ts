// Reinforcement as a stage of a run: rounds of GRPO with logging, quick evaluations and checkpoints. Knows neither
// where the policy comes from nor what the task asks.
import type { Policy } from "../eval/rollout.js";
import { spokenTurns } from "../eval/trajectory.js";
import type { RewardFunction, WeightedReward } from "../tasks/reward.js";
import type { Task } from "../tasks/task.js";
import { namedLoads } from "../train/loop.js";
import type { Trained, TrainingSession } from "../train/session.js";
import type { Stage } from "../train/stage.js";
import { addWork, noWork, type WorkCount } from "../train/work-count.js";
import type { GrpoConfig } from "./config.js";
import { type EvaluationCourse, followCourse, freshCourse, hasStalled } from "./evaluation-course.js";
import type { EvaluationPlan } from "./evaluation-plan.js";
import { type Evaluated, quickEvaluation } from "./evaluation-stage.js";
import { freshGrpoState, type GrpoState, type GrpoStep, GrpoTrainer } from "./grpo-trainer.js";

/** A policy about to be reinforced, with everything that takes. */
export interface Reinforcement {
  readonly policy: Policy;
  readonly task: Task;
  readonly rewards: readonly (RewardFunction | WeightedReward)[];
  readonly grpo: GrpoConfig;
  readonly evaluation: EvaluationPlan;
  /** The task of the evaluations between two rounds, where it is another. */
  readonly evaluatedTask?: Task;
  /** The option that sets the learning rate, for messages; default: rl.learningRate. */
  readonly learningRateName?: string;
}

/** Where reinforcement stands: the trainer's own counters, and the work done. */
export interface ReinforcementState extends GrpoState {
  rollout: WorkCount;
  train: WorkCount;
  /** What the quick evaluations have come to. */
  course: EvaluationCourse;
}

/** A stage of GRPO. */
export interface ReinforcementStage extends Stage {
  readonly state: ReinforcementState;
}

/** What learns in rounds: it samples, and then updates the policy. */
export interface RoundTrainer extends Trained {
  /** One round; throws Interrupted when `signal` fires before anything has moved. */
  runStep(signal?: AbortSignal): Promise<GrpoStep>;
  dispose(): void;
}

/** How many rounds there are, and how the policy is measured between them; null where it cannot be. */
export interface Rounds {
  readonly steps: number;
  readonly evaluated: Evaluated | null;
}

/** All rounds of GRPO. */
export function reinforcementStage(name: string, reinforcement: Reinforcement): ReinforcementStage {
  const { policy, task, rewards, grpo, evaluatedTask = task, learningRateName } = reinforcement;
  const rounds = { steps: grpo.steps, evaluated: { ...reinforcement, task: evaluatedTask } };
  const start = async (seed: number, state: GrpoState) =>
    new GrpoTrainer(policy, task, rewards, grpo, seed, state, learningRateName);
  return roundsStage(name, rounds, start);
}

/**
 * All rounds of a trainer that is made when the stage begins. Whatever ends them early, a request to stop (Interrupted)
 * or an error: the last whole round is saved first.
 */
export function roundsStage(
  name: string,
  plan: Rounds,
  start: (seed: number, state: GrpoState) => Promise<RoundTrainer>,
): ReinforcementStage {
  const state: ReinforcementState = { ...freshGrpoState(), rollout: noWork(), train: noWork(), course: freshCourse() };
  return {
    name,
    phase: "rl",
    state,
    async run(session) {
      const trainer = await start(session.parts.seed, state);
      try {
        await session.train(trainer, () => rounds(session, trainer, state, plan));
      } finally {
        trainer.dispose();
      }
    },
  };
}

async function rounds(
  session: TrainingSession,
  trainer: RoundTrainer,
  state: ReinforcementState,
  plan: Rounds,
): Promise<void> {
  const { progress, signal } = session.parts;
  const { steps, evaluated } = plan;
  const told = new Set<string>();
  session.tellSteps("reinforce", "rl", steps, state.step);
  for (;;) {
    // At the top, so that a run resumed from a checkpoint of this step takes the evaluation that its logs do not hold
    // yet.
    if (evaluated && isDue(state, evaluated)) {
      const figures = await quickEvaluation(session, evaluated, state.step);
      await followCourse(session, state.course, evaluated.evaluation, state.step, figures);
      await session.endStep(trainer, isOver(state, plan));
    }
    if (isOver(state, plan)) break;
    const round = await trainer.runStep(signal);
    addWork(state.rollout, round.work.rollout);
    addWork(state.train, round.work.train);
    for (const notice of round.notices) {
      if (!told.has(notice)) progress.note(`rl step ${state.step}: ${notice}`);
      told.add(notice);
    }
    logRound(session, state.step, round);
    progress.update(state.step, round.metrics);
    await session.endStep(trainer, state.step === steps);
  }
  progress.endStage();
}

const isDue = ({ step, course }: ReinforcementState, { evaluation }: Evaluated): boolean =>
  step > 0 && step % evaluation.everySteps === 0 && course.step !== step;

const isOver = ({ step, course }: ReinforcementState, { steps, evaluated }: Rounds): boolean =>
  step >= steps || (evaluated !== null && hasStalled(course, evaluated.evaluation));

/** So many rollouts of a round are kept. */
const NUM_ROLLOUTS = 4;

/** The figures of a round, and its first rollouts, whatever they are: of one problem, so that rewards can be compared. */
function logRound({ parts: { run }, mark }: TrainingSession, step: number, round: GrpoStep): void {
  const { trajectories, rewards, byReward, metrics, expertLoad } = round;
  trajectories.slice(0, NUM_ROLLOUTS).forEach((trajectory, i) => {
    const { problem, prompt, completion, completionIds } = trajectory;
    run.logSample({
      phase: "rl",
      ...mark,
      step,
      split: "train",
      problem: problem.id,
      prompt,
      completion,
      ...spokenTurns(trajectory),
      answer: problem.answer,
      ...(rewards[i] === null ? {} : { reward: rewards[i] }),
      rewards: Object.fromEntries([...byReward].map(([name, values]) => [name, values[i]])),
      numTokens: completionIds.length,
    });
  });
  run.logMetrics({ phase: "rl", ...mark, ...metrics, step, ...namedLoads(expertLoad) });
}
