// What there is to know of a model before it is opened: architecture, parameters, cache, the memory it would take.
// Reads headers alone.
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { createShapesDevice } from "../../backends/shapes.js";
import { openGgufModel, readJsonObject, type TensorInfo, type TensorSource } from "../../checkpoint/index.js";
import { ConfigError } from "../../errors.js";
import { fileProblem } from "../../foreign-file.js";
import { scoresTexts } from "../../models/config-fields.js";
import { createModel } from "../../models/create.js";
import { type HfConfig, parseHfConfig } from "../../models/hf-config.js";
import type { LanguageModel } from "../../models/language-model.js";
import { publishedConfig } from "../../models/published.js";
import { storedProblems, type WeightSource } from "../../models/stored-weights.js";
import { describeProblems } from "../../models/weights.js";
import type { MoeLayer } from "../../nn/moe.js";
import { pagedBytesPerToken } from "../../nn/paged-cache.js";
import { numElements } from "../../tensor/tensor.js";
import { type InferencePlan, planInference } from "./memory-plan.js";
import { modelLocation } from "./model-location.js";
import { isRunDirectory, openFiles } from "./model-source.js";
import { parseRandomName, useOf } from "./open-for-inference.js";
import { parametersOf, randomType, randomWeights } from "./random-weights.js";

/** Stored tensors at a glance. */
export interface StoredFacts {
  readonly tensors: number;
  readonly bytes: number;
  /** Number of tensors of each type. */
  readonly dtypes: Readonly<Record<string, number>>;
}

/**
 * Bytes that a token takes in the cache, in bf16 over heads, over latents where the model has them, and over latents in
 * FP8.
 */
export interface CacheFacts {
  readonly heads: number;
  readonly latent?: number;
  readonly latentFp8?: number;
}

/** A model at a glance. */
export interface ModelSummary {
  readonly config: HfConfig;
  readonly parameters: {
    readonly total: number;
    readonly active: number;
    readonly byPart: Readonly<Record<string, number>>;
  };
  readonly mtpDepths: number;
  /** Of a mixture layer; null for dense models. */
  readonly experts: MoeLayer["experts"] | null;
  readonly kvBytesPerToken: CacheFacts;
  /** Tokens that memory is planned for. */
  readonly context: number;
  /** Stored tensors by name; of random models those that would be made; null where only a configuration is there. */
  readonly tensors: readonly ({ readonly name: string } & TensorInfo)[] | null;
  readonly stored: StoredFacts | null;
  /**
   * Memory with the context asked for, as `openForInference` would plan it; null where none is planned: without
   * weights, with weights that do not fit, and for a reward model, which writes nothing.
   */
  readonly memory: InferencePlan | null;
  /** Why the weights cannot be run, if they cannot. */
  readonly problem?: string;
}

/**
 * The summary of a run or model directory, a config.json, a GGUF file or `random:<shape>[@type]`, with memory for
 * `context` tokens (default: as `openForInference` plans; null: memory is not planned, which takes a device). Throws
 * ConfigError when nothing is there, CheckpointError when it is damaged.
 */
export async function inspectModel(path: string, context?: number | null): Promise<ModelSummary> {
  const random = parseRandomName(path);
  if (random) return inspectRandom(publishedConfig(random.shape), random.type, context);
  if (!existsSync(path))
    throw new ConfigError(
      `${path}: not found; expected a run, a model directory, a config.json, a .gguf file or random:<shape>`,
    );
  const place = path.endsWith(".json") ? path : modelLocation(path);
  if (statSync(place).isFile())
    return path.endsWith(".json") ? summarise(await configOf(path), null, null, context) : inspectGguf(place, context);
  const problem = statSync(place).isDirectory() ? undefined : fileProblem(statSync(place));
  if (problem) throw new ConfigError(`${path}: ${problem}`);
  if (isBareConfig(place)) return summarise(await configOf(join(place, "config.json")), null, null, context);
  return inspectDirectory(place, context);
}

const configOf = async (file: string): Promise<HfConfig> => parseHfConfig(await readJsonObject(file), file);

/** A directory with a configuration and no weights. */
function isBareConfig(path: string): boolean {
  const hasWeights = ["model.safetensors", "model.safetensors.index.json"].some((name) => existsSync(join(path, name)));
  if (hasWeights || isRunDirectory(path)) return false;
  if (!existsSync(join(path, "config.json")))
    throw new ConfigError(`${path}: expected a run directory, a model directory or a config.json`);
  return true;
}

