// Opens a model to run: a directory in the Hugging Face layout, a run, a GGUF file or a random model of a published
// shape. Weights stay in the type they are stored in; files are mapped, packed from and let go. Plans the memory first.

import { ConfigError } from "../../errors.js";
import { createModel } from "../../models/create.js";
import { numMtpOf } from "../../models/families.js";
import type { HfConfig } from "../../models/hf-config.js";
import type { LanguageModel } from "../../models/language-model.js";
import { publishedConfig } from "../../models/published.js";
import { contextOf } from "../../models/rope-scaling.js";
import { loadStored, type WeightSource } from "../../models/stored-weights.js";
import { nextTurn } from "../../next-turn.js";
import { partsOf } from "../../nn/parameter-spec.js";
import type { ParameterSet } from "../../nn/parameters.js";
import { type Device, defaultDevice } from "../../tensor/device.js";
import { type ComputeType, type DType, storageBytes } from "../../tensor/dtype.js";
import { numElements } from "../../tensor/tensor.js";
import { idsOf } from "../../tokenizer/end-tokens.js";
import { PagedRunner } from "../runtime/paged-runner.js";
import { type AdapterFiles, type AdapterPlaces, fillAdapters, refuseUnfit } from "./adapter-files.js";
import { mappedWeights } from "./mapped-weights.js";
import { type InferencePlan, type InferenceUse, planInference, refuseUnlessFits } from "./memory-plan.js";
import {
  type ModelSource,
  openModelSource,
  refuseScorer,
  type SourceFacts,
  type TrainingFacts,
} from "./model-source.js";
import { parametersOf, randomType, randomWeights } from "./random-weights.js";
import { WatchedFiles } from "./watched-files.js";

/** How to open a model. */
export interface InferenceOptions {
  /** Type of activations; default: as the model was trained where it was trained here, else bf16. */
  readonly compute?: ComputeType;
  /** Tokens that fit into the cache, of all sequences together; default: `cacheSequences` times the context. */
  readonly cacheTokens?: number;
  /** Sequences of a whole context that fit into the cache, where `cacheTokens` does not say; default 1. */
  readonly cacheSequences?: number;
  /**
   * Longest sequence it will see, where that decides how positions are scaled; default: `cacheTokens`, else the model's
   * own, at most 8,192.
   */
  readonly context?: number;
  /** Default: latents where the model has them, in the type of activations. */
  readonly cacheKind?: InferenceUse["cacheKind"];
  readonly cacheType?: InferenceUse["cacheType"];
  /** Sequences that run at once at most; default 64. */
  readonly maxSequences?: number;
  /** New tokens of the largest step; default 512, at least `maxSequences`. */
  readonly stepTokens?: number;
  /** Run the layer of multi-token prediction, where the model has one; default true. */
  readonly drafts?: boolean;
  /** Where it runs; default: the default device. */
  readonly device?: Device;
  /** Where adapters lie that are put over the model: PEFT's layout, or a run that trained one. */
  readonly adapter?: AdapterPlaces;
  /** Called with the bytes loaded so far and in all. */
  readonly onProgress?: (loadedBytes: number, totalBytes: number) => void;
}

/** A model with its weights frozen, and what goes with it. Its owner disposes the model. */
export interface InferenceModel extends Omit<SourceFacts, "directory" | "compute" | "isTrainedHere"> {
  /** What was opened, in words. */
  readonly label: string;
  readonly model: LanguageModel;
  readonly use: InferenceUse;
  readonly plan: InferencePlan;
  /** Files that weights are still read from. */
  readonly files: WatchedFiles;
}

/** Weights of a model and how to end their use. */
interface OpenedWeights {
  readonly source: WeightSource;
  readonly isMapped: boolean;
  readonly adapters?: readonly AdapterFiles[];
  readonly files: WatchedFiles;
  close(): void;
}

/** A runner of the opened model over a cache of its own, as planned for it. */
export const runnerOf = ({
  model,
  use,
  plan,
  files,
}: Pick<InferenceModel, "model" | "use" | "plan" | "files">): PagedRunner =>
  new PagedRunner(model, { ...use, spareBytes: 2 * plan.activations, files });

/** Parts of `random:<shape>[@type]`; null for another name. */
export function parseRandomName(path: string): { shape: string; type?: string } | null {
  const [, shape, type] = /^random:(.+?)(?:@([^@]+))?$/.exec(path) ?? [];
  return shape === undefined ? null : { shape, type };
}

/**
 * Opens `path`: a run or model directory, a GGUF file, or `random:<shape>[@type]` (published.ts; default q8_0). Throws
 * ConfigError when nothing is there, CheckpointError listing all that does not fit, BackendError with the figures when
 * it would not fit into memory.
 */
export async function openForInference(path: string, options: InferenceOptions = {}): Promise<InferenceModel> {
  const random = parseRandomName(path);
  if (random && options.adapter !== undefined) throw new ConfigError(`${path}: a random model takes no adapter`);
  if (random) return openRandom(path, random.shape, random.type, options);
  const source = await openModelSource(path, options.adapter);
  try {
    refuseScorer(path, source.facts);
    return await openStored(path, source, options);
  } finally {
    await source.close();
  }
}

/**
 * Loads an opened model's weights, frozen as they are stored. `path`: what it is called by. Throws as
 * `openForInference`.
 */
