// The options of distillation, checked at the boundary.
import { z } from "zod";
import { PROMPT_STYLES } from "../eval/problem-prompt.js";
import { answerRulesSchema } from "../rl/answer-filter.js";
import { type GrpoConfig, parseGrpoOptions } from "../rl/config.js";
import { evaluationSchema } from "../rl/evaluation-plan.js";
import { parseOptions } from "../tasks/options.js";
import { loraSchema } from "../train/lora-options.js";
import { studentSchema } from "../train/training-options.js";

/** What the student learns from. */
export const DISTILL_METHODS = ["sequence", "logits", "on-policy"] as const;
/** The name of one. */
export type DistillMethod = (typeof DISTILL_METHODS)[number];

const sampling = z.strictObject({
  /** Number of training problems; null takes each row of a data set once, or 2048 problems of a task. */
  problems: z.int().min(1).nullable().default(null),
  /** Answers to each problem. */
  samplesPerProblem: z.int().min(1).default(4),
  /** Sampling temperature. R1's own answers were sampled at 0.6 (arXiv 2501.12948 v1 §3). */
  temperature: z.number().positive().default(0.6),
  /** Nucleus sampling: sample from the most likely tokens that together reach this probability. */
  topP: z.number().positive().max(1).default(0.95),
  /** Maximum number of tokens in an answer; null takes the limit that the teacher was trained with, else 1024. */
  maxCompletionLength: z.int().min(1).nullable().default(null),
  /** Maximum number of answers generated at the same time. */
  maxSequences: z.int().min(1).default(64),
});

const logits = z.strictObject({
  /** `forward` is KL(teacher‖student), which covers the teacher; `reverse` is KL(student‖teacher), which seeks modes. */
  direction: z.enum(["forward", "reverse"]).default("forward"),
  /** Number of the teacher's likeliest tokens that are stored of each token; the others count together. */
  topK: z.int().min(1).default(16),
  /** Temperature of both distributions. */
  temperature: z.number().positive().default(1),
  /** Share of plain fine-tuning on the answers in the loss. */
  hardWeight: z.number().min(0).max(1).default(0),
});

const onPolicy = z.strictObject({
  /** Number of steps; in each the student samples, the teachers score, and the student is updated. */
  steps: z.int().min(1).default(100),
  /** Problems per step. */
  numPrompts: z.int().min(1).default(32),
  /** Completions per problem. */
  numGenerations: z.int().min(1).default(4),
  /** Peak learning rate. */
  learningRate: z.number().positive().default(1e-5),
  /** Number of steps in which the learning rate rises to its peak. */
  warmupSteps: z.int().min(0).default(0),
  /** The learning rate decays along a cosine to this fraction of its peak; 1 keeps it constant. */
  finalLearningRateFraction: z.number().min(0).max(1).default(1),
  /** Optimiser steps on the completions of each step. */
  numMinibatches: z.int().min(1).default(1),
  /** Maximum gradient norm; larger gradients are clipped. */
  maxGradNorm: z.number().positive().default(1),
  /** Decoupled weight decay (AdamW). */
  weightDecay: z.number().min(0).default(0),
  /** Tokens per micro-batch, of teachers and student. Fewer need less memory. */
  microBatchTokens: z.int().min(1).default(16384),
  /** Gradient checkpointing: recompute activations in the backward pass. Saves memory, costs a third more compute. */
  recomputeLayers: z.boolean().default(false),
  /** Step size γ of the expert balancing without auxiliary loss; 0 leaves the biases unchanged. */
  routerBiasStep: z.number().min(0).default(0),
});

/** The options, as zod checks them. */
export const distillSchema = z.strictObject({
  /**
   * What the student learns from: `sequence` fine-tunes it on answers of the teacher; `logits` teaches it the teacher's
   * distribution at every token of them; `on-policy` samples the student and moves it towards what the teacher finds
   * likely, token by token. Only `sequence` takes a student with another vocabulary.
   */
  method: z.enum(DISTILL_METHODS).default("sequence"),
  /** Data type of the student's matrix products; null uses the one it was trained with, and bf16 for a new model. */
  compute: z.enum(["f32", "bf16"]).nullable().default(null),
  /** Train a low-rank adapter and leave the student as it is; null trains the student. */
  lora: loraSchema.nullable().default(null),
  /** Prompt format of teacher and student; null uses for each the one it was trained with, else its chat template. */
  template: z.enum(PROMPT_STYLES).nullable().default(null),
  /** Fields of config.json to override, for a student that is a new model. */
  model: z.record(z.string(), z.unknown()).default({}),
  /** Options of the task. */
  task: z.record(z.string(), z.unknown()).default({}),
  /** Sampling of answers. */
  sampling: sampling.prefault({}),
  /** Which answers the student learns. */
  filter: answerRulesSchema.prefault({}),
  /** Training of the student on answers. */
  train: studentSchema.prefault({}),
  /** The teacher's distribution as the student learns it. */
  logits: logits.prefault({}),
  /** Training of the student on its own samples. */
  onPolicy: onPolicy.prefault({}),
  /** Evaluation on held-out problems, before and after. */
  evaluation: evaluationSchema.prefault({}),
  /** Seconds between checkpoints. */
  checkpointSeconds: z.number().positive().default(60),
});

/** Options as given. */
export type DistillInput = z.input<typeof distillSchema>;
/** Options of distillation, every default filled in. */
export type DistillOptions = z.output<typeof distillSchema>;

/** Checks options and fills in the defaults. Throws ConfigError naming every problem. */
export const distillOptions = (input: unknown = {}): DistillOptions => parseOptions(distillSchema, input, "distill");

/** The steps of on-policy distillation as the updates of a policy take them: plain means over tokens, no rewards. */
export const onPolicyConfig = ({ onPolicy, sampling }: DistillOptions, maxCompletionLength: number): GrpoConfig => ({
  ...parseGrpoOptions({ lossType: "dapo", temperature: 1, beta: 0 }),
  ...onPolicy,
  maxCompletionLength,
  maxSequences: sampling.maxSequences,
});
