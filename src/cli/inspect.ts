// `luciole inspect`: what a model is made of and how much memory it takes, from its configuration and file headers alone.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { TensorSource } from "../checkpoint/index.js";
import { CheckpointError, ConfigError } from "../errors.js";
import { resolveModel } from "../hub/resolve-model.js";
import { isRunDirectory, openFiles } from "../inference/open-model.js";
import { createModel } from "../models/create.js";
import { type HfConfig, parseHfConfig } from "../models/hf-config.js";
import type { LanguageModel } from "../models/language-model.js";
import { readRunConfig } from "../run/run-directory.js";
import { createShapesBackend } from "../tensor/backends/shapes.js";
import { useBackend } from "../tensor/engine.js";
import { numElements } from "../tensor/tensor.js";
import { formatMemory } from "../train/memory-plan.js";
import { writeResult } from "./run-verb.js";

/** Flags as commander gives them. */
export interface InspectFlags {
  readonly json?: boolean;
  readonly context?: number;
  readonly tensors?: boolean;
}

/** Prints what there is to know of a run, a model directory, a pulled model or a config.json. */
export async function inspect(nameOrPath: string, flags: InspectFlags): Promise<void> {
  const path = resolveModel(nameOrPath);
  const { config, stored, source } = await readModel(path);
  useBackend(createShapesBackend());
  const model = createModel(config, { seed: null });
  const facts = { path, ...(source ? { source } : {}), ...describeModel(model, config, flags.context ?? config.max_position_embeddings), stored };
  const tensors = flags.tensors ? tensorList(model) : undefined;
  writeResult(flags.json, { ...facts, tensors }, () => [...factLines(facts), ...(tensors ?? []).map(({ name, shape }) => `  ${name}  [${shape.join(", ")}]`)]);
}

interface StoredFacts {
  readonly tensors: number;
  readonly bytes: number;
  readonly dtypes: Readonly<Record<string, number>>;
}

async function readModel(path: string): Promise<{ config: HfConfig; stored: StoredFacts | null; source?: string }> {
  if (existsSync(path) && statSync(path).isFile()) return { config: parseHfConfig(readConfig(path), path), stored: null };
  if (existsSync(path) && !isRunDirectory(path) && !existsSync(join(path, "model.safetensors")) && !existsSync(join(path, "model.safetensors.index.json"))) {
    const file = join(path, "config.json");
    if (!existsSync(file)) throw new ConfigError(`${path}: expected a run directory, a model directory or a config.json`);
    return { config: parseHfConfig(readConfig(file), file), stored: null };
  }
  const { opened } = await openFiles(path);
  try {
    const source = isRunDirectory(path) ? `${opened.directory}, of a run of luciole ${readRunConfig(path).verb}` : undefined;
    return { config: parseHfConfig(opened.config, join(opened.directory, "config.json")), stored: storedFacts(opened.weights), source };
  } finally {
    await opened.close();
  }
}

function readConfig(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new CheckpointError(`${path}: expected a JSON file, got: ${(error as Error).message}`, { cause: error });
  }
}

function storedFacts(weights: TensorSource): StoredFacts {
  const dtypes: Record<string, number> = {};
  let bytes = 0;
  for (const name of weights.names) {
    const info = weights.info(name);
    dtypes[info.dtype] = (dtypes[info.dtype] ?? 0) + 1;
    bytes += info.sizeBytes;
  }
  return { tensors: weights.names.length, bytes, dtypes };
}

function describeModel(model: LanguageModel, config: HfConfig, context: number) {
  const cacheBytes = (kind: "heads" | "latent", tokens: number) => {
    const cache = model.createCache(1, tokens, kind);
    const { sizeBytes } = cache;
    cache.dispose();
    return sizeBytes;
  };
  const perToken = (tokens: number) => ({ heads: cacheBytes("heads", tokens), ...("kv_lora_rank" in config ? { latent: cacheBytes("latent", tokens) } : {}) });
  const total = model.parameters.numTrained;
  return {
    architecture: config.model_type,
    layers: config.num_hidden_layers,
    hiddenSize: config.hidden_size,
    attentionHeads: config.num_attention_heads,
    vocabulary: config.vocab_size,
    maxContext: config.max_position_embeddings,
    ...("n_routed_experts" in config
      ? { experts: { routed: config.n_routed_experts, perToken: config.num_experts_per_tok, shared: config.n_shared_experts }, mtpDepths: model.numMtp }
      : {}),
    parameters: { total, active: Math.round(model.numActiveParameters), byPart: parametersByPart(model) },
    weightBytes: { f32: total * 4, bf16: total * 2 },
    /** Bytes of the f32 cache; bf16 takes half. */
    kvBytesPerToken: perToken(1),
    context,
    kvBytesAtContext: perToken(context),
  };
}

const PARTS: readonly (readonly [string, RegExp])[] = [
  ["embedding", /embed_tokens/],
  ["head", /^lm_head/],
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

const tensorList = (model: LanguageModel) => model.parameters.storedParts().map(({ part }) => ({ name: part.name, shape: part.shape }));

type Facts = { path: string; source?: string; stored: StoredFacts | null } & ReturnType<typeof describeModel>;

function factLines(facts: Facts): string[] {
  const count = (n: number) => n.toLocaleString("en-US");
  const { parameters, weightBytes, kvBytesPerToken: kv, kvBytesAtContext: full, stored } = facts;
  const widths = `${facts.layers} layers, hidden size ${facts.hiddenSize}, ${facts.attentionHeads} heads, vocabulary ${count(facts.vocabulary)}`;
  const rows: [string, string][] = [
    ["model", facts.source ?? facts.path],
    ["architecture", `${facts.architecture}: ${widths}, context ${count(facts.maxContext)}`],
  ];
  if ("experts" in facts && facts.experts) {
    const { routed, perToken, shared } = facts.experts;
    rows.push(["experts", `${routed} routed, ${perToken} per token, ${shared} shared; ${facts.mtpDepths} multi-token-prediction depths`]);
  }
  rows.push(["parameters", `${count(parameters.total)}, ${count(parameters.active)} active per token`]);
  for (const [part, n] of Object.entries(parameters.byPart))
    rows.push(["", `${part.padEnd(20)}${count(n).padStart(18)}  ${((100 * n) / parameters.total).toFixed(1)}%`]);
  rows.push(["weights", `${formatMemory(weightBytes.f32)} in f32, ${formatMemory(weightBytes.bf16)} in bf16`]);
  if (stored) {
    const types = Object.entries(stored.dtypes).map(([dtype, n]) => `${n} ${dtype}`);
    rows.push(["stored", `${stored.tensors} tensors (${types.join(", ")}), ${formatMemory(stored.bytes)}`]);
  }
  const latent = kv.latent === undefined ? "" : `; latent ${count(kv.latent)} B`;
  rows.push(["cache", `per token ${count(kv.heads)} B per head${latent} (f32; bf16 takes half)`]);
  const latentFull = full.latent === undefined ? "" : `; latent ${formatMemory(full.latent)}`;
  rows.push(["", `at ${count(facts.context)} tokens ${formatMemory(full.heads)} per head${latentFull}`]);
  return rows.map(([label, text]) => `${label.padEnd(14)}${text}`);
}
