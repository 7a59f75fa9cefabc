// Group-relative policy optimisation: draw problems, sample groups, score, update. One `step()` is one round.
// Knows no files and no terminal; metric names follow TRL's GRPOTrainer.
import { TrainingError } from "../errors.js";
import { type Policy, rollout } from "../eval/rollout.js";
import type { Trajectory } from "../eval/trajectory.js";
import { createModel } from "../models/create.js";
import type { LanguageModel } from "../models/language-model.js";
import { AdamW } from "../optim/adamw.js";
import { type Schedule, warmupConstant } from "../optim/schedule.js";
import { type RewardFunction, type RewardTable, scoreSamples, type WeightedReward } from "../tasks/reward.js";
import type { Problem, Task } from "../tasks/task.js";
import { dispatch } from "../tensor/engine.js";
import { addScaledOp } from "../tensor/ops/elementwise.js";
import { groupAdvantages } from "./advantage.js";
import { type GrpoConfig, type GrpoOptions, parseGrpoOptions } from "./config.js";
import { type ScoredTrajectory, updatePolicy } from "./update.js";

/** A step's figures by TRL name. */
export type GrpoMetrics = Record<string, number>;

/** What one step did. */
export interface GrpoStep {
  readonly metrics: GrpoMetrics;
  readonly trajectories: readonly Trajectory[];
  readonly rewards: readonly number[];
  /** Per mixture layer, each expert's share of the assignments. */
  readonly expertLoad: readonly (readonly number[])[];
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
  private reference: LanguageModel | null = null;
  private stepsWithoutSignal = 0;
  private readonly schedule: Schedule;

  constructor(
    readonly policy: Policy,
    readonly task: Task,
    readonly rewards: readonly (RewardFunction | WeightedReward)[],
    options: GrpoOptions,
    readonly seed: number,
  ) {
    this.config = parseGrpoOptions(options);
    const { learningRate, warmupSteps, maxGradNorm, weightDecay } = this.config;
    this.schedule = warmupConstant(learningRate, Math.max(1, warmupSteps));
    this.optimizer = new AdamW(policy.model.parameters.trained(), { maxNorm: maxGradNorm, weightDecay });
    if (this.config.beta > 0) this.reference = createModel(policy.model.config, { compute: policy.model.parameters.compute });
    this.refreshReference();
  }

  /** One round: sample, score, update. Throws TrainingError when the loss is not finite or the task gives no signal. */
  async runStep(signal?: AbortSignal): Promise<GrpoStep> {
    if (this.reference && this.config.refRefreshSteps > 0 && this.step > 0 && this.step % this.config.refRefreshSteps === 0) this.refreshReference();
    const started = performance.now();
    const batch = await this.collect(signal);
    const sampled = performance.now();
    const lr = this.schedule(this.step);
    const { metrics: update, expertLoad } = await updatePolicy(this.policy.model, this.reference, this.optimizer, batch.scored, this.config, lr);
    const finished = performance.now();
    if (!Number.isFinite(update.loss) || !Number.isFinite(update.grad_norm))
      throw new TrainingError(
        `step ${this.step}: the loss is ${update.loss} with gradient norm ${update.grad_norm}; try a lower learningRate (now ${lr}) or maxGradNorm (now ${this.config.maxGradNorm})`,
      );
    this.step++;
    const numTokens = batch.trajectories.reduce((n, t) => n + t.completionIds.length, 0);
    const metrics: GrpoMetrics = {
      ...batch.metrics,
      ...update,
      learning_rate: lr,
      num_tokens: numTokens,
      rollout_tokens_per_second: numTokens / ((sampled - started) / 1000),
      train_tokens_per_second: numTokens / ((finished - sampled) / 1000),
      step_time: (finished - started) / 1000,
    };
    return { metrics, trajectories: batch.trajectories, rewards: batch.rewards, expertLoad };
  }

  /** Makes the current policy the reference. */
  refreshReference(): void {
    if (this.reference) copyParameters(this.policy.model, this.reference);
  }

  /** The reference model's parameters, to save; null without one. */
  get referenceModel(): LanguageModel | null {
    return this.reference;
  }

  dispose(): void {
    this.optimizer.dispose();
    this.reference?.dispose();
  }

