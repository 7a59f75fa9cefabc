// The options of group-relative policy optimisation, under TRL's names where TRL has one, checked at the boundary.
import { z } from "zod";
import { parseOptions } from "../tasks/options.js";
import { curriculumSchema } from "./curriculum.js";
import { lossRules, lossTypes } from "./loss-types.js";

/** The options, as zod checks them; defaults that depend on the variant of the loss are filled in. */
export const grpoSchema = z
  .strictObject({
    /**
     * Objective: `grpo`, its variants `bnpo`, `dr_grpo` and `dapo`, `gspo` (ratios of sequences), `cispo` (limited
     * weights instead of clipping), `rloo` (leave-one-out baseline), `reinforce_plus_plus` (baseline of the batch).
     */
    lossType: z.enum(lossTypes).default("dapo"),
    /** Number of steps; each samples rollouts and then updates the model. */
    steps: z.int().min(1).default(100),
    /** Problems per step. */
    numPrompts: z.int().min(1).default(32),
    /** Completions per problem (the group size G). */
    numGenerations: z.int().min(2).default(16),
    /** Maximum number of tokens in a completion. */
    maxCompletionLength: z.int().min(1).default(256),
    /** Sampling temperature of rollouts. */
    temperature: z.number().positive().default(1),
    /** Peak learning rate. */
    learningRate: z.number().positive().default(1e-5),
    /** Number of steps in which the learning rate rises to its peak. */
    warmupSteps: z.int().min(0).default(0),
    /** The learning rate decays along a cosine to this fraction of its peak; 1 keeps it constant. */
    finalLearningRateFraction: z.number().min(0).max(1).default(1),
    /**
     * Weight β of the KL penalty; 0 needs no reference model. The penalty is part of the loss, or of the rewards with
     * `rloo` and `reinforce_plus_plus`.
     */
    beta: z.number().min(0).default(0),
    /**
     * Number of steps after which the reference model is replaced by the current policy (400 in R1-Zero); 0 never
     * replaces it.
     */
    refRefreshSteps: z.int().min(0).default(400),
    /** Lower clipping bound ε of the probability ratio; null uses 0.2, or 0.0003 for gspo. */
    epsilon: z.number().positive().nullable().default(null),
    /**
     * Upper clipping bound ε; null uses `epsilon`, 0.28 for dapo (clip-higher) and 0.0004 for gspo. For cispo it is the
     * limit of the ratio itself, and null uses 5.
     */
    epsilonHigh: z.number().positive().nullable().default(null),
    /** Number of passes over each batch of rollouts. */
    numIterations: z.int().min(1).default(1),
    /** Optimiser steps per pass. */
    numMinibatches: z.int().min(1).default(1),
    /**
     * Divide advantages by the standard deviation of the rewards of their `group`, of the whole `batch`, or not at all
     * (`none`). Null uses `group`, `none` for dr_grpo and rloo, and `batch` for reinforce_plus_plus.
     */
    scaleRewards: z.enum(["group", "batch", "none"]).nullable().default(null),
    /**
     * DAPO's dynamic sampling: maximum number of extra sampling rounds to fill the batch with groups whose rewards
     * differ; 0 turns it off.
     */
    dynamicSamplingRounds: z.int().min(0).default(0),
    /** Choose training problems by their difficulty and the recent accuracy at it; null takes them as they come. */
    curriculum: curriculumSchema.nullable().default(null),
    /** Exclude completions cut off by the length limit from the loss (DAPO's overlong filtering). */
    maskTruncatedCompletions: z.boolean().default(false),
    /** Maximum gradient norm; larger gradients are clipped. */
    maxGradNorm: z.number().positive().default(1),
    /** Decoupled weight decay (AdamW). */
    weightDecay: z.number().min(0).default(0),
    /** Tokens per micro-batch. Fewer need less memory. */
    microBatchTokens: z.int().min(1).default(16384),
    /** Gradient checkpointing: recompute activations in the backward pass. Saves memory, costs a third more compute. */
    recomputeLayers: z.boolean().default(false),
    /** Maximum number of completions generated at the same time. */
    maxSequences: z.int().min(1).default(256),
    /** Time limit in seconds of a reward for one batch. A reward that exceeds it stops the run and is named. */
    rewardTimeoutSeconds: z.number().positive().default(600),
    /** Step size γ of the expert balancing without auxiliary loss; 0 leaves the biases unchanged. */
    routerBiasStep: z.number().min(0).default(0),
  })
  .refine(({ lossType, scaleRewards }) => scaleRewards !== "group" || lossRules[lossType].baseline === "group", {
    path: ["scaleRewards"],
    message: "rloo and reinforce_plus_plus cannot scale by the group; use batch or none",
  })
  .transform((options) => {
    const rules = lossRules[options.lossType];
    const epsilon = options.epsilon ?? rules.epsilon;
    const epsilonHigh = options.epsilonHigh ?? rules.epsilonHigh ?? epsilon;
    return { ...options, epsilon, epsilonHigh, scaleRewards: options.scaleRewards ?? rules.scaleRewards };
  });

/** Options as given. */
export type GrpoOptions = z.input<typeof grpoSchema>;
/** Options with every default filled in. */
export type GrpoConfig = z.output<typeof grpoSchema>;

/** Checks options and fills in the defaults. Throws ConfigError naming every problem. */
export const parseGrpoOptions = (options: GrpoOptions): GrpoConfig => parseOptions(grpoSchema, options, "rl");
