// Where a model's files are opened, once for every verb: a run, a model directory or a GGUF file becomes a
// configuration, a tokenizer, what is known of sampling, and stored tensors. Knows not what they will be used for.
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fitToWeights } from "../../checkpoint/fit-config.js";
import {
  type GgufModel,
  type JsonObject,
  loadLatest,
  type ModelDirectory,
  openGgufModel,
  openModelDirectory,
  readJsonObject,
  type TensorSource,
} from "../../checkpoint/index.js";
import { CheckpointError, ConfigError, LucioleError } from "../../errors.js";
import { fileProblem } from "../../foreign-file.js";
import { scoresTexts } from "../../models/config-fields.js";
import { withScoreHead } from "../../models/families.js";
import { type HfConfig, parseHfConfig } from "../../models/hf-config.js";
import { passedOverScaling } from "../../models/rope-scaling.js";
import type { PromptTemplate } from "../../tasks/task.js";
import { PROMPT_TEMPLATES } from "../../tasks/templates.js";
import type { ComputeType } from "../../tensor/dtype.js";
import { ownCommand, shownPath } from "../../terminal/own-command.js";
import { createGgufTokenizer } from "../../tokenizer/create-tokenizer.js";
import { endTokens, idsOf } from "../../tokenizer/end-tokens.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import { loadTokenizer } from "../../tokenizer/tokenizer-files.js";
import { type AdapterFiles, type AdapterPlaces, isAdapterAt, openAdapter, openAdapters } from "./adapter-files.js";
import { modelLocation } from "./model-location.js";

/** What follows from how a model, or an adapter over it, was trained. */
export interface TrainingFacts {
  /** generation_config.json, or nothing. */
  readonly generation: JsonObject;
  /** The compute type the model was trained with, where that is recorded; else f32. */
  readonly compute: ComputeType;
  /** Whether the model was trained here: its weights are those of training, in f32. */
  readonly isTrainedHere: boolean;
  /** How prompts were put to the model in training, where that is recorded. */
  readonly template: PromptTemplate | null;
}

/** What is known of a model without its weights. With several adapters, what all of them have in common. */
export interface SourceFacts extends TrainingFacts {
  /** Where the weights lie: a directory, of a run that of its newest sound checkpoint, or a GGUF file. */
  readonly directory: string;
  readonly config: HfConfig;
  /** null where there is none with the weights, or none that can be read. */
  readonly tokenizer: Tokenizer | null;
  /** What is known with each adapter by its name, and without any (null), where there are adapters. */
  readonly byAdapter?: ReadonlyMap<string | null, TrainingFacts>;
  /** Tokens that end a completion. */
  readonly stopIds: readonly number[];
  /** Says which damaged checkpoints and which settings were passed over, or why there is no tokenizer. */
  readonly warning?: string;
}

/** A model's files, opened. Close it after use. */
export interface ModelSource {
  readonly facts: SourceFacts;
  /** Under Hugging Face names. */
  readonly weights: TensorSource;
  /** Adapters over them. */
  readonly adapters: readonly AdapterFiles[];
  close(): Promise<void>;
}

/**
 * Opens what lies at `path`, with adapters over it where any are named; an adapter alone brings the model that it was
 * trained over. Throws ConfigError when there is no model, CheckpointError when it is damaged or
 * contradicts itself.
 */
export async function openModelSource(path: string, adapter?: AdapterPlaces): Promise<ModelSource> {
  if (adapter !== undefined) return withAdapters(await openAdapters(adapter), path);
  if (!(await isAdapterAt(path))) return openBase(path);
  const alone = await openAdapter(path);
  return withAdapters([alone], alone.base);
}

/** Adapters over the model at `path`. */
async function withAdapters(adapters: readonly AdapterFiles[], path: string | null): Promise<ModelSource> {
  const closeAdapters = () => Promise.all(adapters.map(({ close }) => close()));
  try {
    if (path === null || !existsSync(path)) throw withoutBase(adapters[0].directory, path);
    const source = await openModelSource(path);
    const { facts, adapters: under, weights } = source;
    const close = async () => void (await Promise.all([source.close(), closeAdapters()]));
    if (under.length > 0) {
      await source.close();
      throw new ConfigError(`${path} is itself an adapter; name the model that it was trained over`);
    }
    const byAdapter = new Map<string | null, TrainingFacts>([
      [null, facts],
      ...adapters.map((each) => [each.spec.name, tunedFacts(facts, [each])] as const),
    ]);
    return { facts: { ...tunedFacts(facts, adapters), byAdapter }, weights, adapters, close };
  } catch (error) {
    await closeAdapters();
    throw error;
  }
}

const withoutBase = (directory: string, path: string | null): ConfigError =>
  new ConfigError(
    `${directory}: the adapter was trained over ${path ?? "a model that it does not name"}, which is not here; name ` +
      "the model itself and this directory with --adapter",
  );

/** What the runs that trained adapters recorded, all of them the same, goes before what is known of the model. */
function tunedFacts(facts: SourceFacts, adapters: readonly AdapterFiles[]): SourceFacts {
  const generation = agreed(adapters.map((each) => each.generation));
  const recorded = generation.compute_type;
  const warnings = [facts.warning, ...adapters.map(({ warning }) => warning)].filter((each) => each !== undefined);
  return {
    ...facts,
    ...(adapters.some(({ scores }) => scores) ? { config: withScoreHead(facts.config) } : {}),
    directory: adapters.length === 1 ? adapters[0].directory : facts.directory,
    generation: { ...facts.generation, ...generation },
    template: trainedTemplate(generation) ?? facts.template,
    ...(recorded === undefined ? {} : { compute: recorded === "bf16" ? "bf16" : "f32", isTrainedHere: true }),
    warning: warnings.length > 0 ? warnings.join("; ") : undefined,
  };
}