  /** Samples until enough groups have spread (dapo's dynamic sampling) or the rounds are used up. */
  private async collect(signal?: AbortSignal): Promise<{ scored: ScoredTrajectory[]; trajectories: Trajectory[]; rewards: number[]; metrics: GrpoMetrics }> {
    const { numPrompts, numGenerations, dynamicSamplingRounds, scaleRewards } = this.config;
    const trajectories: Trajectory[] = [];
    const rewards: number[] = [];
    const tables: RewardTable[] = [];
    let advantages = groupAdvantages([], numGenerations, scaleRewards);
    const numWithSpread = () => advantages.zeroSpread.filter((zero) => !zero).length;
    for (let round = 0; round <= dynamicSamplingRounds && (round === 0 || numWithSpread() < numPrompts); round++) {
      const fresh = await this.sample(numPrompts, signal);
      const table = await scoreSamples(this.rewards, fresh);
      trajectories.push(...fresh);
      rewards.push(...table.totals);
      tables.push(table);
      advantages = groupAdvantages(rewards, numGenerations, scaleRewards);
    }
    this.checkSignal(numWithSpread(), advantages.zeroSpread.length, rewards);
    let scored = trajectories.map((trajectory, i) => ({ trajectory, advantage: advantages.values[i] }));
    if (dynamicSamplingRounds > 0) {
      const chosen = advantages.zeroSpread.flatMap((zero, g) => (zero ? [] : [g])).slice(0, numPrompts);
      scored = chosen.flatMap((g) => scored.slice(g * numGenerations, (g + 1) * numGenerations));
    }
    return { scored, trajectories, rewards, metrics: batchMetrics(trajectories, rewards, tables, advantages) };
  }

  private sample(numPrompts: number, signal?: AbortSignal): Promise<Trajectory[]> {
    const { numGenerations, maxCompletionLength, temperature, rolloutSlots } = this.config;
    const problems: Problem[] = Array.from({ length: numPrompts }, (_, i) => this.task.generate(this.seed, this.nextProblem + i, "train"));
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

  private checkSignal(withSpread: number, groups: number, rewards: readonly number[]): void {
    this.stepsWithoutSignal = withSpread === 0 ? this.stepsWithoutSignal + 1 : 0;
    if (this.stepsWithoutSignal < MAX_STEPS_WITHOUT_SIGNAL) return;
    const mean = rewards.reduce((a, b) => a + b, 0) / rewards.length;
    throw new TrainingError(
      `no reward spread in any of ${groups} groups for ${MAX_STEPS_WITHOUT_SIGNAL} steps (mean reward ${mean.toFixed(3)}): the problems are too ${mean > 0.5 ? "easy" : "hard"} for this model, or the reward does not tell answers apart; change the task's difficulty or the reward`,
    );
  }
}

/** Copies every parameter of `from` into `to`, which has the same shapes. */
export function copyParameters(from: LanguageModel, to: LanguageModel): void {
  for (const { name } of from.parameters.specs) {
    const [source, target] = [from.parameters.get(name), to.parameters.get(name)];
    dispatch(addScaledOp, [source, source], { alpha: 1, beta: 0, dtype: "f32" }, [target]);
  }
  to.parameters.refreshShadows();
}

function batchMetrics(
  trajectories: readonly Trajectory[],
  rewards: readonly number[],
  tables: readonly RewardTable[],
  advantages: { rewardStd: number; zeroSpread: readonly boolean[] },
): GrpoMetrics {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
  const lengths = trajectories.map((t) => t.completionIds.length);
  const finished = trajectories.filter((t) => t.stopReason === "stop").map((t) => t.completionIds.length);
  const perReward = [...tables[0].byReward.keys()].map((name) => {
    const values = tables.flatMap((t) => t.byReward.get(name) ?? []).filter((v): v is number => v !== null);
    return [`rewards/${name}/mean`, mean(values)] as const;
  });
  return {
    reward: mean(rewards),
    reward_std: advantages.rewardStd,
    frac_reward_zero_std: mean(advantages.zeroSpread.map(Number)),
    ...Object.fromEntries(perReward),
    ...tables[tables.length - 1].metrics,
    "completions/mean_length": mean(lengths),
    "completions/max_length": Math.max(...lengths),
    "completions/mean_terminated_length": mean(finished),
    "completions/clipped_ratio": 1 - finished.length / lengths.length,
  };
}
