// Reinforcement as a stage of a run: rounds of GRPO with logging, quick evaluations and checkpoints. Knows neither
// where the policy comes from nor what the task asks.
import type { Policy } from "../eval/rollout.js";
import { spokenTurns } from "../eval/trajectory.js";
import type { RewardFunction, WeightedReward } from "../tasks/reward.js";
import type { Task } from "../tasks/task.js";
import { namedLoads } from "../train/loop.js";
import type { TrainingSession } from "../train/session.js";
import type { Stage } from "../train/stage.js";
import { addWork, noWork, type WorkCount } from "../train/work-count.js";
import type { GrpoConfig } from "./config.js";
import { type EvaluationCourse, followCourse, freshCourse, hasStalled } from "./evaluation-course.js";
import type { EvaluationPlan } from "./evaluation-plan.js";
import { quickEvaluation } from "./evaluation-stage.js";
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

/**
 * All rounds of GRPO. Whatever ends them early, a request to stop (Interrupted) or an error: the last whole round is
 * saved first.
 */
export function reinforcementStage(name: string, reinforcement: Reinforcement): ReinforcementStage {
  const { policy, task, rewards, grpo } = reinforcement;
  const state: ReinforcementState = { ...freshGrpoState(), rollout: noWork(), train: noWork(), course: freshCourse() };
  return {
    name,
    phase: "rl",
    state,
    async run(session) {
      const trainer = new GrpoTrainer(policy, task, rewards, grpo, session.parts.seed, state);
      try {
        await session.train(trainer, () => rounds(session, trainer, state, reinforcement));
      } finally {
        trainer.dispose();
      }
    },
  };
}

async function rounds(
  session: TrainingSession,
  trainer: GrpoTrainer,
  state: ReinforcementState,
  reinforcement: Reinforcement,
): Promise<void> {
  const { progress, signal } = session.parts;
  const { grpo, evaluation, evaluatedTask = reinforcement.task } = reinforcement;
  const told = new Set<string>();
  progress.stage(session.mark.stage ?? "reinforce", grpo.steps, state.step);
  for (;;) {
    // At the top, so that a run resumed from a checkpoint of this step takes the evaluation that its logs do not hold
    // yet.
    if (state.step > 0 && state.step % evaluation.everySteps === 0 && state.course.step !== state.step) {
      const figures = await quickEvaluation(session, { ...reinforcement, task: evaluatedTask }, state.step);
      await followCourse(session, state.course, evaluation, state.step, figures);
      await session.endStep(trainer, isOver(state, reinforcement));
    }
    if (isOver(state, reinforcement)) break;
    const round = await trainer.runStep(signal);
    addWork(state.rollout, round.work.rollout);
    addWork(state.train, round.work.train);
    for (const notice of round.notices) {
      if (!told.has(notice)) progress.note(`rl step ${state.step}: ${notice}`);
      told.add(notice);
    }
    logRound(session, state.step, round);
    progress.update(state.step, round.metrics);
    await session.endStep(trainer, state.step === grpo.steps);
  }
  progress.endStage();
}

const isOver = ({ step, course }: ReinforcementState, { grpo, evaluation }: Reinforcement): boolean =>
  step >= grpo.steps || hasStalled(course, evaluation);

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
