// The lines and files of a run directory, as types. Metric names follow TRL (huggingface/trl, GRPOTrainer "Logged
// metrics"). Knows nothing of how they are written or drawn.
import type { Fingerprints } from "./fingerprints.js";

/** The part of a run a record belongs to. */
export type Phase = "pretrain" | "sft" | "reward-model" | "dpo" | "rl" | "eval";

/** The phases in which a model is trained on data. */
export type TrainingPhase = Exclude<Phase, "rl" | "eval">;

/**
 * One line of metrics.jsonl. `step` counts from the start of its phase; an `eval` line during RL carries the RL step (0
 * = base). pretrain: loss, val_loss, tokens_per_second, mfu, learning_rate, grad_norm, num_trained_tokens.
 * reward-model: also accuracy, margin, mean_reward, … dpo: also rewards/chosen, rewards/margins, logps/chosen, …
 * Figures of held-out rows begin with val_. rl: reward, reward_std, rewards/<name>/mean, kl, entropy,
 * completions/mean_length, … eval: problems, k (samples of each), pass1, pass1_stderr, pass_k, cons_k, format_rate.
 * `expert_load/<layer>` holds each expert's share of the layer's assignments (sum 1); layers are numbered as in the
 * weights, `mtp1` is the first block of multi-token prediction. A value that is not finite is stored by its name
 * ("NaN", "Infinity"): JSON has no number for it, and null means that nothing was measured.
 */
export interface MetricsRecord {
  phase: Phase;
  /** The stage, in runs that have several of this phase, each of which counts its steps from 1. */
  stage?: string;
  step: number;
  /** ISO 8601; filled in by the run directory when left out. */
  time?: string;
  [metric: string]: string | number | boolean | null | undefined | readonly number[];
}

/**
 * One line of samples.jsonl: a prompt and what a model made of it. `model` marks answers of an evaluation by the name
 * of what was evaluated; records of several with the same `problem` are shown side by side. `completion` is the raw
 * text, think tags included.
 */
export interface SampleRecord {
  phase: Phase;
  stage?: string;
  step: number;
  time?: string;
  /** `base` and `final` in a run of one reinforcement; else the stage before the evaluation. */
  model?: string;
  split?: "train" | "held_out";
  problem: string;
  /** The problem as a person would put it to the model; of evaluations. */
  question?: string;
  prompt: string;
  completion: string;
  /** What both sides said, in order, where an environment answered; `completion` is then the model's side alone. */
  turns?: readonly { readonly from: "model" | "environment"; readonly text: string }[];
  /** The reference answer or a description of the goal, where there is one. */
  answer?: string;
  correct?: boolean;
  reward?: number;
  rewards?: Readonly<Record<string, number | null>>;
  numTokens?: number;
}

/**
 * The counted results of one evaluation. Rates lie in 0..1; `meanThinkTokens` in tokens; k is the samples of each
 * problem.
 */
export interface EvaluationMetrics {
  pass1: number;
  passK: number;
  consK: number;
  meanThinkTokens: number;
  formatRate: number;
}

/** An evaluation with the standard error of each number; null where one problem alone leaves it unknown. */
export interface EvaluationSummary extends EvaluationMetrics {
  /** Distinct problems counted. */
  problems: number;
  stderr: { readonly [K in keyof EvaluationMetrics]: number | null };
}

/** summary.json: what a finished run counted about itself. */
export interface RunSummary {
  base: EvaluationSummary;
  final: EvaluationSummary;
  /** Distinct held-out problems of either evaluation. */
  problems: number;
  /** k of pass@k and cons@k. */
  samplesPerProblem: number;
  seed: number;
  params: number;
  activeParams: number;
  pretrainTokens: number;
  rlSteps: number;
  wallSeconds: number;
  peakRssBytes: number;
  /** null where nothing of the kind was done. */
  tokensPerSecond: { pretrain: number | null; rollout: number | null; train: number | null };
  /** null where the machine's peak was not measured. */
  mfu: number | null;
  runDir: string;
}

/** summary.json of a run that only trained on data: no reinforcement, and so no before and after. */
export interface TrainingSummary {
  steps: number;
  tokens: number;
  /** Mean cross-entropy of the last step, nats per token. */
  loss: number | null;
  /** The last validation loss; null without held-out data. */
  valLoss: number | null;
  /** All figures of the last validation, where the loss is not the only one. */
  validation?: Readonly<Record<string, number>>;
  seed: number;
  params: number;
  activeParams: number;
  wallSeconds: number;
  peakRssBytes: number;
  tokensPerSecond: { train: number | null };
  mfu: number | null;
  runDir: string;
}

/** The machine a run is made on. `isa` is the instruction set the kernels chose, or `reference` without kernels. */
export interface MachineDescription {
  cpu: string;
  threads: number;
  isa: string;
  memoryBytes: number;
  platform: string;
}

/** config.json: everything needed to repeat a run. */
export interface RunConfig {
  verb: string;
  seed: number;
  /** Every option in force, defaults included; nested objects are shown as dotted names. */
  options: Readonly<Record<string, unknown>>;
  /** SHA-256 of the files that decide the run (data, rewards, tasks), by path. */
  fingerprints?: Fingerprints;
  versions: Readonly<Record<string, string>>;
  machine: MachineDescription;
  startedAt: string;
}

/** plan.json: the stage that a run is in. */
export interface RunPlan {
  phase: Phase;
  stage?: string;
  /** Its steps in all. */
  steps: number;
}

/** Lengths of the logs in bytes at a moment when every line was whole; kept in a checkpoint, given back on resume. */
export interface LogPosition {
  readonly metrics: number;
  readonly samples: number;
}
