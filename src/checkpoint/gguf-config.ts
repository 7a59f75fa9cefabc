// GGUF metadata and Hugging Face's config.json for each other. Knows keys and meanings; opens no files.
// Keys: ggml-org/llama.cpp@0024aa7, gguf-py/gguf/constants.py; written as @01a723d, conversion/deepseek.py and base.py do; read as src/models/deepseek2.cpp does.
import { CheckpointError } from "../errors.js";
import type { DeepseekHfConfig } from "../models/deepseek/config.js";
import type { HfConfig, LlamaHfConfig, Qwen2HfConfig } from "../models/hf-config.js";
import type { GgufFile } from "./gguf.js";
import { GGUF_ARCHITECTURES, isDeepseek } from "./gguf-layout.js";
import type { GgufMetadata } from "./gguf-metadata.js";
import type { GgufSetting } from "./gguf-writer.js";
import { llama3ScalingOf } from "./rope-factors.js";

type Json = Record<string, unknown>;

const SUPPORTED = [...new Set(Object.values(GGUF_ARCHITECTURES))];
const SIGMOID_GATE = 2;
/** llama.cpp keeps YaRN's mscale_all_dim times this. */
const LOG_MULTIPLIER = 0.1;

/**
 * config.json of the model in a GGUF file, still to be checked by `parseHfConfig`. `ropeFactors` are the numbers of `rope_freqs.weight`.
 * Throws CheckpointError for an architecture that is not supported and for what our models cannot express.
 */
export function hfConfigOfGguf(file: GgufFile, ropeFactors?: Float32Array): Json {
  const facts = file.facts;
  const architecture = facts.text("general.architecture");
  if (architecture === undefined || !SUPPORTED.includes(architecture)) {
    const got = architecture === undefined ? "is missing" : `${JSON.stringify(architecture.slice(0, 60))} is not supported`;
    throw new CheckpointError(`${file.path}: general.architecture ${got}; expected one of ${SUPPORTED.join(", ")}`);
  }
  const reader = new KeyReader(file, architecture);
  const config = architecture === "deepseek2" ? readDeepseek(reader) : readDense(reader, architecture);
  return { ...config, rope_scaling: readRopeScaling(reader, ropeFactors) };
}

/** The metadata llama.cpp needs of a configuration. Throws CheckpointError where GGUF cannot express it. */
export function ggufSettingsOf(config: HfConfig): GgufSetting[] {
  const writer = new KeyWriter(GGUF_ARCHITECTURES[config.model_type]);
  writeCommon(writer, config);
  if (isDeepseek(config)) writeDeepseek(writer, config);
  else writeDense(writer, config);
  writeRopeScaling(writer, config);
  return writer.settings;
}

/** Asks for the keys of one architecture. */
class KeyReader {
  constructor(
    readonly file: GgufFile,
    readonly architecture: string,
  ) {}

  get facts(): GgufMetadata {
    return this.file.facts;
  }

  key(name: string): string {
    return `${this.architecture}.${name}`;
  }

  count(name: string): number | undefined {
    return this.facts.count(this.key(name));
  }

  number(name: string): number | undefined {
    const value = this.facts.number(this.key(name));
    return value === undefined ? undefined : shortest(value);
  }

  needed(name: string): number {
    return this.count(name) ?? this.refuse(`${this.key(name)} is missing`);
  }

  refuse(problem: string): never {
    throw new CheckpointError(`${this.file.path}: ${problem}; download or convert the model again`);
  }
}

function readCommon(reader: KeyReader): Json {
  const { file, facts } = reader;
  const embedding = file.tensors.get("token_embd.weight") ?? reader.refuse("the tensor token_embd.weight is missing");
  return {
    vocab_size: embedding.shape[0],
    hidden_size: reader.needed("embedding_length"),
    intermediate_size: reader.needed("feed_forward_length"),
    num_hidden_layers: reader.needed("block_count"),
    num_attention_heads: reader.needed("attention.head_count"),
    max_position_embeddings: reader.needed("context_length"),
    rms_norm_eps: reader.number("attention.layer_norm_rms_epsilon") ?? reader.refuse(`${reader.key("attention.layer_norm_rms_epsilon")} is missing`),
    rope_theta: reader.number("rope.freq_base") ?? 10000,
    tie_word_embeddings: !file.tensors.has("output.weight"),
    bos_token_id: facts.count("tokenizer.ggml.bos_token_id") ?? null,
    eos_token_id: facts.count("tokenizer.ggml.eos_token_id") ?? null,
    pad_token_id: facts.count("tokenizer.ggml.padding_token_id") ?? null,
  };
}

function readDense(reader: KeyReader, modelType: string): Json {
  const common = readCommon(reader);
  const heads = common.num_attention_heads as number;
  const headDim = reader.count("attention.key_length") ?? Math.floor((common.hidden_size as number) / Math.max(heads, 1));
  const valueDim = reader.count("attention.value_length") ?? headDim;
  const rotary = reader.count("rope.dimension_count") ?? headDim;
  if (valueDim !== headDim) reader.refuse(`values of ${valueDim} numbers beside keys of ${headDim} are not supported`);
  if (rotary !== headDim) reader.refuse(`rotary positions on ${rotary} of ${headDim} numbers of a head are not supported`);
  return { ...common, model_type: modelType, num_key_value_heads: reader.count("attention.head_count_kv") ?? heads, head_dim: headDim };
}

