// Group-relative policy optimisation: draw problems, sample groups, score, update. One `step()` is one round.
// Knows no files and no terminal; metric names follow TRL's GRPOTrainer.
import { TrainingError } from "../errors.js";
import { type Policy, rollout } from "../eval/rollout.js";
import type { Trajectory } from "../eval/trajectory.js";
import { createModel } from "../models/create.js";
import type { LanguageModel } from "../models/language-model.js";
import { refuseNonFiniteWeight } from "../models/non-finite.js";
import { AdamW } from "../optim/adamw.js";
import { type Schedule, warmupCosine } from "../optim/schedule.js";
import {
  joinTables,
  type RewardFunction,
  type RewardTable,
  scoreSamples,
  type WeightedReward,
} from "../tasks/reward.js";
import type { Problem, Task } from "../tasks/task.js";
import type { Device } from "../tensor/device.js";
import { Interrupted } from "../train/interrupted.js";
import type { WorkCount } from "../train/session.js";
import type { ExpertShares } from "../train/step.js";
import { groupAdvantages, meanAndDeviation } from "./advantage.js";
import { type GrpoConfig, type GrpoOptions, parseGrpoOptions } from "./config.js";
import { batchMetrics, type GrpoMetrics, isReservedMetric } from "./metrics.js";
import { type ScoredTrajectory, updatePolicy } from "./update.js";

/** What one step did. */
export interface GrpoStep {
  readonly metrics: GrpoMetrics;
  readonly trajectories: readonly Trajectory[];
  /** Total rewards; null where no reward applied. */
  readonly rewards: readonly (number | null)[];
  /** What each reward function gave, by its name. */
  readonly byReward: ReadonlyMap<string, readonly (number | null)[]>;
  /** What the person at the run should know of this step, a line each. */
  readonly notices: readonly string[];
  readonly expertLoad: ExpertShares;
  readonly work: { readonly rollout: WorkCount; readonly train: WorkCount };
}

/** The rollouts of one step, scored. */
interface Batch {
  readonly scored: ScoredTrajectory[];
  readonly trajectories: Trajectory[];
  readonly rewards: readonly (number | null)[];
  readonly byReward: GrpoStep["byReward"];
  readonly metrics: GrpoMetrics;
}

/** Consecutive steps without any reward spread after which training stops: nothing can be learnt. */
const MAX_STEPS_WITHOUT_SIGNAL = 10;

/** Trains a policy on a task with verifiable rewards. */
export class GrpoTrainer {
  readonly config: GrpoConfig;
  readonly optimizer: AdamW;
  step = 0;
  /** Index of the next training problem. */
  nextProblem = 0;
  /** Steps since the last one in which some group had reward spread. */
  stepsWithoutSignal = 0;
  /** Prompt and completion tokens sampled so far. */
  numTokens = 0;
  private reference: LanguageModel | null = null;
  private readonly schedule: Schedule;

  constructor(
    readonly policy: Policy,
    readonly task: Task,
    readonly rewards: readonly (RewardFunction | WeightedReward)[],
    options: GrpoOptions,
    readonly seed: number,
  ) {
    this.config = parseGrpoOptions(options);
    const { learningRate, warmupSteps, steps, finalLearningRateFraction, maxGradNorm, weightDecay } = this.config;
    this.schedule = warmupCosine({
      peak: learningRate,
      warmupSteps,
      totalSteps: Math.max(steps, warmupSteps + 1),
      finalFraction: finalLearningRateFraction,
    });
    this.optimizer = new AdamW(policy.model.parameters.trained(), { maxNorm: maxGradNorm, weightDecay });
    if (this.config.beta > 0)
      this.reference = createModel(policy.model.config, {
        compute: policy.model.parameters.compute,
        device: policy.model.device,
      });
    this.refreshReference();
  }

