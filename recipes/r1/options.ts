// The options of the R1 recipe and their presets, checked at the boundary.
import { resolve } from "node:path";
import { z } from "zod";
import { ConfigError } from "../../src/errors.js";
import { dataFiles } from "../../src/library/data-files.js";
import type { IdleRule } from "../../src/library/idle-settings.js";
import type { HfConfig } from "../../src/models/hf-config.js";
import { type GrpoConfig, grpoSchema } from "../../src/rl/config.js";
import { evaluationSchema } from "../../src/rl/evaluation-plan.js";
import { isRecord, parseOptions } from "../../src/tasks/options.js";
import { World, worldSchema } from "../../src/tasks/world.js";
import { OPTIMIZERS } from "../../src/train/create-optimizer.js";
import {
  checkModelFields,
  type ModelVocabulary,
  modelOf,
  SMOKE_MODEL,
  TINY_MODEL,
  TINY_PRETRAINING,
} from "../shared/model.js";

/** The stage whose weights fine-tuning begins from. */
export const BASE_STAGE = "pretrain";

/** The stages after pretraining, in their order. */
export const R1_STAGES = ["zero", "cold", "reason", "rejection", "all", "students"] as const;
/** The name of one. */
export type R1StageName = (typeof R1_STAGES)[number];

const training = {
  /** Sequences per optimiser step. */
  batchSequences: z.int().min(1),
  /** Optimiser; `muon` uses Muon for matrices and AdamW for everything else. */
  optimizer: z.enum(OPTIMIZERS).default("adamw"),
  /** Peak learning rate. */
  learningRate: z.number().positive(),
  /** Number of steps in which the learning rate rises to its peak. */
  warmupSteps: z.int().min(0).default(10),
  /** Decoupled weight decay, applied to matrices only. */
  weightDecay: z.number().min(0).default(0.1),
};

const pretrain = z.strictObject({
  ...training,
  /** Number of optimiser steps. */
  steps: z.int().min(1),
  /** Weight λ of the multi-token prediction loss, in fine-tuning too. */
  mtpWeight: z.number().min(0),
  /** Weight α of the sequence-wise balance loss, in fine-tuning too. */
  balanceAlpha: z.number().min(0),
  /** Step size γ of the expert balancing without auxiliary loss. */
  routerBiasStep: z.number().min(0),
  /** Tokens per micro-batch, in fine-tuning too. Fewer need less memory. */
  microBatchTokens: z.int().min(1),
});

const dataOption = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .nullable()
  .default(null)
  .transform((given) => (given === null ? null : [given].flat()));

const sampled = {
  ...training,
  /** Files of rows with prompt and completion to learn in place of sampled answers; null samples them. */
  data: dataOption,
  /** Training problems of which answers are sampled. */
  problems: z.int().min(1),
  /** Answers sampled of each. */
  samplesPerProblem: z.int().min(1),
  /** Fit answers that are kept of one problem. */
  keptPerProblem: z.int().min(1).default(2),
  /** Sampling temperature. */
  temperature: z.number().positive().default(1),
  /** Smallest share of English words in a thought that is kept; formulas count as another language. */
  minEnglish: z.number().min(0).max(1).default(1),
  /** Number of passes over the rows. */
  epochs: z.number().positive().default(2),
};

const cold = z.strictObject({ ...sampled });
const rejection = z.strictObject({
  ...sampled,
  /** General instructions with good answers that join the rows. */
  generalRows: z.int().min(0),
});

const course = {
  /** Number of steps. */
  steps: z.int().min(1),
  /** Peak learning rate in place of `rl.learningRate`; null: the same. */
  learningRate: z.number().positive().nullable().default(null),
};
const languageWeight = z.number().min(0).default(0.5);
const reinforced = z.strictObject({
  ...course,
  /** Weight of the reward for the share of English words in the thought, beside accuracy and form. */
  languageWeight,
});

const judged = z.strictObject({
  /** Files of rows to learn in place of the world's own; null makes them. */
  data: dataOption,
  /** Rows that are made. */
  rows: z.int().min(10),
});

