// The options of pretraining on text and of supervised fine-tuning, checked at the boundary.
import { z } from "zod";
import { countdownSchema } from "../tasks/countdown.js";
import { traceSchema } from "../tasks/countdown-traces.js";
import { parseOptions } from "../tasks/options.js";
import { OPTIMIZERS } from "./create-optimizer.js";

import { loraSchema } from "./lora-options.js";

const compute = z.enum(["f32", "bf16"]);

/** What all training on data has. */
export const stepFields = {
  /** Optimiser; `muon` uses Muon for matrices and AdamW for everything else. */
  optimizer: z.enum(OPTIMIZERS).default("adamw"),
  /** The learning rate decays along a cosine to this fraction of its peak. */
  finalFraction: z.number().min(0).max(1).default(0.1),
  /** Number of steps in which the learning rate rises to its peak. */
  warmupSteps: z.int().min(0).default(20),
  /** Maximum gradient norm; larger gradients are clipped. */
  maxGradNorm: z.number().positive().default(1),
  /** Tokens per micro-batch. Fewer need less memory. */
  microBatchTokens: z.int().min(1).default(8192),
  /** Gradient checkpointing: recompute activations in the backward pass. Saves memory, costs a third more compute. */
  recomputeLayers: z.boolean().default(false),
  /** Number of steps between two measurements of the validation loss. */
  validationEverySteps: z.int().min(1).default(50),
};

const tuning = {
  ...stepFields,
  /** Sequences per optimiser step. */
  batchSequences: z.int().min(1).default(32),
  /** Weight λ of the multi-token prediction loss, for models that have it. */
  mtpWeight: z.number().min(0).default(0.3),
  /** Weight α of the sequence-wise balance loss, for mixtures of experts. */
  balanceAlpha: z.number().min(0).default(1e-4),
};

const shared = {
  ...tuning,
  /** Seconds between checkpoints. */
  checkpointSeconds: z.number().positive().default(60),
};

/** The options, as zod checks them. */
export const pretrainSchema = z.strictObject({
  ...shared,
  /** Data type of matrix products. Master weights are always f32. */
  compute: compute.default("bf16"),
  /** Number of optimiser steps. */
  steps: z.int().min(1).default(1000),
  /** Peak learning rate. */
  learningRate: z.number().positive().default(1e-3),
  /** Decoupled weight decay, applied to matrices only. */
  weightDecay: z.number().min(0).default(0.1),
  /** Step size γ of the expert balancing without auxiliary loss. */
  routerBiasStep: z.number().min(0).default(1e-3),
  /** Tokens per sequence; null uses the model's context length. */
  context: z.int().min(2).nullable().default(null),
  /** Vocabulary size of a tokenizer that is trained on the corpus. */
  vocabSize: z.int().min(300).default(4096),
  /** Column of the text, where the corpus consists of rows; null takes `text`. */
  textColumn: z.string().min(1).nullable().default(null),
  /** Fraction of the corpus held out for the validation loss. */
  validationFraction: z.number().min(0).lt(1).default(0.05),
  /** Fields of config.json to override. */
  model: z.record(z.string(), z.unknown()).default({}),
  /** Options of the task, when training on its traces. */
  task: countdownSchema.prefault({}),
  /** Options of the search traces. */
  traces: traceSchema.prefault({}),
});

/** The options, as zod checks them. */
export const sftSchema = z.strictObject({
  ...shared,
  /** Data type of matrix products; null uses the one the model was trained with. */
  compute: compute.nullable().default(null),
  /** Train a low-rank adapter and leave the model as it is; null trains the model. */
  lora: loraSchema.nullable().default(null),
  /** Number of passes over the data. Cannot be combined with `steps`. */
  epochs: z.number().positive().default(1),
  /** Number of optimiser steps; null uses `epochs`. */
  steps: z.int().min(1).nullable().default(null),
  /** Peak learning rate. */
  learningRate: z.number().positive().default(1e-4),
  /** Decoupled weight decay, applied to matrices only. */
  weightDecay: z.number().min(0).default(0),
  /** Step size γ of the expert balancing without auxiliary loss; 0 leaves the biases unchanged. */
  routerBiasStep: z.number().min(0).default(0),
  /** Column of the prompt; null takes `prompt`, or `question`. */
  promptColumn: z.string().min(1).nullable().default(null),
  /** Column of the completion; null takes `completion`, or `answer`. */
  completionColumn: z.string().min(1).nullable().default(null),
  /** Column of a conversation, a list of messages with role and content; null takes `messages`. */
  messagesColumn: z.string().min(1).nullable().default(null),
  /** Column of a text that is learnt as a whole; null takes `text`, if there are neither prompts nor messages. */
  textColumn: z.string().min(1).nullable().default(null),
  /** Fraction of the data held out for the validation loss. */
  validationFraction: z.number().min(0).lt(1).default(0.05),
});

/** How a student trains on what a teacher says, as zod checks it. */
export const studentSchema = z.strictObject({
  ...tuning,
  /** Number of passes over the answers. Cannot be combined with `steps`. */
  epochs: z.number().positive().default(2),
  /** Number of optimiser steps; null uses `epochs`. */
  steps: z.int().min(1).nullable().default(null),
  /** Peak learning rate. */
  learningRate: z.number().positive().default(1e-4),
  /** Decoupled weight decay, applied to matrices only. */
  weightDecay: z.number().min(0).default(0),
  /** Step size γ of the expert balancing without auxiliary loss; 0 leaves the biases unchanged. */
  routerBiasStep: z.number().min(0).default(0),
  /** Fraction of the answers held out for the validation loss. */
  validationFraction: z.number().min(0).lt(1).default(0.05),
});

/** Options of pretraining, every default filled in. */
export type PretrainOptions = z.output<typeof pretrainSchema>;
/** Options of fine-tuning, every default filled in. */
export type SftOptions = z.output<typeof sftSchema>;

/** How a student trains, every default filled in. */
export type StudentOptions = z.output<typeof studentSchema>;

/** Checks options and fills in the defaults. Throws ConfigError naming every problem. */
export const pretrainOptions = (input: unknown = {}): PretrainOptions =>
  parseOptions(pretrainSchema, input, "pretrain");
/** Checks options and fills in the defaults. Throws ConfigError naming every problem. */
export const sftOptions = (input: unknown = {}): SftOptions => parseOptions(sftSchema, input, "sft");
