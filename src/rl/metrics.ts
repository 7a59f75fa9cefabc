// What a step of reinforcement reports, by name. A name that TRL has means what TRL 1.16 (GRPOTrainer) means by it; all
// else has a name of its own. Knows how batches are counted; not how they came about.
import type { Trajectory } from "../eval/trajectory.js";
import type { RewardTable } from "../tasks/reward.js";
import type { WorkCount } from "../train/work-count.js";
import { type Advantages, meanAndDeviation } from "./advantage.js";

/** The figures of a step and what each of them is. Those that a step did not measure are absent. */
export const GRPO_METRICS = {
  reward: "mean total reward of the completions to which at least one reward applies",
  reward_std: "standard deviation of the total rewards over the whole batch",
  frac_reward_zero_std:
    "share of groups whose rewards are all equal; with scaleRewards=batch 1 if all rewards are equal and 0 otherwise",
  num_tokens: "prompt and completion tokens sampled since the start of the run",
  loss: "value of the objective, including the KL term; mean over the step's updates",
  grad_norm: "gradient norm before clipping; mean over the step's updates",
  learning_rate: "learning rate of the step",
  step_time: "seconds from the first sampled token to the last update",
  kl:
    "estimate of the KL divergence from the reference model, mean over tokens; only with beta > 0. k3, or the plain " +
    "log-ratio at sampling (k1) with rloo and reinforce_plus_plus",
  teacher_kl:
    "only with luciole distill, on-policy: log-probability of the sampled tokens under the student less that under the " +
    "teacher, mean over tokens; estimates the reverse KL divergence (k1)",
  entropy:
    "entropy of the next-token distribution, mean over completion tokens; only with beta > 0, where every " +
    "completion is computed",
  "trained/entropy":
    "the same for completions with a non-zero advantage only; with beta = 0 the others are not computed",
  "clip_ratio/low_mean":
    "share of tokens (with gspo and rloo of completions) whose probability ratio is clipped at the lower bound",
  "clip_ratio/low_min": "lowest such share among the completions",
  "clip_ratio/high_mean":
    "share of tokens (with gspo and rloo of completions) whose probability ratio is clipped at the upper bound",
  "clip_ratio/high_max": "highest such share among the completions",
  "clip_ratio/region_mean": "share of tokens (with gspo and rloo of completions) clipped at either bound",
  cispo_clip_ratio: "with cispo, in place of clip_ratio: share of tokens whose ratio exceeds its limit",
  "trained/sampling_logp_difference/mean":
    "absolute difference of the log-probabilities that trainer and sampler compute, mean over the tokens " +
    "of the step's first update",
  "trained/sampling_logp_difference/max": "maximum of this difference",
  "completions/mean_length": "mean number of tokens per completion, including the end token",
  "completions/min_length": "number of tokens of the shortest completion",
  "completions/max_length": "number of tokens of the longest completion",
  "completions/clipped_ratio": "share of completions without an end token, usually cut off by the length limit",
  "completions/mean_terminated_length":
    "mean number of tokens of the completions with an end token; 0 if there are none",
  "completions/min_terminated_length": "number of tokens of the shortest of them",
  "completions/max_terminated_length": "number of tokens of the longest of them",
  "environment/mean_turns": "with an environment: mean number of turns of the model per completion",
  "environment/mean_reply_tokens":
    "with an environment: mean number of its tokens per completion; they count nowhere else, as in TRL",
  "curriculum/difficulty":
    "with a curriculum: mean difficulty of the step's problems; curriculum/accuracy/<level> is the recent accuracy at each",
  rollout_tokens_per_second: "completion tokens sampled per second",
  train_tokens_per_second:
    "completion tokens trained on per second of update time; completions that are not computed do not count",
} as const;

/** A figure that the trainer itself reports; `rewards/<name>/mean` and `/std` come in addition. */
export type GrpoMetric = keyof typeof GRPO_METRICS;

/** A step's figures. */
export type GrpoMetrics = Record<string, number>;

