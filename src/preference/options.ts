// The options of reward models and of DPO, checked at the boundary. Names and meanings as in TRL, where TRL has them.
import { z } from "zod";
import { parseOptions } from "../tasks/options.js";
import { loraSchema } from "../train/lora-options.js";
import { stepFields } from "../train/training-options.js";
import { DPO_LOSSES } from "./losses.js";

const shared = {
  ...stepFields,
  /** Seconds between checkpoints. */
  checkpointSeconds: z.number().positive().default(60),
  /** Rows of the data per optimiser step; a pair is one row. */
  batchRows: z.int().min(1).default(32),
  /** Data type of matrix products; null uses the one the model was trained with. */
  compute: z.enum(["f32", "bf16"]).nullable().default(null),
  /** Train a low-rank adapter and leave the model as it is; null trains the model. */
  lora: loraSchema.nullable().default(null),
  /** Number of passes over the data. Cannot be combined with `steps`. */
  epochs: z.number().positive().default(1),
  /** Number of optimiser steps; null uses `epochs`. */
  steps: z.int().min(1).nullable().default(null),
  /** Decoupled weight decay, applied to matrices only. */
  weightDecay: z.number().min(0).default(0),
  /** Step size γ of the expert balancing without auxiliary loss; 0 leaves the biases unchanged. */
  routerBiasStep: z.number().min(0).default(0),
  /** Fraction of the data held out for validation. */
  validationFraction: z.number().min(0).lt(1).default(0.1),
};

/** The options, as zod checks them. */
export const rewardModelSchema = z.strictObject({
  ...shared,
  /** Peak learning rate. */
  learningRate: z.number().positive().default(1e-4),
  /** Weight of the squared sum of a pair's scores in the loss, which keeps scores near 0; 0 leaves it out. */
  centerCoefficient: z.number().min(0).default(0),
});

/** The options, as zod checks them. */
export const dpoSchema = z.strictObject({
  ...shared,
  /** Peak learning rate. */
  learningRate: z.number().positive().default(1e-6),
  /** β: how strongly the policy is held to the reference; higher values hold it closer. */
  beta: z.number().positive().default(0.1),
  /** Loss: `sigmoid` (DPO), `robust`, `hinge` (SLiC) or `ipo` (log-ratios are averaged over tokens). */
  lossType: z.enum(DPO_LOSSES).default("sigmoid"),
  /** Share of pairs taken to be the wrong way round, for `sigmoid` (conservative DPO) and `robust`. */
  labelSmoothing: z.number().min(0).lt(0.5).default(0),
});

/** How a reward model is used in reinforcement, as zod checks it. */
export const rewardModelUseSchema = z.strictObject({
  /** What it scores: the `answer` alone, or the `completion` with its thought. */
  reads: z.enum(["answer", "completion"]).default("answer"),
  /**
   * Scores are normalised by mean and standard deviation of the held-out answers and clipped to ± this limit. A
   * completion without an answer gets the lowest value.
   */
  limit: z.number().positive().default(3),
  /** Share of the run's steps before it applies: 0.75 for the last quarter alone. */
  from: z.number().min(0).lt(1).default(0),
});

/** Options of reward models, every default filled in. */
export type RewardModelOptions = z.output<typeof rewardModelSchema>;
/** Options of reward models as given. */
export type RewardModelInput = z.input<typeof rewardModelSchema>;
/** Options of DPO, every default filled in. */
export type DpoOptions = z.output<typeof dpoSchema>;

/** Checks options and fills in the defaults. Throws ConfigError naming every problem. */
export const rewardModelOptions = (input: unknown = {}): RewardModelOptions =>
  parseOptions(rewardModelSchema, input, "reward-model");
/** Checks options and fills in the defaults. Throws ConfigError naming every problem. */
export const dpoOptions = (input: unknown = {}): DpoOptions => parseOptions(dpoSchema, input, "dpo");
