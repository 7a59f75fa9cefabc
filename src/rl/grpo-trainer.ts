// Policy gradients from groups of completions (GRPO, DeepSeekMath §4.1, and its relatives), one step after the other:
// rollout, score, advantages, update.
// Knows no files and no terminal; metric names follow TRL's GRPOTrainer.
import { type Policy, rollout } from "../eval/rollout.js";
import type { Trajectory } from "../eval/trajectory.js";
import { createModel } from "../models/create.js";
import type { LanguageModel } from "../models/language-model.js";
import { AdamW } from "../optim/adamw.js";
import { type Schedule, warmupCosine } from "../optim/schedule.js";
import { Random } from "../random.js";
import {
  joinTables,
  type RewardFunction,
  type RewardTable,
  rewardsAt,
  scoreSamples,
  type WeightedReward,
} from "../tasks/reward.js";
import type { Problem, Task } from "../tasks/task.js";
import { Interrupted } from "../train/interrupted.js";
import type { ExpertShares } from "../train/step.js";
import { WorkClock, type WorkCount } from "../train/work-count.js";
import { informativeGroups } from "./advantage.js";
import type { GrpoConfig } from "./config.js";
import { accuracyAt, type Levels, refuseOneLevel, takeOne, withResults } from "./curriculum.js";
import { noticesOf, refuseReservedNames, refuseWithoutSignal } from "./learning-signal.js";
import { type Lesson, lessonOf } from "./lesson.js";
import { batchMetrics, type GrpoMetrics, workMetrics } from "./metrics.js";
import {
  refuseNonFiniteUpdate,
  type ScoredTrajectory,
  scoreLogProbs,
  type UpdateResult,
  updatePolicy,
} from "./update.js";

/** What one step did. */
export interface GrpoStep {
  readonly metrics: GrpoMetrics;
  readonly trajectories: readonly Trajectory[];
  /** Total rewards; null where no reward applied. */
  readonly rewards: readonly (number | null)[];
  /** What each reward function gave, by its name. */
  readonly byReward: RewardTable["byReward"];
  /** What the person at the run should know of this step, a line each. */
  readonly notices: readonly string[];
  readonly expertLoad: ExpertShares;
  readonly work: { readonly rollout: WorkCount; readonly train: WorkCount };
}

/** Where a trainer stands: plain numbers, from which it goes on. */
export interface GrpoState {
  /** Steps done. */
  step: number;
  /** Index of the next training problem. */
  nextProblem: number;
  /** Steps since the last one in which some group had reward spread. */
  stepsWithoutSignal: number;
  /** Prompt and completion tokens sampled so far. */
  numTokens: number;
  /** What the curriculum goes by. */
  levels: Levels;
}

/** A trainer that has not begun. */
export const freshGrpoState = (): GrpoState => ({
  step: 0,
  nextProblem: 0,
  stepsWithoutSignal: 0,
  numTokens: 0,
  levels: {},
});

/** The rollouts of one step, scored; groups are consecutive. */
interface Batch {
  readonly trajectories: readonly Trajectory[];
  readonly table: RewardTable;
  /** Which groups have something to teach. */
  readonly informative: readonly boolean[];
}

/** Trains a policy on a task with verifiable rewards. */
export class GrpoTrainer {
  readonly optimizer: AdamW;
  /** The reference model, which the KL penalty needs; null without one, and where the model under an adapter is it. */
  readonly reference: LanguageModel | null;
  private readonly schedule: Schedule;

  /** `state` is counted up; one that was saved, with the weights and moments of then, is gone on from. */
  constructor(
    readonly policy: Policy,
    readonly task: Task,
    readonly rewards: readonly (RewardFunction | WeightedReward)[],
    readonly config: GrpoConfig,
    readonly seed: number,
    readonly state: GrpoState = freshGrpoState(),
    /** What messages call the learning rate. */
    private readonly learningRateName = "rl.learningRate",
  ) {
    if (config.curriculum) refuseOneLevel(task, seed);
    const { learningRate, warmupSteps, steps, finalLearningRateFraction, maxGradNorm, weightDecay, beta } = config;
    this.schedule = warmupCosine({
      peak: learningRate,
      warmupSteps,
      totalSteps: Math.max(steps, warmupSteps + 1),
      finalFraction: finalLearningRateFraction,
    });
    const { parameters, trainable, device, config: architecture } = policy.model;
    this.optimizer = new AdamW(trainable.trained(), { maxNorm: maxGradNorm, weightDecay });
    const { compute, trains } = parameters;
    const isAdapted = parameters.adapters.all.length > 0;
    this.reference = beta > 0 && !isAdapted ? createModel(architecture, { compute, seed: null, trains, device }) : null;
    this.refreshReference();
  }