async function inspectDirectory(path: string, context: number | null | undefined): Promise<ModelSummary> {
  const { opened, config } = await openFiles(path);
  try {
    return await summarise(config, opened.weights, headersOf(opened.weights), context);
  } finally {
    await opened.close();
  }
}

async function inspectGguf(path: string, context: number | null | undefined): Promise<ModelSummary> {
  const opened = await openGgufModel(path);
  try {
    return await summarise(opened.config, opened.file, headersOf(opened.weights), context);
  } finally {
    await opened.close();
  }
}

async function inspectRandom(
  config: HfConfig,
  type: string | undefined,
  context: number | null | undefined,
): Promise<ModelSummary> {
  const source = randomWeights(parametersOf(config), randomType(type ?? "q8_0"));
  return summarise(config, null, source, context);
}

/** Types and shapes of stored tensors: all that planning looks at. */
function headersOf(weights: TensorSource): WeightSource {
  return {
    names: weights.names,
    info: (name) => (weights.has(name) ? weights.info(name) : undefined),
    open: (name) => Promise.reject(new Error(`${name} is looked at, not opened`)),
    done: () => {},
  };
}

async function summarise(
  config: HfConfig,
  listed: TensorSource | null,
  source: WeightSource | null,
  context: number | null | undefined,
): Promise<ModelSummary> {
  const facts = factsOf(createModel(config, { seed: null, trains: "none", device: createShapesDevice() }), source);
  const { problems, ...rest } = facts;
  const use = useOf(config, { cacheTokens: context ?? undefined });
  const runs = problems.length === 0 && !scoresTexts(config);
  const memory = source && runs && context !== null ? await planInference(config, source, use, listed !== null) : null;
  const tensors = listed ? listed.names.map((name) => ({ name, ...listed.info(name) })) : null;
  const problem = problems.length > 0 ? describeProblems(problems) : undefined;
  return {
    config,
    ...rest,
    context: use.cacheTokens,
    tensors,
    stored: tensors && storedFacts(tensors),
    memory,
    problem,
  };
}

function factsOf(model: LanguageModel, source: WeightSource | null) {
  const perToken = (kind: "heads" | "latent", dtype: "bf16" | "fp8-latent") =>
    pagedBytesPerToken(model.pagedShapes(kind), dtype);
  const hasLatents = "kv_lora_rank" in model.config;
  return {
    parameters: {
      total: model.parameters.numParameters,
      active: Math.round(model.numActiveParameters),
      byPart: parametersByPart(model),
    },
    mtpDepths: model.numMtp,
    experts: model.moeLayers[0]?.experts ?? null,
    kvBytesPerToken: {
      heads: perToken("heads", "bf16"),
      ...(hasLatents ? { latent: perToken("latent", "bf16"), latentFp8: perToken("latent", "fp8-latent") } : {}),
    },
    problems: source ? storedProblems(model.parameters, source) : [],
  };
}

function storedFacts(tensors: readonly TensorInfo[]): StoredFacts {
  const dtypes: Record<string, number> = {};
  let bytes = 0;
  for (const { dtype, sizeBytes } of tensors) {
    dtypes[dtype] = (dtypes[dtype] ?? 0) + 1;
    bytes += sizeBytes;
  }
  return { tensors: tensors.length, bytes, dtypes };
}

const PARTS: readonly (readonly [string, RegExp])[] = [
  ["embedding", /embed_tokens/],
  ["head", /^lm_head/],
  ["score head", /^score\./],
  ["prediction blocks", /\.(enorm|hnorm|eh_proj|shared_head)\b/],
  ["routed experts", /\.mlp\.experts\./],
  ["shared experts", /\.shared_experts\./],
  ["router", /\.mlp\.gate\./],
  ["attention", /\.self_attn\./],
  ["dense feed-forward", /\.mlp\./],
  ["norms", /norm/],
];

function parametersByPart(model: LanguageModel): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { part, spec } of model.parameters.storedParts()) {
    if (spec.isBuffer) continue;
    const label = PARTS.find(([, pattern]) => pattern.test(part.name))?.[0] ?? "other";
    sums[label] = (sums[label] ?? 0) + numElements(part.shape);
  }
  return sums;
}
