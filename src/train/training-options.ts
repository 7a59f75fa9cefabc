// The knobs of pretraining on text and of supervised fine-tuning, checked at the boundary.
import { z } from "zod";
import { parseOptions } from "../tasks/options.js";
import { OPTIMIZERS } from "./create-optimizer.js";

const compute = z.enum(["f32", "bf16"]);

const shared = {
  /** Sequences per optimiser step. */
  batchSequences: z.int().min(1).default(32),
  /** `muon`: matrices by Muon, the rest by AdamW. */
  optimizer: z.enum(OPTIMIZERS).default("adamw"),
  /** The cosine ends at this fraction of the peak. */
  finalFraction: z.number().min(0).max(1).default(0.1),
  /** Steps over which the learning rate rises to its peak. */
  warmupSteps: z.int().min(0).default(20),
  /** Gradients are clipped to this norm. */
  maxGradNorm: z.number().positive().default(1),
  /** Tokens per micro-batch: bounds memory. */
  microBatchTokens: z.int().min(1).default(8192),
  /** Keep only the inputs of blocks and compute the rest again: less memory, a third more work. */
  recomputeLayers: z.boolean().default(false),
  /** λ of multi-token prediction, for models that have it. */
  mtpWeight: z.number().min(0).default(0.3),
  /** α of the sequence-wise balance loss, for mixtures. */
  balanceAlpha: z.number().min(0).default(1e-4),
  /** Steps between two validation losses. */
  validationEverySteps: z.int().min(1).default(50),
  /** Seconds between checkpoints. */
  checkpointSeconds: z.number().positive().default(60),
};

/** The options, as zod checks them. */
export const pretrainSchema = z.strictObject({
  ...shared,
  /** Type of matrix products; master weights are f32 in both. */
  compute: compute.default("bf16"),
  /** Optimiser steps. */
  steps: z.int().min(1).default(1000),
  /** Peak learning rate. */
  learningRate: z.number().positive().default(1e-3),
  /** Decoupled weight decay of matrices. */
  weightDecay: z.number().min(0).default(0.1),
  /** γ of the aux-loss-free balancing. */
  routerBiasStep: z.number().min(0).default(1e-3),
  /** Tokens per sequence; null: the model's context. */
  context: z.int().min(2).nullable().default(null),
  /** Vocabulary of a tokenizer that is trained on the corpus. */
  vocabSize: z.int().min(300).default(4096),
  /** Share of the corpus kept for the validation loss. */
  validationFraction: z.number().min(0).lt(1).default(0.05),
  /** Fields of config.json to change. */
  model: z.record(z.string(), z.unknown()).default({}),
  /** Problems and searches, when the corpus is a task's traces. */
  task: z.record(z.string(), z.unknown()).default({}),
  traces: z.record(z.string(), z.unknown()).default({}),
});

/** The options, as zod checks them. */
export const sftSchema = z.strictObject({
  ...shared,
  /** null: as the model was trained. */
  compute: compute.nullable().default(null),
  /** Passes over the data; `steps` wins where it is given. */
  epochs: z.number().positive().default(1),
  /** Optimiser steps. */
  steps: z.int().min(1).nullable().default(null),
  /** Peak learning rate. */
  learningRate: z.number().positive().default(1e-4),
  /** Decoupled weight decay of matrices. */
  weightDecay: z.number().min(0).default(0),
  /** γ of the aux-loss-free expert balancing; 0 keeps the biases. */
  routerBiasStep: z.number().min(0).default(0),
  /** Share of the data kept for the validation loss. */
  validationFraction: z.number().min(0).lt(1).default(0.05),
});

/** Options of pretraining, every default filled in. */
export type PretrainOptions = z.output<typeof pretrainSchema>;
/** Options of fine-tuning, every default filled in. */
export type SftOptions = z.output<typeof sftSchema>;

/** Checks options and fills in the defaults. Throws ConfigError naming every problem. */
export const pretrainOptions = (input: unknown = {}): PretrainOptions => parseOptions(pretrainSchema, input, "pretrain");
/** Checks options and fills in the defaults. Throws ConfigError naming every problem. */
export const sftOptions = (input: unknown = {}): SftOptions => parseOptions(sftSchema, input, "sft");