function readDeepseek(reader: KeyReader): Json {
  const common = readCommon(reader);
  const rotary = reader.needed("rope.dimension_count");
  const keyWidth = reader.count("attention.key_length_mla") ?? reader.needed("attention.key_length");
  const numMtp = reader.count("nextn_predict_layers") ?? 0;
  const isSigmoid = reader.count("expert_gating_func") === SIGMOID_GATE;
  const normalises = reader.facts.flag(reader.key("expert_weights_norm")) ?? false;
  if (!isSigmoid && normalises) reader.refuse("a softmax gate with normalised weights is not supported");
  return {
    ...common,
    model_type: isSigmoid ? "deepseek_v3" : "deepseek_v2",
    num_hidden_layers: (common.num_hidden_layers as number) - numMtp,
    moe_intermediate_size: reader.needed("expert_feed_forward_length"),
    n_routed_experts: reader.needed("expert_count"),
    num_experts_per_tok: reader.needed("expert_used_count"),
    n_shared_experts: reader.needed("expert_shared_count"),
    kv_lora_rank: reader.needed("attention.kv_lora_rank"),
    q_lora_rank: reader.count("attention.q_lora_rank") || null,
    qk_nope_head_dim: keyWidth - rotary,
    qk_rope_head_dim: rotary,
    v_head_dim: reader.count("attention.value_length_mla") ?? reader.needed("attention.value_length"),
    first_k_dense_replace: reader.count("leading_dense_block_count") ?? 0,
    routed_scaling_factor: reader.number("expert_weights_scale") || 1,
    norm_topk_prob: normalises,
    ...readGroups(reader, isSigmoid),
    ...(isSigmoid ? { num_nextn_predict_layers: numMtp, rope_interleave: true } : {}),
  };
}

/** Published models by their number of experts: files from before the group keys were written leave the groups out. */
const PUBLISHED_GROUPS: Readonly<Record<string, readonly [groups: number, used: number]>> = { "sigmoid 256": [8, 4], "softmax 160": [8, 3] };

function readGroups(reader: KeyReader, isSigmoid: boolean): Json {
  const published = PUBLISHED_GROUPS[`${isSigmoid ? "sigmoid" : "softmax"} ${reader.count("expert_count")}`] ?? [1, 1];
  const groups = reader.count("expert_group_count") || published[0];
  const used = reader.count("expert_group_used_count") || published[1];
  const method = groups > 1 ? "group_limited_greedy" : "greedy";
  return { n_group: groups, topk_group: used, ...(isSigmoid ? {} : { topk_method: method }) };
}

function readRopeScaling(reader: KeyReader, ropeFactors: Float32Array | undefined): Json | null {
  if (ropeFactors) return readRopeFactors(reader, ropeFactors);
  const kind = reader.facts.text(reader.key("rope.scaling.type")) ?? "none";
  const factor = reader.number("rope.scaling.factor");
  if (kind === "none" || factor === undefined) return null;
  if (kind === "linear") return { rope_type: "linear", factor };
  if (kind !== "yarn") return reader.refuse(`rotary positions scaled by ${JSON.stringify(kind.slice(0, 60))} are not supported, expected none, linear or yarn`);
  const multiplier = reader.number("rope.scaling.yarn_log_multiplier");
  const mscale = multiplier ? Number((multiplier / LOG_MULTIPLIER).toPrecision(6)) : undefined;
  return {
    rope_type: "yarn",
    factor,
    original_max_position_embeddings: reader.count("rope.scaling.original_context_length"),
    beta_fast: reader.number("rope.scaling.yarn_beta_fast") ?? 32,
    beta_slow: reader.number("rope.scaling.yarn_beta_slow") ?? 1,
    ...(mscale === undefined ? {} : { mscale, mscale_all_dim: mscale }),
  };
}

function readRopeFactors(reader: KeyReader, factors: Float32Array): Json | null {
  if (reader.architecture !== "llama") return reader.refuse(`rope_freqs.weight in a ${reader.architecture} model is not supported`);
  if (factors.every((factor) => factor === 1)) return null;
  const known = { theta: reader.number("rope.freq_base") ?? 10000, originalMaxPositions: reader.count("rope.scaling.original_context_length") };
  const scaling = llama3ScalingOf(factors, known);
  return scaling ? { rope_type: "llama3", ...scaling } : reader.refuse("the factors of rope_freqs.weight follow no known rule (expected those of Llama 3)");
}

