// The options of the R1-Zero recipe and their presets, checked at the boundary.
import { z } from "zod";
import { ConfigError, didYouMean } from "../../src/errors.js";
import { type HfConfig, hfConfigKeys, parseHfConfig } from "../../src/models/hf-config.js";
import { grpoSchema } from "../../src/rl/config.js";
import { evaluationSchema } from "../../src/rl/evaluation-plan.js";
import { countdownSchema, createCountdownTask } from "../../src/tasks/countdown.js";
import { traceOptions, traceSchema } from "../../src/tasks/countdown-traces.js";
import { parseOptions } from "../../src/tasks/options.js";
import { OPTIMIZERS } from "../../src/train/create-optimizer.js";
import { refuseDerivedFields } from "../../src/train/pretraining-data.js";

const pretrain = z.strictObject({
  /** Number of optimiser steps. */
  steps: z.int().min(1),
  /** Sequences (traces) per optimiser step. */
  batchSequences: z.int().min(1),
  /** Optimiser; `muon` uses Muon for matrices and AdamW for everything else. */
  optimizer: z.enum(OPTIMIZERS).default("adamw"),
  /** Peak learning rate. */
  learningRate: z.number().positive(),
  /** Number of steps in which the learning rate rises to its peak. */
  warmupSteps: z.int().min(0),
  /** Decoupled weight decay, applied to matrices only. */
  weightDecay: z.number().min(0),
  /** Weight λ of the multi-token prediction loss. */
  mtpWeight: z.number().min(0),
  /** Weight α of the sequence-wise balance loss. */
  balanceAlpha: z.number().min(0),
  /** Step size γ of the expert balancing without auxiliary loss. */
  routerBiasStep: z.number().min(0),
  /** Tokens per micro-batch. Fewer need less memory. */
  microBatchTokens: z.int().min(1),
});

/** The options, as zod checks them. */
export const zeroSchema = z.strictObject({
  /** Data type of matrix products. Master weights are always f32. */
  compute: z.enum(["f32", "bf16"]),
  /** Fields of config.json to override. */
  model: z.record(z.string(), z.unknown()),
  /** Options of Countdown. */
  task: countdownSchema,
  /** Options of the search traces. */
  traces: traceSchema,
  /** Pretraining on traces. */
  pretrain,
  /** Options of GRPO. */
  rl: grpoSchema,
  /** Evaluation on held-out problems, before, during and after reinforcement. */
  evaluation: evaluationSchema,
  /** Seconds between checkpoints. */
  checkpointSeconds: z.number().positive(),
});

/** Options as given. */
type ZeroInput = z.input<typeof zeroSchema>;
/** Everything that decides a run, but for its seed. */
export type ZeroOptions = z.output<typeof zeroSchema>;

/** Tokens of a prompt and a completion together. */
const CONTEXT = 512;

const model = {
  model_type: "deepseek_v3",
  hidden_size: 128,
  num_hidden_layers: 4,
  first_k_dense_replace: 1,
  intermediate_size: 384,
  moe_intermediate_size: 128,
  n_routed_experts: 8,
  num_experts_per_tok: 2,
  n_shared_experts: 1,
  n_group: 1,
  topk_group: 1,
  norm_topk_prob: true,
  routed_scaling_factor: 1,
  num_attention_heads: 4,
  q_lora_rank: null,
  kv_lora_rank: 48,
  qk_nope_head_dim: 16,
  qk_rope_head_dim: 16,
  v_head_dim: 32,
  num_nextn_predict_layers: 1,
  max_position_embeddings: CONTEXT,
  rope_theta: 10000,
  rms_norm_eps: 1e-6,
  initializer_range: 0.05,
  tie_word_embeddings: false,
};

