// The options of the R1-Zero recipe and their presets, checked at the boundary.
import { z } from "zod";
import type { HfConfig } from "../../src/models/hf-config.js";
import { grpoSchema } from "../../src/rl/config.js";
import { evaluationSchema } from "../../src/rl/evaluation-plan.js";
import { countdownSchema, createCountdownTask } from "../../src/tasks/countdown.js";
import { traceOptions, traceSchema } from "../../src/tasks/countdown-traces.js";
import { parseOptions } from "../../src/tasks/options.js";
import { OPTIMIZERS } from "../../src/train/create-optimizer.js";
import {
  checkModelFields,
  type ModelVocabulary,
  modelOf,
  SMOKE_MODEL,
  TINY_MODEL,
  TINY_PRETRAINING,
} from "../shared/model.js";

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

/** The main job: about a quarter of an hour on two cores. How each number came about: docs/log.md. */
const tiny: ZeroInput = {
  compute: "bf16",
  model: TINY_MODEL,
  task: { numbers: { 3: 0.8, 4: 0.2 }, maxNumber: 9, maxTarget: 50 },
  traces: {
    styles: { random: 0.4, "greedy-last": 0.6 },
    attempts: { 1: 0.58, 2: 0.13, 3: 0.07, 4: 0.06, 6: 0.06, 8: 0.05, 12: 0.04, 16: 0.01 },
  },
  pretrain: { ...TINY_PRETRAINING, steps: 4500, batchSequences: 32 },
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
  model: SMOKE_MODEL,
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
  checkModelFields(options.model, "zero");
  createCountdownTask(options.task).generate(0, 0, "heldout");
  traceOptions(options.traces);
}

/** The model's configuration for a vocabulary. */
export const modelConfig = ({ model }: Pick<ZeroOptions, "model">, vocabulary: ModelVocabulary): HfConfig =>
  modelOf(model, vocabulary, "zero");
