// The options of the mix recipe and their presets, checked at the boundary.
import { z } from "zod";
import { ConfigError } from "../../src/errors.js";
import { grpoSchema } from "../../src/rl/config.js";
import { evaluationSchema } from "../../src/rl/evaluation-plan.js";
import { parseOptions, weightsSchema } from "../../src/tasks/options.js";
import { R1_PRESETS, type R1Options, r1Options } from "../r1.js";
import { SMOKE_MODEL, TINY_MODEL } from "../shared/model.js";

const trained = {
  /** Fields of config.json to override. */
  model: z.record(z.string(), z.unknown()),
  /** Steps of pretraining. */
  pretrainSteps: z.int().min(1),
  /** Sequences per step of pretraining. */
  batchSequences: z.int().min(1),
  /** Peak learning rate of pretraining. */
  learningRate: z.number().positive().default(R1_PRESETS.tiny.pretrain.learningRate),
  /** Steps of reinforcement. */
  reinforceSteps: z.int().min(1),
};

const measure = z.strictObject({
  /** Distinct held-out problems. */
  problems: z.int().min(2),
  /** Answers to each of them. */
  samplesPerProblem: z.int().min(1),
  /** Samples of the larger model that vote; the mix gets as many as take the same number of tokens. */
  votes: z.int().min(2),
  /** Training problems on which router and cascade are fitted. */
  fitProblems: z.int().min(1),
  /** Samples of each specialist for one of these. */
  fitSamples: z.int().min(1),
  /** Share of the larger model's accuracy that the cascade is to keep. */
  keep: z.number().min(0).max(1),
});

/** The options, as zod checks them. */
export const mixRecipeSchema = z.strictObject({
  /** Data type of matrix products. Master weights are always f32. */
  compute: z.enum(["f32", "bf16"]),
  /** The specialists by name, each with the weights of its tasks. */
  specialists: z.record(z.string().regex(/^[a-z0-9-]+$/), weightsSchema),
  /** Options of the tasks by name. The tasks that are not named have small problems. */
  taskOptions: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  /** Options of the thoughts in the documents of pretraining. */
  thoughts: z.record(z.string(), z.unknown()).default({}),
  /** Maximum number of tokens in the vocabulary of each model's tokenizer. */
  vocabSize: z.int().min(300),
  /** What each specialist is and how long it trains. */
  specialist: z.strictObject({ ...trained }),
  /** The model that learns everything. Its steps should take at least the time of all specialists together. */
  larger: z.strictObject({ ...trained }),
  /** Options of GRPO that all models share. */
  rl: grpoSchema,
  /** How each model is measured during its own training. */
  evaluation: evaluationSchema,
  /** How mix and larger model are compared. */
  measure,
  /** Maximum number of sequences generated at the same time in the comparison. */
  maxSequences: z.int().min(1).default(128),
  /** Seconds between checkpoints. */
  checkpointSeconds: z.number().positive(),
});

type MixRecipeInput = z.input<typeof mixRecipeSchema>;
/** Everything that decides a run, but for its seed. */
export type MixRecipeOptions = z.output<typeof mixRecipeSchema>;

/** 0.74 million parameters, 0.44 of them active. */
const SPECIALIST_MODEL = {
  ...TINY_MODEL,
  ...{ hidden_size: 96, num_hidden_layers: 3, intermediate_size: 256, moe_intermediate_size: 96 },
  ...{ n_routed_experts: 4, num_attention_heads: 3, kv_lora_rank: 32 },
};
/** 3.7 million parameters, 1.5 of them active: more than all four specialists have. */
const LARGER_MODEL = {
  ...TINY_MODEL,
  ...{ hidden_size: 160, intermediate_size: 480, moe_intermediate_size: 160, num_attention_heads: 5 },
};

/** One seed in about forty minutes on two cores that do nothing else. */
const tiny: MixRecipeInput = {
  compute: "bf16",
  specialists: {
    countdown: { countdown: 1 },
    sums: { arithmetic: 1, "linear-equations": 1, "linear-systems": 1 },
    knights: { "knights-and-knaves": 1 },
    words: { "word-problems": 1 },
  },
  thoughts: { wrong: 0.3, sloppyFormat: 0.1 },
  vocabSize: 1024,
  specialist: { model: SPECIALIST_MODEL, pretrainSteps: 1500, batchSequences: 64, reinforceSteps: 60 },
  larger: { model: LARGER_MODEL, pretrainSteps: 3200, batchSequences: 64, reinforceSteps: 90 },
  rl: R1_PRESETS.tiny.rl,
  evaluation: { ...R1_PRESETS.tiny.evaluation, problems: 100, samplesPerProblem: 2, everySteps: 30, quickProblems: 50 },
  measure: { problems: 400, samplesPerProblem: 4, votes: 8, fitProblems: 200, fitSamples: 2, keep: 1 },
  checkpointSeconds: 60,
};