export async function openStored(
  path: string,
  { facts, weights, adapters }: ModelSource,
  options: InferenceOptions = {},
): Promise<InferenceModel> {
  const source = mappedWeights(weights, options.device);
  const compute = options.compute ?? computeOf(facts);
  const loaded = await load(
    path,
    facts.config,
    { source, isMapped: true, adapters, files: source.files, close: source.close },
    { ...options, compute },
  );
  return { ...facts, label: path, ...loaded };
}

async function openRandom(
  path: string,
  shape: string,
  type: string | undefined,
  options: InferenceOptions,
): Promise<InferenceModel> {
  const config = publishedConfig(shape);
  const source = randomWeights(parametersOf(config), randomType(type ?? "q8_0"), options.device);
  const weights = { source, isMapped: false, files: new WatchedFiles(), close: source.close };
  return {
    label: path,
    tokenizer: null,
    generation: {},
    template: null,
    stopIds: idsOf(config.eos_token_id),
    config,
    ...(await load(path, config, weights, options)),
  };
}

/** The type of activations that a model runs with unless another is asked for. */
const computeOf = ({ isTrainedHere, compute }: TrainingFacts): ComputeType => (isTrainedHere ? compute : "bf16");

/**
 * The type of activations of the model at `path` with each adapter by its name, and without any (null). Reads headers
 * alone. Throws as `openForInference` for what is not there and for adapters that do not fit.
 */
export async function computeTypes(
  path: string,
  adapters: Readonly<Record<string, string>>,
): Promise<Map<string | null, ComputeType>> {
  const source = await openModelSource(path, adapters);
  try {
    refuseScorer(path, source.facts);
    for (const adapter of source.adapters) refuseUnfit(source.facts.config, adapter);
    return new Map([...(source.facts.byAdapter ?? [])].map(([name, facts]) => [name, computeOf(facts)]));
  } finally {
    await source.close();
  }
}

/** What a model is and what it takes, before it is opened. */
export interface PlannedOpening {
  readonly facts: SourceFacts;
  readonly plan: InferencePlan;
}

/** What `openForInference` would plan for `path`. Reads headers alone. Throws as it does, but refuses no size. */
export async function planOpening(path: string, options: InferenceOptions = {}): Promise<PlannedOpening> {
  if (parseRandomName(path)) throw new ConfigError(`${path}: a random model has no tokenizer`);
  const { facts, weights, adapters, close } = await openModelSource(path, options.adapter);
  const device = options.device ?? defaultDevice();
  const source = mappedWeights(weights, device);
  try {
    refuseScorer(path, facts);
    for (const adapter of adapters) refuseUnfit(facts.config, adapter);
    const use = useOf(facts.config, { ...options, compute: options.compute ?? computeOf(facts) });
    const specs = adapters.map(({ spec }) => spec);
    return { facts, plan: await planInference(facts.config, source, use, true, device, specs) };
  } finally {
    source.close();
    await close();
  }
}

/** What a model is opened for, the options' defaults filled in. */
export function useOf(config: HfConfig, options: InferenceOptions): InferenceUse {
  const compute = options.compute ?? "bf16";
  const sequences = options.maxSequences ?? 64;
  const context = options.context ?? options.cacheTokens ?? Math.min(contextOf(config), 8192);
  const cacheTokens = options.cacheTokens ?? (options.cacheSequences ?? 1) * context;
  return {
    compute,
    cacheKind: options.cacheKind ?? ("kv_lora_rank" in config ? "latent" : "heads"),
    cacheType: options.cacheType ?? compute,
    cacheTokens,
    context,
    sequences,
    stepTokens: options.stepTokens ?? Math.max(512, sequences),
    usesDrafts: (options.drafts ?? true) && numMtpOf(config) > 0,
  };
}

async function load(
  what: string,
  config: HfConfig,
  { source, isMapped, adapters = [], files, close }: OpenedWeights,
  options: InferenceOptions,
): Promise<Pick<InferenceModel, "model" | "use" | "plan" | "files">> {
  const use = useOf(config, options);
  const device = options.device ?? defaultDevice();
  const specs = adapters.map(({ spec }) => spec);
  try {
    for (const adapter of adapters) refuseUnfit(config, adapter);
    const plan = await planInference(config, source, use, isMapped, device, specs);
    refuseUnlessFits(what, plan);
    const model = createModel(config, {
      compute: use.compute,
      seed: null,
      trains: "none",
      device,
      context: use.context,
      adapters: specs,
    });
    try {
      await fill(model.parameters, source, options.onProgress);
      await fillAdapters(model, adapters);
      files.refuseChangedNow();
    } catch (error) {
      model.dispose();
      throw error;
    }
    return { model, use, plan, files };
  } finally {
    close();
    device.trim();
  }
}

async function fill(
  parameters: ParameterSet,
  source: WeightSource,
  onProgress: InferenceOptions["onProgress"],
): Promise<void> {
  const bytesOf = (spec: Parameters<typeof partsOf>[0]) =>
    partsOf(spec).reduce(
      (sum, { name, shape }) => sum + storageBytes(source.info(name)?.dtype as DType, numElements(shape)),
      0,
    );
  const total = onProgress ? parameters.specs.reduce((sum, spec) => sum + bytesOf(spec), 0) : 0;
  let loaded = 0;
  await loadStored(parameters, source, async (spec) => {
    onProgress?.((loaded += bytesOf(spec)), total);
    // Packing does not wait for anything: this is when progress is shown and Ctrl-C heard.
    await nextTurn();
  });
}