const rewardModels = z.strictObject({
  /** Which answers are helpful: better and worse ones to a prompt (`prompt`, `chosen`, `rejected`). */
  helpful: judged,
  /** Which answers are harmless: answers with a label (`prompt`, `completion`, `safe`). */
  harmless: judged,
  /** Rows per optimiser step. */
  batchRows: z.int().min(1),
  /** Number of passes over the rows. */
  epochs: z.number().positive(),
  /** Peak learning rate. */
  learningRate: z.number().positive(),
  /** Weight of each of the two rewards on general prompts; 0 trains no reward model. */
  weight: z.number().min(0),
  /** Share of the steps of the last stage before the two apply. */
  from: z.number().min(0).lt(1),
});

/** One table for reading and writing: two would be most of so small a model. */
const ONE_TABLE = { tie_word_embeddings: true };

/** Students: a dense one and one with latent attention and experts, of at most a third of the teacher's active size. */
export const STUDENT_SHAPES = {
  dense: {
    shape: "llama-tiny",
    model: {
      hidden_size: 96,
      num_hidden_layers: 3,
      intermediate_size: 192,
      num_attention_heads: 3,
      num_key_value_heads: 1,
      ...ONE_TABLE,
    },
  },
  experts: {
    shape: "deepseek-tiny",
    model: {
      ...{ hidden_size: 80, num_hidden_layers: 3, intermediate_size: 192, moe_intermediate_size: 64 },
      ...{ n_routed_experts: 6, num_attention_heads: 3, kv_lora_rank: 32 },
      ...ONE_TABLE,
    },
  },
} as const;
/** The name of one. */
export type StudentName = keyof typeof STUDENT_SHAPES;
const STUDENT_NAMES = Object.keys(STUDENT_SHAPES) as StudentName[];

const students = z.strictObject({
  /** Which students the model teaches as it is then: `dense`, `experts`. */
  names: z.array(z.enum(STUDENT_NAMES)).min(1),
  /** Steps of pretraining on the world before they are taught, as `pretrain` says; 0: they begin from random weights. */
  pretrainSteps: z.int().min(0).default(0),
  /** Training problems of which the finished model's answers are sampled. */
  problems: z.int().min(1),
  /** Answers sampled of each. */
  samplesPerProblem: z.int().min(1),
  /** Number of passes over the right ones. */
  epochs: z.number().positive(),
  /** Sequences per optimiser step. */
  batchSequences: z.int().min(1),
  /** Peak learning rate. */
  learningRate: z.number().positive(),
});

/** The options, as zod checks them. */
export const r1Schema = z.strictObject({
  /** Data type of matrix products. Master weights are always f32. */
  compute: z.enum(["f32", "bf16"]),
  /** Stages after pretraining; those left out are not done. Their order is always the same. */
  stages: z
    .array(z.enum(R1_STAGES))
    .min(1)
    .default([...R1_STAGES]),
  /** A run or model directory to begin with in place of pretraining: one that was trained on the world's prompts. */
  base: z.string().min(1).nullable().default(null),
  /** Fields of config.json to override. */
  model: z.record(z.string(), z.unknown()),
  /** Maximum number of tokens in the vocabulary of the tokenizer, which is trained on the world. */
  vocabSize: z.int().min(300),
  /** The world of tasks: what is pretrained on, reinforced and evaluated. */
  world: worldSchema,
  /** Pretraining on the world's documents. */
  pretrain,
  /** R1-Zero: reinforcement of the base, for right answers and form alone. */
  zero: z.strictObject({ ...course }),
  /** Cold start: the base fine-tuned on long, readable chains. */
  cold,
  /** Reinforcement for reasoning, with language consistency. */
  reason: reinforced,
  /** The base fine-tuned on right and readable answers, with general material. */
  rejection,
  /** The reward models of general prompts: trained before the last stage, from the model that it reinforces. */
  rewardModels,
  /** Reinforcement for all scenarios, general prompts included. */
  all: reinforced,
  /** Small new models that learn from the finished one's right answers, each in a run of its own inside the run. */
  students,
  /** Options of GRPO that all reinforcement shares; each stage has its own number of steps. */
  rl: grpoSchema,
  /** Evaluation on held-out problems, before, during and after each stage. */
  evaluation: evaluationSchema,
  /** General prompts in each full evaluation. */
  generalPrompts: z.int().min(1),
  /** Seconds between checkpoints. */
  checkpointSeconds: z.number().positive(),
});