/** A few seconds, to see the whole road; its figures mean nothing. */
const smoke: MixRecipeInput = {
  ...tiny,
  specialists: { sums: { arithmetic: 1 }, knights: { "knights-and-knaves": 1 } },
  // So easy that some come out right.
  taskOptions: { arithmetic: { maxDigits: 1 }, "knights-and-knaves": { people: { 2: 1 } } },
  vocabSize: 400,
  specialist: { model: SMOKE_MODEL, pretrainSteps: 120, batchSequences: 16, learningRate: 4e-3, reinforceSteps: 1 },
  larger: {
    model: { ...SMOKE_MODEL, hidden_size: 64 },
    ...{ pretrainSteps: 120, batchSequences: 16, learningRate: 4e-3, reinforceSteps: 1 },
  },
  rl: { ...R1_PRESETS.smoke.rl, numPrompts: 4, numGenerations: 4, maxCompletionLength: 96 },
  evaluation: { ...R1_PRESETS.smoke.evaluation, problems: 4, samplesPerProblem: 1, quickProblems: 4 },
  measure: { problems: 12, samplesPerProblem: 2, votes: 3, fitProblems: 48, fitSamples: 4, keep: 1 },
};

/** Named sets of options. */
export const MIX_PRESETS = { tiny, smoke } as const;
/** A name of a preset. */
export type MixPreset = keyof typeof MIX_PRESETS;

/** The name that no specialist may have. */
export const LARGER = "larger";

/**
 * Checks options, those of each model included, so that what is wrong is found before anything is trained. Throws
 * ConfigError naming every problem.
 */
export function mixRecipeOptions(input: unknown): MixRecipeOptions {
  const options = parseOptions(mixRecipeSchema, input, "mix");
  const names = Object.keys(options.specialists);
  if (names.length < 2) throw new ConfigError(`mix: specialists: expected at least two, got ${names.length}`);
  if (names.includes(LARGER)) throw new ConfigError(`mix: specialists: "${LARGER}" is the name of the other model`);
  for (const name of [...names, LARGER]) modelOptions(options, name);
  return options;
}

/** The tasks of a model, weighted; of the larger one every specialist's, each specialist's together as much. */
export function weightsOf(
  { specialists }: Pick<MixRecipeOptions, "specialists">,
  name: string,
): Record<string, number> {
  const shares = (weights: Readonly<Record<string, number>>) => {
    const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
    return Object.entries(weights).map(([task, weight]) => [task, weight / total] as const);
  };
  const chosen = name === LARGER ? Object.values(specialists) : [specialists[name]];
  const all: Record<string, number> = {};
  for (const [task, weight] of chosen.flatMap(shares)) all[task] = (all[task] ?? 0) + weight;
  return all;
}

/** The world of a model: its tasks and their options. */
export function worldOf(options: MixRecipeOptions, name: string): R1Options["world"] {
  const weights = weightsOf(options, name);
  const taskOptions = Object.entries(options.taskOptions).filter(([task]) => (weights[task] ?? 0) > 0);
  return r1Options({
    ...R1_PRESETS.tiny,
    world: { weights, options: Object.fromEntries(taskOptions), thoughts: options.thoughts },
  }).world;
}

/** The run that trains a model: pretraining on its world, then R1-Zero's reinforcement. */
export function modelOptions(options: MixRecipeOptions, name: string): R1Options {
  const { compute, vocabSize, rl, evaluation, checkpointSeconds } = options;
  const own = name === LARGER ? options.larger : options.specialist;
  const { model, pretrainSteps, batchSequences, learningRate, reinforceSteps } = own;
  const { steps: _, ...shared } = rl;
  return r1Options({
    ...R1_PRESETS.tiny,
    ...{ compute, vocabSize, evaluation, checkpointSeconds, model, rl: shared },
    stages: ["zero"],
    world: worldOf(options, name),
    pretrain: { ...R1_PRESETS.tiny.pretrain, steps: pretrainSteps, batchSequences, learningRate },
    zero: { steps: reinforceSteps },
  });
}

/** How the recipe's mixes are opened: with as large a cache as fits, of these numbers of sequences. */
export const openingOf = ({ maxSequences }: Pick<MixRecipeOptions, "maxSequences">) => ({
  maxSequences,
  cacheSequences: [maxSequences, 32, 8, 1],
});
