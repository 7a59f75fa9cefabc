// The knobs of the R1-Zero recipe and their presets, checked at the boundary.
import { z } from "zod";
import { ConfigError, didYouMean } from "../../src/errors.js";
import { type HfConfig, hfConfigKeys, parseHfConfig } from "../../src/models/hf-config.js";
import { type GrpoOptions, parseGrpoOptions } from "../../src/rl/config.js";
import { type CountdownOptions, createCountdownTask } from "../../src/tasks/countdown.js";
import { type TraceOptionsInput, traceOptions } from "../../src/tasks/countdown-traces.js";
import { parseOptions } from "../../src/tasks/options.js";
import { OPTIMIZERS } from "../../src/train/create-optimizer.js";
import { refuseDerivedFields } from "../../src/train/material.js";

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

const evaluation = z.strictObject({
  /** Number of distinct held-out problems; all of them if the task has fewer. */
  problems: z.int().min(1),
  /** Samples per problem. */
  samplesPerProblem: z.int().min(1),
  /** Sampling temperature. */
  temperature: z.number().positive(),
  /** Nucleus sampling: sample from the most likely tokens that together reach this probability. */
  topP: z.number().positive().max(1),
  /** Samples generated at the same time. */
  slots: z.int().min(1),
  /** Number of steps between two quick evaluations during RL. */
  everySteps: z.int().min(1),
  /** Problems in a quick evaluation, one sample each. */
  quickProblems: z.int().min(1),
});

/** The options, as zod checks them. */
export const zeroSchema = z.strictObject({
  /** Data type of matrix products. Master weights are always f32. */
  compute: z.enum(["f32", "bf16"]),
  /** Fields of config.json to override. */
  model: z.record(z.string(), z.unknown()),
  /** Options of Countdown. */
  task: z.record(z.string(), z.unknown()),
  /** Options of the search traces. */
  traces: z.record(z.string(), z.unknown()),
  /** Pretraining on traces. */
  pretrain,
  /** Options of GRPO. */
  rl: z.record(z.string(), z.unknown()),
  /** Evaluation on held-out problems. */
  evaluation,
  /** Seconds between checkpoints. */
  checkpointSeconds: z.number().positive(),
});

/** Everything that decides a run, but for its seed. */
export interface ZeroOptions extends Omit<z.output<typeof zeroSchema>, "task" | "traces" | "rl" | "model"> {
  readonly model: Readonly<Record<string, unknown>>;
  readonly task: CountdownOptions;
  readonly traces: TraceOptionsInput;
  readonly rl: GrpoOptions;
}

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
const tiny: ZeroOptions = {
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
    rolloutSlots: 256,
  },
  // R1's own protocol (arXiv 2501.12948 v1 §3): temperature 0.6, top-p 0.95.
  evaluation: {
    problems: 200,
    samplesPerProblem: 16,
    temperature: 0.6,
    topP: 0.95,
    slots: 256,
    everySteps: 10,
    quickProblems: 100,
  },
  checkpointSeconds: 60,
};

/** A minute or two, to see the whole road; its figures mean nothing. */
const smoke: ZeroOptions = {
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
  evaluation: { ...tiny.evaluation, problems: 8, samplesPerProblem: 4, slots: 32, everySteps: 2, quickProblems: 4 },
};

/** Named sets of options. */
export const ZERO_PRESETS = { tiny, smoke } as const;
/** A name of a preset. */
export type ZeroPreset = keyof typeof ZERO_PRESETS;

/**
 * A preset with overrides (nested objects are merged one level down), every part of it checked, so that a wrong key is
 * found now and not after pretraining. Throws ConfigError naming what is wrong.
 */
export function zeroOptions(preset: ZeroPreset, overrides: Readonly<Record<string, unknown>> = {}): ZeroOptions {
  const base = ZERO_PRESETS[preset] as unknown as Record<string, unknown>;
  const merged = { ...base };
  for (const [key, value] of Object.entries(overrides))
    merged[key] = isRecord(value) && isRecord(base[key]) ? { ...base[key], ...value } : value;
  const options = parseOptions(zeroSchema, merged, "zero") as unknown as ZeroOptions;
  checkParts(options);
  return options;
}

/** Each part has a reader of its own; here they only object. */
function checkParts(options: ZeroOptions): void {
  refuseDerivedFields(options.model, "zero");
  const known = hfConfigKeys("deepseek_v3");
  const unknown = Object.keys(options.model).find((key) => !known.includes(key));
  if (unknown) throw new ConfigError(`zero: unknown option "model.${unknown}"${didYouMean(unknown, known)}`);
  createCountdownTask(options.task).generate(0, 0, "heldout");
  traceOptions(options.traces);
  parseGrpoOptions(options.rl);
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

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