  /**
   * One step. Throws TrainingError when the task gives no signal or the loss is not finite (the update in which that
   * happens changes nothing), and Interrupted when `signal` fires before the first update: then nothing has moved.
   */
  async runStep(signal?: AbortSignal): Promise<GrpoStep> {
    const { refRefreshSteps } = this.config;
    const { step, nextProblem, stepsWithoutSignal } = this.state;
    if (refRefreshSteps > 0 && step > 0 && step % refRefreshSteps === 0) this.refreshReference();
    const clock = new WorkClock(this.policy.model.device);
    try {
      const batch = await this.collect(signal);
      const rollout = clock.lap(sumOf(batch.trajectories, (t) => t.completionIds.length));
      const lr = this.schedule(step);
      const lesson = await this.learn(batch, signal);
      const update = await this.update(batch, lesson, lr, signal);
      const train = clock.lap(update.numTokens);
      return this.finished(batch, lesson, update, lr, { rollout, train });
    } catch (error) {
      Object.assign(this.state, { nextProblem, stepsWithoutSignal });
      throw error;
    }
  }

  /** Makes the current policy the reference. */
  refreshReference(): void {
    if (this.reference) this.reference.parameters.copyFrom(this.policy.model.parameters);
  }

  dispose(): void {
    this.optimizer.dispose();
    this.reference?.dispose();
  }

  /** Rollout and score; again, with dynamic sampling, until enough groups have reward spread. */
  private async collect(signal?: AbortSignal): Promise<Batch> {
    const { numPrompts, dynamicSamplingRounds } = this.config;
    const trajectories: Trajectory[] = [];
    const tables: RewardTable[] = [];
    let batch: Batch;
    do {
      const fresh = await this.rollout(signal);
      trajectories.push(...fresh);
      tables.push(await this.score(fresh, signal));
      const table = joinTables(tables);
      batch = { trajectories, table, informative: informativeGroups(table.totals, this.config) };
    } while (tables.length <= dynamicSamplingRounds && numInformative(batch) < numPrompts);
    this.state.stepsWithoutSignal = numInformative(batch) === 0 ? this.state.stepsWithoutSignal + 1 : 0;
    refuseWithoutSignal(this.state.stepsWithoutSignal, batch.table.totals, batch.informative.length);
    return batch;
  }

  /** Samples a group of completions of each of the next problems. */
  private rollout(signal?: AbortSignal): Promise<Trajectory[]> {
    const { numGenerations, maxCompletionLength, temperature, maxSequences } = this.config;
    const { seed, task } = this;
    const first = this.state.nextProblem;
    const problems = this.nextProblems();
    return rollout(this.policy, task, problems, {
      numGenerations,
      maxNewTokens: maxCompletionLength,
      temperature,
      maxSequences,
      seed: seed * 1_000_003 + first,
      signal,
    });
  }

  /** The next training problems; with a curriculum each is one of several. */
  private nextProblems(): Problem[] {
    const { numPrompts, curriculum } = this.config;
    const { seed, task, state } = this;
    const first = state.nextProblem;
    const { candidates, floor } = curriculum ?? { candidates: 1, floor: 1 };
    state.nextProblem += numPrompts * candidates;
    const random = new Random(seed).fork("curriculum").fork(first);
    return Array.from({ length: numPrompts }, (_, i) => {
      const drawn = Array.from({ length: candidates }, (_, c) =>
        task.generate(seed, first + i * candidates + c, "train"),
      );
      return candidates === 1 ? drawn[0] : takeOne(drawn, state.levels, floor, random);
    });
  }