  /**
   * One round: sample, score, update. Throws TrainingError when the task gives no signal or the loss is not finite (the
   * update in which that happens changes nothing), and Interrupted when `signal` fires before the first update: then
   * nothing has moved.
   */
  async runStep(signal?: AbortSignal): Promise<GrpoStep> {
    if (
      this.reference &&
      this.config.refRefreshSteps > 0 &&
      this.step > 0 &&
      this.step % this.config.refRefreshSteps === 0
    )
      this.refreshReference();
    const { nextProblem, stepsWithoutSignal } = this;
    try {
      return await this.round(signal);
    } catch (error) {
      Object.assign(this, { nextProblem, stepsWithoutSignal });
      throw error;
    }
  }

  private async round(signal?: AbortSignal): Promise<GrpoStep> {
    const start = readMeters(this.policy.model.device);
    const batch = await this.collect(signal);
    const sampled = readMeters(this.policy.model.device);
    const lr = this.schedule(this.step);
    const update = await updatePolicy(
      this.policy.model,
      this.reference,
      this.optimizer,
      batch.scored,
      this.config,
      lr,
      signal,
    );
    const end = readMeters(this.policy.model.device);
    await this.refuseNonFinite(update.metrics.loss, update.metrics.grad_norm, lr);
    this.step++;
    const { trajectories, rewards } = batch;
    const [numPromptTokens, numSampled] = [
      sumOf(trajectories, (t) => t.promptIds.length),
      sumOf(trajectories, (t) => t.completionIds.length),
    ];
    this.numTokens += numPromptTokens + numSampled;
    const work = {
      rollout: workBetween(start, sampled, numSampled),
      train: workBetween(sampled, end, update.numTokens),
    };
    const metrics: GrpoMetrics = {
      ...batch.metrics,
      ...update.metrics,
      learning_rate: lr,
      num_tokens: this.numTokens,
      rollout_tokens_per_second: numSampled / work.rollout.seconds,
      ...(update.numTokens > 0 ? { train_tokens_per_second: update.numTokens / work.train.seconds } : {}),
      step_time: work.rollout.seconds + work.train.seconds,
    };
    return {
      metrics,
      trajectories,
      rewards,
      byReward: batch.byReward,
      notices: noticesOf(rewards, metrics),
      expertLoad: update.expertLoad,
      work,
    };
  }

  /** Makes the current policy the reference. */
  refreshReference(): void {
    if (this.reference) this.reference.parameters.copyFrom(this.policy.model.parameters);
  }

  /** The reference model's parameters, to save; null without one. */
  get referenceModel(): LanguageModel | null {
    return this.reference;
  }

  dispose(): void {
    this.optimizer.dispose();
    this.reference?.dispose();
  }

  private async refuseNonFinite(loss: number, gradNorm: number, lr: number): Promise<void> {
    if (Number.isFinite(loss) && Number.isFinite(gradNorm)) return;
    await refuseNonFiniteWeight(this.policy.model, `rl step ${this.step + 1}`);
    throw new TrainingError(
      `rl step ${this.step + 1}: the loss is ${loss} with gradient norm ${gradNorm}; try a lower ` +
        `rl.learningRate (now ${lr}) or rl.maxGradNorm (now ${this.config.maxGradNorm})`,
    );
  }

  /** Samples until enough groups have spread (dapo's dynamic sampling) or the rounds are used up. */
  private async collect(signal?: AbortSignal): Promise<Batch> {
    const { numPrompts, numGenerations, dynamicSamplingRounds, scaleRewards } = this.config;
    const trajectories: Trajectory[] = [];
    const tables: RewardTable[] = [];
    let rewards: readonly (number | null)[] = [];
    let advantages = groupAdvantages([], numGenerations, scaleRewards);
    const numWithSpread = () => advantages.zeroSpread.filter((zero) => !zero).length;
    for (let round = 0; round <= dynamicSamplingRounds && (round === 0 || numWithSpread() < numPrompts); round++) {
      const fresh = await this.sample(numPrompts, signal);
      const table = await this.score(fresh, signal);
      refuseReservedNames(table);
      trajectories.push(...fresh);
      tables.push(table);
      rewards = [...rewards, ...table.totals];
      advantages = groupAdvantages(rewards, numGenerations, scaleRewards);
    }
    this.checkSignal(numWithSpread(), advantages.zeroSpread.length, rewards);
    let scored = trajectories.map((trajectory, i) => ({ trajectory, advantage: advantages.values[i] }));
    if (dynamicSamplingRounds > 0) {
      const chosen = advantages.zeroSpread.flatMap((zero, g) => (zero ? [] : [g])).slice(0, numPrompts);
      scored = chosen.flatMap((g) => scored.slice(g * numGenerations, (g + 1) * numGenerations));
    }
    const table = joinTables(tables);
    return {
      scored,
      trajectories,
      rewards,
      byReward: table.byReward,
      metrics: batchMetrics(trajectories, table, advantages),
    };
  }

