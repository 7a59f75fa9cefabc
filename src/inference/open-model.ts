// Opens a model to use: the newest sound checkpoint of a run directory, or a directory in the Hugging Face layout.
// Knows where the parts lie; not what they will be used for.
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fitToWeights } from "../checkpoint/fit-config.js";
import { type JsonObject, loadLatest, type ModelDirectory, openModelDirectory, readJsonObject, storedValues, weightNames } from "../checkpoint/index.js";
import { CheckpointError, ConfigError } from "../errors.js";
import { fileProblem } from "../foreign-file.js";
import { createModel } from "../models/create.js";
import { type HfConfig, parseHfConfig } from "../models/hf-config.js";
import type { LanguageModel } from "../models/language-model.js";
import { loadWeights } from "../models/weights.js";
import type { ComputeType } from "../nn/parameters.js";
import type { PromptTemplate } from "../tasks/task.js";
import { PROMPT_TEMPLATES } from "../tasks/templates.js";
import { endTokens, idsOf } from "../tokenizer/end-tokens.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { loadTokenizer } from "../tokenizer/tokenizer-files.js";
import { modelLocation } from "./model-location.js";

/** What is known of a model without its weights. */
export interface ModelFacts {
  /** The directory the weights lie in. */
  readonly directory: string;
  readonly config: HfConfig;
  readonly tokenizer: Tokenizer;
  /** generation_config.json, or nothing. */
  readonly generation: JsonObject;
  /** The compute type the model was trained with, where that is recorded; else f32. */
  readonly compute: ComputeType;
  /** How prompts were put to the model in training, where that is recorded. */
  readonly template: PromptTemplate | null;
  /** Tokens that end a completion. */
  readonly stopIds: readonly number[];
  /** Says which damaged checkpoints were passed over. */
  readonly warning?: string;
}

/** A model ready to use. Its owner disposes the model. */
export interface OpenedModel extends ModelFacts {
  readonly model: LanguageModel;
}

/** Opens `path` with its weights, to compute as it was trained to unless asked otherwise. Throws ConfigError when there is no model there, CheckpointError when it is damaged or of another shape than its config says. */
export async function openModel(path: string, options: { readonly compute?: ComputeType } = {}): Promise<OpenedModel> {
  return withFiles(path, async (opened, facts) => {
    const model = createModel(facts.config, { compute: options.compute ?? facts.compute, seed: null });
    try {
      await loadWeights(model.parameters, (name) => storedValues(opened.weights, name), weightNames(opened.weights));
      return { ...facts, model };
    } catch (error) {
      model.dispose();
      throw error;
    }
  });
}

/** Reads all of a model but its weights. Throws as `openModel`. */
export const readModelFacts = (path: string): Promise<ModelFacts> => withFiles(path, async (_, facts) => facts);

async function withFiles<R>(path: string, body: (opened: ModelDirectory, facts: ModelFacts) => Promise<R>): Promise<R> {
  const { opened, config, warning } = await openFiles(path);
  try {
    const { directory } = opened;
    const tokenizer = loadTokenizer(directory);
    return await body(opened, { directory, config, tokenizer, warning, ...(await readGeneration(opened, tokenizer)) });
  } finally {
    await opened.close();
  }
}

/** An opened model directory and its configuration, as its weights have it. Close `opened` after use. */
export interface ModelFiles {
  readonly opened: ModelDirectory;
  readonly config: HfConfig;
  readonly warning?: string;
}

/** The model directory behind a path: of a run, its newest sound checkpoint; of one of its files, the directory. */
export async function openFiles(path: string): Promise<ModelFiles> {
  const opened = await openFolder(modelLocation(path));
  try {
    const config = await fitToWeights(parseHfConfig(opened.config, join(opened.directory, "config.json")), opened.weights);
    return { opened, config, warning: opened.warning };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function openFolder(path: string): Promise<ModelDirectory & { readonly warning?: string }> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new ConfigError(`${path}: there is no such directory; name a run (runs/…) or a model directory`);
  const problem = stats.isDirectory() ? undefined : fileProblem(stats);
  if (problem) throw new ConfigError(`${path}: ${problem}`);
  if (stats.isFile()) throw new ConfigError(`${path}: expected a directory with config.json and safetensors; luciole convert makes one of a GGUF file`);
  if (!isRunDirectory(path)) return openModelDirectory(path);
  const opened = await loadLatest(join(path, "checkpoints"));
  if (!opened) throw new CheckpointError(`${path}: this run has no checkpoint yet; wait for the first one, or go on with --resume`);
  return opened;
}

/** Whether a directory is a run and not a model: both have a config.json. */
export const isRunDirectory = (path: string): boolean => existsSync(join(path, "checkpoints")) && !existsSync(join(path, "model.safetensors"));

/** What generation_config.json says of sampling, and the ends that it, config.json and the tokenizer name. */
export async function readGeneration(
  { directory, config }: ModelDirectory,
  tokenizer: Tokenizer | null,
): Promise<Pick<ModelFacts, "generation" | "compute" | "template" | "stopIds">> {
  const file = join(directory, "generation_config.json");
  const generation = existsSync(file) ? await readJsonObject(file) : {};
  const stopIds = endTokens(idsOf(generation.eos_token_id, config.eos_token_id), tokenizer);
  return { generation, compute: generation.compute_type === "bf16" ? "bf16" : "f32", template: trainedTemplate(generation), stopIds };
}

/** How prompts were put to the model in training, as its generation_config.json records it. */
export const trainedTemplate = (generation: JsonObject): PromptTemplate | null => PROMPT_TEMPLATES.find((name) => name === generation.prompt_template) ?? null;

/** How to sample: what is asked for, else what the model's generation_config.json says, else plainly. */
export function samplingOf(generation: JsonObject, asked: { readonly temperature?: number; readonly topP?: number }): { temperature: number; topP: number } {
  const own = (key: string) => (typeof generation[key] === "number" ? (generation[key] as number) : 1);
  return { temperature: asked.temperature ?? own("temperature"), topP: asked.topP ?? own("top_p") };
}