/** Options as given. */
type R1Input = z.input<typeof r1Schema>;
/** Everything that decides a run, but for its seed. */
export type R1Options = Omit<z.output<typeof r1Schema>, "rl"> & { readonly rl: Omit<GrpoConfig, "steps"> };

/** The whole road in less than an hour on two cores. */
const tiny: R1Input = {
  compute: "bf16",
  model: TINY_MODEL,
  vocabSize: 1024,
  // What is written anywhere: often wrong, often out of form, in two languages at once, seldom helpful.
  world: {
    flawedAnswers: 0.65,
    thoughts: { wrong: 0.45, sloppyFormat: 0.2, languages: { english: 0.35, symbols: 0.25, mixed: 0.4 } },
  },
  pretrain: { ...TINY_PRETRAINING, steps: 4000, batchSequences: 64 },
  zero: { steps: 160 },
  cold: { problems: 16384, samplesPerProblem: 4, batchSequences: 32, learningRate: 1e-3 },
  reason: { steps: 200 },
  // Many rows, three times: they make the largest difference to the base of all stages.
  rejection: {
    ...{ problems: 32768, samplesPerProblem: 4, epochs: 3, batchSequences: 32, learningRate: 1e-3 },
    generalRows: 20000,
  },
  // "Only in the last quarter" (arXiv 2501.12948 §2.3.4): reward models invite hacking when they are followed longer.
  rewardModels: {
    helpful: { rows: 4000 },
    harmless: { rows: 1000 },
    ...{ batchRows: 32, epochs: 1, learningRate: 3e-4, weight: 0.3, from: 0.75 },
  },
  // A lower rate: what fine-tuning taught of general prompts is forgotten at the others' (docs/log.md).
  all: { steps: 150, learningRate: 1e-4 },
  students: {
    ...{ names: ["dense", "experts"], pretrainSteps: 1200, problems: 8192, samplesPerProblem: 4 },
    ...{ epochs: 3, batchSequences: 64, learningRate: 2e-3 },
  },
  rl: {
    lossType: "dapo",
    numPrompts: 32,
    numGenerations: 16,
    maxCompletionLength: 256,
    learningRate: 3e-4,
    finalLearningRateFraction: 0.1,
    microBatchTokens: 16384,
    maxSequences: 256,
  },
  evaluation: {
    problems: 300,
    samplesPerProblem: 4,
    temperature: 0.6,
    topP: 0.95,
    maxSequences: 256,
    everySteps: 10,
    quickProblems: 100,
  },
  generalPrompts: 400,
  checkpointSeconds: 60,
};

/** A minute or two, to see the whole road; its figures mean nothing. Sums of one digit, so that some come out right. */
const smoke: R1Input = {
  ...tiny,
  model: SMOKE_MODEL,
  vocabSize: 400,
  world: { weights: { arithmetic: 3, general: 1 }, options: { arithmetic: { maxDigits: 1 } } },
  pretrain: { ...tiny.pretrain, steps: 160, batchSequences: 32, warmupSteps: 10, learningRate: 4e-3 },
  zero: { steps: 2 },
  cold: { ...tiny.cold, problems: 96, samplesPerProblem: 8, batchSequences: 8 },
  reason: { steps: 2 },
  rejection: { ...tiny.rejection, problems: 96, samplesPerProblem: 8, batchSequences: 8, generalRows: 16 },
  rewardModels: { ...tiny.rewardModels, helpful: { rows: 40 }, harmless: { rows: 20 }, batchRows: 8, from: 0.5 },
  all: { steps: 2 },
  students: {
    ...tiny.students,
    names: ["experts"],
    pretrainSteps: 20,
    problems: 96,
    samplesPerProblem: 8,
    batchSequences: 8,
  },
  rl: { ...tiny.rl, numPrompts: 8, numGenerations: 4, maxCompletionLength: 64 },
  evaluation: { ...tiny.evaluation, problems: 16, samplesPerProblem: 2, everySteps: 2, quickProblems: 8 },
  generalPrompts: 16,
};