  /** What the rewards give for some completions. */
  private async score(trajectories: readonly Trajectory[], signal?: AbortSignal): Promise<RewardTable> {
    const timeoutSeconds = this.config.rewardTimeoutSeconds;
    try {
      const rewards = rewardsAt(this.rewards, this.state.step, this.config.steps);
      const table = await scoreSamples(rewards, trajectories, { timeoutSeconds, signal });
      refuseReservedNames(table);
      return table;
    } catch (error) {
      if (signal?.aborted) throw new Interrupted();
      throw error;
    }
  }

  /** Under the reference model, or under the policy's with its adapter off. */
  private async referenceLogProbs(trajectories: readonly Trajectory[], signal?: AbortSignal): Promise<Float32Array[]> {
    const { reference, config, policy } = this;
    if (reference) return scoreLogProbs(reference, trajectories, config, signal);
    const { adapters } = policy.model.parameters;
    const { active } = adapters;
    adapters.active = null;
    try {
      return await scoreLogProbs(policy.model, trajectories, config, signal);
    } finally {
      adapters.active = active;
    }
  }

  /** How much better or worse each token is than expected. */
  private async learn({ trajectories, table }: Batch, signal?: AbortSignal): Promise<Lesson> {
    const { config } = this;
    const refLogProbs = config.beta > 0 ? await this.referenceLogProbs(trajectories, signal) : null;
    return lessonOf(trajectories, table.totals, refLogProbs, config);
  }

  /** Moves the policy towards the completions with an advantage. */
  private async update(batch: Batch, lesson: Lesson, lr: number, signal?: AbortSignal): Promise<UpdateResult> {
    const { policy, optimizer, config } = this;
    const result = await updatePolicy(policy.model, optimizer, this.learnt(batch, lesson), config, lr, signal);
    const settings = { [this.learningRateName]: lr, "rl.maxGradNorm": config.maxGradNorm };
    await refuseNonFiniteUpdate(policy.model, result, `rl step ${this.state.step + 1}`, settings);
    return result;
  }

  /** The trajectories that the update sees: with dynamic sampling, the first groups with reward spread. */
  private learnt({ trajectories, informative }: Batch, { values, refLogProbs }: Lesson): ScoredTrajectory[] {
    const { numPrompts, numGenerations, dynamicSamplingRounds } = this.config;
    const scored = trajectories.map((trajectory, i) => ({
      trajectory,
      advantages: values[i],
      refLogProbs: refLogProbs?.[i] ?? null,
    }));
    if (dynamicSamplingRounds === 0) return scored;
    const chosen = informative.flatMap((teaches, group) => (teaches ? [group] : [])).slice(0, numPrompts);
    return chosen.flatMap((group) => scored.slice(group * numGenerations, (group + 1) * numGenerations));
  }

  /** Counts the step, and puts together what is told of it. */
  private finished(
    { trajectories, table }: Batch,
    lesson: Lesson,
    update: UpdateResult,
    lr: number,
    work: GrpoStep["work"],
  ): GrpoStep {
    const { state, config, task } = this;
    const { curriculum, numGenerations } = config;
    if (curriculum) state.levels = withResults(state.levels, task, trajectories, numGenerations, curriculum.decay);
    state.step++;
    state.numTokens += sumOf(trajectories, (t) => t.promptIds.length) + work.rollout.tokens;
    const metrics: GrpoMetrics = {
      ...batchMetrics(trajectories, table, lesson),
      ...(curriculum ? curriculumMetrics(trajectories, state.levels) : {}),
      ...lesson.metrics,
      ...update.metrics,
      ...workMetrics(state, lr, work),
    };
    const { totals: rewards, byReward } = table;
    const answers = trajectories.map(({ response }) => response.answer);
    const notices = noticesOf(answers, this.policy.template, rewards, metrics);
    return { metrics, trajectories, rewards, byReward, notices, expertLoad: update.expertLoad, work };
  }
}

function curriculumMetrics(trajectories: readonly Trajectory[], levels: Levels): GrpoMetrics {
  const accuracies = Object.keys(levels).map((level) => [`curriculum/accuracy/${level}`, accuracyAt(levels, level)]);
  const difficulty = sumOf(trajectories, ({ problem }) => problem.difficulty) / trajectories.length;
  return { "curriculum/difficulty": difficulty, ...Object.fromEntries(accuracies) };
}

const numInformative = ({ informative }: Batch): number => informative.filter(Boolean).length;

const sumOf = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((sum, item) => sum + of(item), 0);