/** The main job: about a quarter of an hour on two cores. How each number came about: docs/log.md. */
const tiny: ZeroInput = {
  compute: "bf16",
  model,
  task: { numbers: { 3: 0.8, 4: 0.2 }, maxNumber: 9, maxTarget: 50 },
  traces: {
    styles: { random: 0.4, "greedy-last": 0.6 },
    attempts: { 1: 0.58, 2: 0.13, 3: 0.07, 4: 0.06, 6: 0.06, 8: 0.05, 12: 0.04, 16: 0.01 },
  },
  pretrain: {
    steps: 4500,
    batchSequences: 32,
    optimizer: "adamw",
    learningRate: 2e-3,
    warmupSteps: 50,
    weightDecay: 0.1,
    mtpWeight: 0.3,
    balanceAlpha: 1e-4,
    routerBiasStep: 1e-3,
    microBatchTokens: 8192,
  },
  rl: {
    lossType: "dapo",
    steps: 100,
    numPrompts: 32,
    numGenerations: 16,
    maxCompletionLength: 300,
    learningRate: 4e-4,
    finalLearningRateFraction: 0.1,
    microBatchTokens: 16384,
    maxSequences: 256,
  },
  // R1's own protocol (arXiv 2501.12948 v1 §3): temperature 0.6, top-p 0.95.
  evaluation: {
    problems: 200,
    samplesPerProblem: 16,
    temperature: 0.6,
    topP: 0.95,
    maxSequences: 256,
    everySteps: 10,
    quickProblems: 100,
  },
  checkpointSeconds: 60,
};

/** A minute or two, to see the whole road; its figures mean nothing. */
const smoke: ZeroInput = {
  ...tiny,
  model: {
    ...model,
    hidden_size: 32,
    num_hidden_layers: 2,
    intermediate_size: 64,
    moe_intermediate_size: 32,
    n_routed_experts: 4,
    kv_lora_rank: 16,
  },
  pretrain: { ...tiny.pretrain, steps: 8, batchSequences: 16, warmupSteps: 2 },
  rl: { ...tiny.rl, steps: 3, numPrompts: 4, numGenerations: 4, maxCompletionLength: 48 },
  evaluation: {
    ...tiny.evaluation,
    problems: 8,
    samplesPerProblem: 4,
    maxSequences: 32,
    everySteps: 2,
    quickProblems: 4,
  },
};

/** Named sets of options. */
export const ZERO_PRESETS = { tiny, smoke } as const;
/** A name of a preset. */
export type ZeroPreset = keyof typeof ZERO_PRESETS;

/**
 * Checks options, every part of them, so that what is wrong is found now and not after pretraining; fills in defaults.
 * Throws ConfigError naming every problem.
 */
export function zeroOptions(input: unknown): ZeroOptions {
  const options = parseOptions(zeroSchema, input, "zero");
  checkParts(options);
  return options;
}

/** What no schema says: each part is tried once, before anything is trained. */
function checkParts(options: ZeroOptions): void {
  refuseDerivedFields(options.model, "zero");
  const known = hfConfigKeys("deepseek_v3");
  const unknown = Object.keys(options.model).find((key) => !known.includes(key));
  if (unknown) throw new ConfigError(`zero: unknown option "model.${unknown}"${didYouMean(unknown, known)}`);
  createCountdownTask(options.task).generate(0, 0, "heldout");
  traceOptions(options.traces);
  try {
    modelConfig(options, { vocabSize: 64 });
  } catch (error) {
    throw new ConfigError((error as Error).message, { cause: error });
  }
}

/** The model's configuration for a vocabulary. */
export function modelConfig(
  options: ZeroOptions,
  tokenizer: { vocabSize: number; bosId?: number; eosId?: number; padId?: number },
): HfConfig {
  const { vocabSize, bosId, eosId, padId } = tokenizer;
  return parseHfConfig(
    {
      ...options.model,
      vocab_size: vocabSize,
      bos_token_id: bosId,
      eos_token_id: eosId,
      pad_token_id: padId,
      torch_dtype: "float32",
    },
    "zero: model",
  );
}