/** Named sets of options. */
export const R1_PRESETS = { tiny, smoke } as const;
/** A name of a preset. */
export type R1Preset = keyof typeof R1_PRESETS;

/**
 * Checks options, every part of them, so that what is wrong is found now and not after pretraining; fills in defaults.
 * Throws ConfigError naming every problem.
 */
export function r1Options(input: unknown): R1Options {
  if (isRecord(input) && isRecord(input.rl) && input.rl.steps !== undefined)
    throw new ConfigError(
      "r1: each stage has its own number of steps; set zero.steps, reason.steps or all.steps, not rl.steps",
    );
  const parsed = parseOptions(r1Schema, input, "r1");
  const { steps: _, ...rl } = parsed.rl;
  const { helpful, harmless } = parsed.rewardModels;
  const options = {
    ...parsed,
    ...{ rl, cold: withFiles(parsed.cold), rejection: withFiles(parsed.rejection) },
    rewardModels: { ...parsed.rewardModels, helpful: withFiles(helpful), harmless: withFiles(harmless) },
  };
  checkModelFields(options.model, "r1");
  const { weights } = new World(options.world, 0).taskOptions as { readonly weights: Readonly<Record<string, number>> };
  if (!Object.entries(weights).some(([name, weight]) => name !== "general" && weight > 0))
    throw new ConfigError("r1: world.weights needs a task besides general: reinforcement goes by verifiers");
  return options;
}

/** Options that would change nothing in a run: those of stages that it leaves out, or that are given. */
export function r1IdleRules({ base, stages, cold, rejection, rewardModels }: R1Options): IdleRule[] {
  const ofPretraining = ["steps", "batchSequences", "optimizer", "learningRate", "warmupSteps", "weightDecay"];
  const ofSampling = ["problems", "samplesPerProblem", "keptPerProblem", "temperature", "minEnglish"];
  const unused = ["model", "vocabSize", ...[...ofPretraining, "routerBiasStep"].map((key) => `pretrain.${key}`)];
  return [
    ...unused.map((path): IdleRule => [path, base !== null, "base gives the model"]),
    ...R1_STAGES.map((name): IdleRule => [name, !stages.includes(name), "stages leaves it out"]),
    ["rewardModels", !stages.includes("all"), "stages leaves out the stage that uses them"],
    ...["helpful", "harmless", "batchRows", "epochs", "learningRate", "from"].map(
      (key): IdleRule => [`rewardModels.${key}`, rewardModels.weight === 0, "rewardModels.weight is 0"],
    ),
    ...(["helpful", "harmless"] as const).map(
      (name): IdleRule => [
        `rewardModels.${name}.rows`,
        rewardModels[name].data !== null,
        `rewardModels.${name}.data gives the rows`,
      ],
    ),
    ...Object.entries({ cold, rejection }).flatMap(([name, { data }]) =>
      ofSampling.map((key): IdleRule => [`${name}.${key}`, data !== null, `${name}.data gives the rows`]),
    ),
  ];
}

/** The options with the files of the data by their whole paths. Throws ConfigError for data that are not there. */
const withFiles = <T extends { readonly data: string[] | null }>(options: T): T => ({
  ...options,
  data: options.data && dataFiles(options.data).map((file) => resolve(file)),
});

/** The model's configuration for a vocabulary. */
export const modelConfig = ({ model }: Pick<R1Options, "model">, vocabulary: ModelVocabulary): HfConfig =>
  modelOf(model, vocabulary, "r1");