  private async score(trajectories: readonly Trajectory[], signal?: AbortSignal): Promise<RewardTable> {
    try {
      return await scoreSamples(this.rewards, trajectories, {
        timeoutSeconds: this.config.rewardTimeoutSeconds,
        signal,
      });
    } catch (error) {
      if (signal?.aborted) throw new Interrupted();
      throw error;
    }
  }

  private sample(numPrompts: number, signal?: AbortSignal): Promise<Trajectory[]> {
    const { numGenerations, maxCompletionLength, temperature, rolloutSlots } = this.config;
    const problems: Problem[] = Array.from({ length: numPrompts }, (_, i) =>
      this.task.generate(this.seed, this.nextProblem + i, "train"),
    );
    const options = {
      numGenerations,
      maxNewTokens: maxCompletionLength,
      temperature,
      slots: rolloutSlots,
      seed: this.seed * 1_000_003 + this.nextProblem,
      signal,
    };
    this.nextProblem += numPrompts;
    return rollout(this.policy, this.task, problems, options);
  }

  private checkSignal(withSpread: number, groups: number, rewards: readonly (number | null)[]): void {
    this.stepsWithoutSignal = withSpread === 0 ? this.stepsWithoutSignal + 1 : 0;
    if (this.stepsWithoutSignal < MAX_STEPS_WITHOUT_SIGNAL) return;
    const { mean } = meanAndDeviation(rewards);
    if (Number.isNaN(mean))
      throw new TrainingError(
        `${unscored(rewards)}, for ${MAX_STEPS_WITHOUT_SIGNAL} steps in a row: nothing can be learnt`,
      );
    throw new TrainingError(
      `all rewards were equal within each of ${groups} groups for ${MAX_STEPS_WITHOUT_SIGNAL} steps (mean ` +
        `reward ${mean.toFixed(3)}): the problems are too ${mean > 0.5 ? "easy" : "hard"} for this model, or ` +
        "the reward does not distinguish answers; change the task's difficulty or the reward",
    );
  }
}

const readMeters = ({ meter }: Device) => ({ ms: performance.now(), flops: meter.flops });

function workBetween(
  from: { ms: number; flops: number },
  to: { ms: number; flops: number },
  tokens: number,
): WorkCount {
  return { tokens, flops: to.flops - from.flops, seconds: (to.ms - from.ms) / 1000 };
}

const sumOf = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((sum, item) => sum + of(item), 0);

const unscored = (rewards: readonly (number | null)[]): string =>
  `no reward applies to any of the ${rewards.length} completions: every reward returned null; check ` +
  "that the data has the columns the rewards need";

/** A reward's own metric must not pass for one of the trainer's. */
function refuseReservedNames({ logged }: RewardTable): void {
  const name = [...logged.keys()].find(isReservedMetric);
  if (name)
    throw new TrainingError(
      `a reward logs "${name}", which is the name of a metric of the trainer; use another name, such as "own/${name}"`,
    );
}

function noticesOf(rewards: readonly (number | null)[], metrics: GrpoMetrics): string[] {
  const notFinite = Object.entries(metrics).filter(([, value]) => !Number.isFinite(value));
  return [
    ...(rewards.every((reward) => reward === null) ? [unscored(rewards)] : []),
    ...notFinite.map(([name, value]) => `metric "${name}" is ${value}: a reward must log finite values`),
  ];
}