/** The settings that all records have in common. */
function agreed([first, ...others]: readonly JsonObject[]): JsonObject {
  const isCommon = ([key, value]: readonly [string, unknown]) =>
    others.every((each) => JSON.stringify(each[key]) === JSON.stringify(value));
  return Object.fromEntries(Object.entries(first ?? {}).filter(isCommon));
}

async function openBase(path: string): Promise<ModelSource> {
  const place = modelLocation(path);
  return statSync(place, { throwIfNoEntry: false })?.isFile() ? openGguf(place) : openDirectory(place);
}

async function openDirectory(path: string): Promise<ModelSource> {
  const { opened, config, warning } = await openFiles(path);
  try {
    const { directory, weights } = opened;
    const tokenizer = existsSync(join(directory, "tokenizer.json")) ? loadTokenizer(directory) : null;
    const generation = await readGeneration(directory);
    refuseUnlessWhole(directory, generation);
    const stopIds = endTokens(idsOf(generation.eos_token_id, opened.config.eos_token_id), tokenizer);
    const recorded = generation.compute_type;
    const compute = recorded === "bf16" ? "bf16" : "f32";
    const isTrainedHere = recorded !== undefined && weights.names.every((name) => weights.info(name).dtype === "f32");
    const facts = { directory, config, tokenizer, generation, compute, isTrainedHere, stopIds, warning } as const;
    return {
      facts: { ...facts, template: trainedTemplate(generation) },
      weights,
      adapters: [],
      close: () => opened.close(),
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** Throws ConfigError for a reward model where a model is to be opened that continues texts. */
export function refuseScorer(path: string, { config }: Pick<SourceFacts, "config">): void {
  if (!scoresTexts(config)) return;
  throw new ConfigError(
    `${path}: this is a reward model: it scores texts and writes none; use it as a reward: ${ownCommand()} rl --reward ` +
      `rm:${shownPath(path)}`,
  );
}

/** Throws CheckpointError for a checkpoint of a model that was trained with frozen weights. */
function refuseUnlessWhole(directory: string, { frozen_tensors: frozen }: JsonObject): void {
  if (typeof frozen !== "number" || frozen === 0) return;
  throw new CheckpointError(
    `${directory} holds the trained weights alone; ${frozen} frozen tensors stand in the model that training began ` +
      "with: open that model with the same `trains` and restore this checkpoint into it",
  );
}

async function openGguf(path: string): Promise<ModelSource> {
  const opened = await openGgufModel(path);
  try {
    const { config, weights } = opened;
    const { tokenizer, warning } = ggufTokenizerOf(opened, path);
    const stopIds = endTokens(idsOf(config.eos_token_id), tokenizer);
    const facts = {
      directory: path,
      config,
      tokenizer,
      generation: {},
      compute: "f32",
      isTrainedHere: false,
      template: null,
      stopIds,
      warning,
    } as const;
    return { facts, weights, adapters: [], close: () => opened.close() };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** A vocabulary that cannot be read leaves the model usable with token ids. */
function ggufTokenizerOf({ file }: GgufModel, path: string): { tokenizer: Tokenizer | null; warning?: string } {
  try {
    return { tokenizer: createGgufTokenizer(file.facts, path) };
  } catch (error) {
    if (!(error instanceof LucioleError)) throw error;
    return { tokenizer: null, warning: error.message };
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
    if (opened.isAdapter)
      throw new ConfigError(`${path} is an adapter, not a model; luciole merge makes a model of it`);
    const config = await fitToWeights(
      parseHfConfig(opened.config, join(opened.directory, "config.json")),
      opened.weights,
    );
    const warnings = [opened.warning, passedOverScaling(config)].filter((warning) => warning !== undefined);
    return { opened, config, warning: warnings.length > 0 ? warnings.join("; ") : undefined };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function openFolder(path: string): Promise<ModelDirectory & { readonly warning?: string }> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new ConfigError(`${path}: no such directory; expected a run (runs/…) or a model directory`);
  const problem = stats.isDirectory() ? undefined : fileProblem(stats);
  if (problem) throw new ConfigError(`${path}: ${problem}`);
  if (!isRunDirectory(path)) return openModelDirectory(path);
  const opened = await loadLatest(join(path, "checkpoints"));
  if (!opened)
    throw new CheckpointError(
      `${path}: this run has no checkpoint yet; wait for the first one, or continue the run with --resume`,
    );
  return opened;
}

/** Whether a directory is a run and not a model: both have a config.json. */
export const isRunDirectory = (path: string): boolean =>
  existsSync(join(path, "checkpoints")) && !existsSync(join(path, "model.safetensors"));

async function readGeneration(directory: string): Promise<JsonObject> {
  const file = join(directory, "generation_config.json");
  return existsSync(file) ? readJsonObject(file) : {};
}

/** How prompts were put to the model in training, as its generation_config.json records it. */
export const trainedTemplate = (generation: JsonObject): PromptTemplate | null =>
  PROMPT_TEMPLATES.find((name) => name === generation.prompt_template) ?? null;