/** Names that lines of a log carry for themselves, and families of names that are the trainer's. */
const RESERVED =
  /^(phase|step|time|model|k|problems)$|^(rewards|completions|environment|curriculum|clip_ratio|sampling|trained|expert_load)\//;

/** Whether a metric of this name is the trainer's own, so that a reward may not log it. */
export const isReservedMetric = (name: string): boolean => Object.hasOwn(GRPO_METRICS, name) || RESERVED.test(name);

/** The figures of a step's completions, all sampling rounds together. */
export function batchMetrics(
  trajectories: readonly Trajectory[],
  table: RewardTable,
  { zeroStdShare }: Advantages,
): GrpoMetrics {
  const total = meanAndDeviation(table.totals);
  return {
    ...measured({ reward: total.mean, reward_std: total.std }),
    frac_reward_zero_std: zeroStdShare,
    ...Object.assign({}, ...[...table.byReward].map(([name, values]) => rewardMetrics(name, values))),
    ...loggedMeans(table),
    ...lengthMetrics(trajectories),
    ...turnMetrics(trajectories),
  };
}

function rewardMetrics(name: string, values: readonly (number | null)[]): GrpoMetrics {
  const { mean, std } = meanAndDeviation(values);
  return measured({ [`rewards/${name}/mean`]: mean, [`rewards/${name}/std`]: std });
}

/** Leaves out what could not be measured: means of nothing, deviations of one. */
function measured(figures: Record<string, number | null>): GrpoMetrics {
  return Object.fromEntries(
    Object.entries(figures).filter((entry): entry is [string, number] => entry[1] !== null && !Number.isNaN(entry[1])),
  );
}

const loggedMeans = ({ logged }: RewardTable): GrpoMetrics =>
  Object.fromEntries([...logged].map(([name, { sum, count }]) => [name, sum / count]));

/** Figures of the completions' lengths. */
export function lengthMetrics(trajectories: readonly Trajectory[]): GrpoMetrics {
  const all = trajectories.map((t) => t.completionIds.length);
  const ended = trajectories.filter((t) => t.finishReason === "stop").map((t) => t.completionIds.length);
  const [whole, terminated] = [extent(all), extent(ended)];
  return {
    "completions/mean_length": whole.mean,
    "completions/min_length": whole.min,
    "completions/max_length": whole.max,
    "completions/clipped_ratio": 1 - ended.length / all.length,
    "completions/mean_terminated_length": terminated.mean,
    "completions/min_terminated_length": terminated.min,
    "completions/max_terminated_length": terminated.max,
  };
}

function turnMetrics(trajectories: readonly Trajectory[]): GrpoMetrics {
  const all = trajectories.flatMap(({ turns }) => turns ?? []);
  if (all.length === 0) return {};
  const replies = all.filter(({ from }) => from === "environment");
  return {
    "environment/mean_turns": (all.length - replies.length) / trajectories.length,
    "environment/mean_reply_tokens": replies.reduce((sum, { ids }) => sum + ids.length, 0) / trajectories.length,
  };
}

/** What a step's work came to: the tokens since the start, the learning rate, the speeds. */
export const workMetrics = (
  { numTokens }: { readonly numTokens: number },
  lr: number,
  { rollout, train }: { readonly rollout: WorkCount; readonly train: WorkCount },
): GrpoMetrics => ({
  learning_rate: lr,
  num_tokens: numTokens,
  rollout_tokens_per_second: rollout.tokens / rollout.seconds,
  ...(train.tokens > 0 ? { train_tokens_per_second: train.tokens / train.seconds } : {}),
  step_time: rollout.seconds + train.seconds,
});

/** Mean and ends of some lengths; zeros without any. */
function extent(lengths: readonly number[]): { mean: number; min: number; max: number } {
  if (lengths.length === 0) return { mean: 0, min: 0, max: 0 };
  const min = lengths.reduce((a, b) => Math.min(a, b));
  return {
    mean: lengths.reduce((a, b) => a + b, 0) / lengths.length,
    min,
    max: lengths.reduce((a, b) => Math.max(a, b)),
  };
}