/** The shortest decimal that a 32-bit float stands for: 1e-6, not 9.999999974752427e-7. */
function shortest(value: number): number {
  if (Math.fround(value) !== value) return value;
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

/** Collects settings under one architecture's name. */
class KeyWriter {
  readonly settings: GgufSetting[] = [];

  constructor(private readonly architecture: string) {}

  count(name: string, value: number): void {
    this.settings.push([`${this.architecture}.${name}`, "u32", value]);
  }

  float(name: string, value: number): void {
    this.settings.push([`${this.architecture}.${name}`, "f32", value]);
  }

  flag(name: string, value: boolean): void {
    this.settings.push([`${this.architecture}.${name}`, "bool", value]);
  }

  text(name: string, value: string): void {
    this.settings.push([`${this.architecture}.${name}`, "string", value]);
  }
}

function writeCommon(writer: KeyWriter, config: HfConfig): void {
  writer.count("context_length", config.max_position_embeddings);
  writer.count("embedding_length", config.hidden_size);
  writer.count("feed_forward_length", config.intermediate_size);
  writer.count("block_count", config.num_hidden_layers + numMtpOf(config));
  writer.count("vocab_size", config.vocab_size);
  writer.count("attention.head_count", config.num_attention_heads);
  writer.float("attention.layer_norm_rms_epsilon", config.rms_norm_eps);
  writer.float("rope.freq_base", config.rope_theta);
}

const numMtpOf = (config: HfConfig): number => (config.model_type === "deepseek_v3" ? config.num_nextn_predict_layers : 0);

function writeDense(writer: KeyWriter, config: LlamaHfConfig | Qwen2HfConfig): void {
  writer.count("attention.head_count_kv", config.num_key_value_heads);
  writer.count("attention.key_length", config.head_dim);
  writer.count("attention.value_length", config.head_dim);
  writer.count("rope.dimension_count", config.head_dim);
}

function writeDeepseek(writer: KeyWriter, config: DeepseekHfConfig): void {
  const isV3 = config.model_type === "deepseek_v3";
  // Absorbed attention has one key head, as wide as latent and rotary part together; the _mla widths are those per head.
  writer.count("attention.head_count_kv", 1);
  writer.count("attention.q_lora_rank", config.q_lora_rank ?? 0);
  writer.count("attention.kv_lora_rank", config.kv_lora_rank);
  writer.count("attention.key_length", config.kv_lora_rank + config.qk_rope_head_dim);
  writer.count("attention.value_length", config.kv_lora_rank);
  writer.count("attention.key_length_mla", config.qk_nope_head_dim + config.qk_rope_head_dim);
  writer.count("attention.value_length_mla", config.v_head_dim);
  writer.count("rope.dimension_count", config.qk_rope_head_dim);
  writer.count("leading_dense_block_count", config.first_k_dense_replace);
  writer.count("expert_feed_forward_length", config.moe_intermediate_size);
  writer.count("expert_count", config.n_routed_experts);
  writer.count("expert_used_count", config.num_experts_per_tok);
  writer.count("expert_shared_count", config.n_shared_experts);
  writer.float("expert_weights_scale", config.routed_scaling_factor);
  writer.flag("expert_weights_norm", isV3 && config.norm_topk_prob);
  writer.count("expert_gating_func", isV3 ? SIGMOID_GATE : 1);
  const isGrouped = isV3 || config.topk_method === "group_limited_greedy";
  const [groups, used] = isGrouped ? [config.n_group ?? 1, config.topk_group ?? 1] : [1, 1];
  // All groups in use is no grouping, which llama.cpp wants said by leaving the keys out.
  if (used < groups) {
    writer.count("expert_group_count", groups);
    writer.count("expert_group_used_count", used);
  }
  if (numMtpOf(config) > 0) writer.count("nextn_predict_layers", numMtpOf(config));
}

function writeRopeScaling(writer: KeyWriter, config: HfConfig): void {
  const scaling = config.rope_scaling;
  if (!scaling) return;
  const original = scaling.original_max_position_embeddings ?? config.max_position_embeddings;
  if (scaling.rope_type === "llama3" && config.model_type === "llama") {
    writer.count("rope.scaling.original_context_length", original);
    return;
  }
  if (scaling.rope_type !== "yarn" && scaling.rope_type !== "linear") {
    throw new CheckpointError(`rope_scaling ${scaling.rope_type} of a ${config.model_type} model cannot be written as GGUF; expected none, linear or yarn`);
  }
  writer.text("rope.scaling.type", scaling.rope_type);
  writer.float("rope.scaling.factor", scaling.factor);
  if (scaling.rope_type === "linear") return;
  writer.count("rope.scaling.original_context_length", original);
  if (scaling.beta_fast !== undefined) writer.float("rope.scaling.yarn_beta_fast", scaling.beta_fast);
  if (scaling.beta_slow !== undefined) writer.float("rope.scaling.yarn_beta_slow", scaling.beta_slow);
  const { mscale, mscale_all_dim: allDim } = scaling;
  if (mscale !== allDim || (mscale !== undefined && !isDeepseek(config))) {
    throw new CheckpointError(`YaRN with mscale ${mscale} and mscale_all_dim ${allDim} cannot be written as GGUF, which takes them as one number`);
  }
  if (mscale !== undefined) writer.float("rope.scaling.yarn_log_multiplier", LOG_MULTIPLIER * mscale);
}
