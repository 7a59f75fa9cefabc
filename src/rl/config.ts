// The knobs of group-relative policy optimisation, under TRL's names where TRL has one, checked at the boundary.
import { z } from "zod";
import { parseOptions } from "../tasks/options.js";

/** `grpo` (DeepSeekMath), `bnpo` (TRL's name for a mean over the update's tokens), `dr_grpo` (Liu et al. 2025), `dapo` (Yu et al. 2025). */
export const lossTypes = ["grpo", "bnpo", "dr_grpo", "dapo"] as const;
/** The published objectives: how tokens are averaged and which terms apply. */
export type LossType = (typeof lossTypes)[number];

/** The options, as zod checks them. */
export const grpoSchema = z.strictObject({
  /** Objective: `grpo`, `bnpo`, `dr_grpo` or `dapo`. */
  lossType: z.enum(lossTypes).default("dapo"),
  /** Rollout-and-update rounds. */
  steps: z.int().min(1).default(100),
  /** Problems per step. */
  numPrompts: z.int().min(1).default(32),
  /** G: completions per problem. */
  numGenerations: z.int().min(2).default(16),
  /** Maximum number of tokens in a completion. */
  maxCompletionLength: z.int().min(1).default(256),
  /** Sampling temperature of rollouts. */
  temperature: z.number().positive().default(1),
  /** Peak learning rate. */
  learningRate: z.number().positive().default(1e-5),
  /** Steps over which the learning rate rises to its peak. */
  warmupSteps: z.int().min(0).default(0),
  /** The learning rate falls along a cosine to this part of itself; 1: it stays. */
  finalLearningRateFraction: z.number().min(0).max(1).default(1),
  /** KL weight against the reference model; 0 keeps no reference. */
  beta: z.number().min(0).default(0),
  /** Steps after which the reference becomes the current policy (R1-Zero: 400); 0: never. */
  refRefreshSteps: z.int().min(0).default(400),
  /** ε of the ratio's lower clip. */
  epsilon: z.number().positive().default(0.2),
  /** ε of the upper clip; null: the same, or 0.28 for dapo (clip-higher). */
  epsilonHigh: z.number().positive().nullable().default(null),
  /** Passes over one batch of rollouts. */
  numIterations: z.int().min(1).default(1),
  /** Optimiser steps per pass. */
  numMinibatches: z.int().min(1).default(1),
  /** Divide advantages by the group's standard deviation; null: true but for dr_grpo. */
  scaleRewards: z.boolean().nullable().default(null),
  /** Draw further problems until this many groups have spread (dapo); 0: off. */
  dynamicSamplingRounds: z.int().min(0).default(0),
  /** Give completions cut by the length limit no part in the loss (dapo's overlong filtering). */
  maskTruncatedCompletions: z.boolean().default(false),
  /** Gradients are clipped to this norm. */
  maxGradNorm: z.number().positive().default(1),
  /** AdamW weight decay. */
  weightDecay: z.number().min(0).default(0),
  /** Tokens per micro-batch: bounds memory. */
  microBatchTokens: z.int().min(1).default(16384),
  /** Keep only the inputs of blocks and compute the rest again: less memory, a third more work. */
  recomputeLayers: z.boolean().default(false),
  /** Rows sampled at once. */
  rolloutSlots: z.int().min(1).default(256),
  /** Seconds that a reward may take for a batch before the run is stopped with the reward's name. */
  rewardTimeoutSeconds: z.number().positive().default(600),
  /** γ of the aux-loss-free expert balancing during RL. */
  routerBiasStep: z.number().min(0).default(0),
});

/** Options as given. */
export type GrpoOptions = z.input<typeof grpoSchema>;
/** Options with every default filled in. */
export type GrpoConfig = Omit<z.output<typeof grpoSchema>, "epsilonHigh" | "scaleRewards"> & { epsilonHigh: number; scaleRewards: boolean };

/** Checks options and fills in the defaults of the chosen loss type. Throws ConfigError naming every problem. */
export function parseGrpoOptions(options: GrpoOptions): GrpoConfig {
  const o = parseOptions(grpoSchema, options, "rl");
  return { ...o, epsilonHigh: o.epsilonHigh ?? (o.lossType === "dapo" ? 0.28 : o.epsilon), scaleRewards: o.scaleRewards ?? o.lossType !== "dr_grpo" };
}
