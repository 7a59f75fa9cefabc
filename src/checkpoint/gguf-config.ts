// GGUF metadata and Hugging Face's config.json for each other. Knows keys and meanings; opens no files.
// Keys: ggml-org/llama.cpp@0024aa7, gguf-py/gguf/constants.py; written as @01a723d, conversion/deepseek.py and base.py do; read as src/models/deepseek2.cpp does.
import { CheckpointError } from "../errors.js";
import { FAMILIES, familyOf, type HfConfig, numMtpOf } from "../models/families.js";
import type { GgufKeySink, GgufKeys } from "../models/gguf-table.js";
import type { GgufFile } from "./gguf.js";
import { GGUF_ARCHITECTURES } from "./gguf-layout.js";
import type { GgufMetadata } from "./gguf-metadata.js";
import type { GgufSetting } from "./gguf-writer.js";
import { llama3ScalingOf } from "./rope-factors.js";

type Json = Record<string, unknown>;

/** llama.cpp keeps YaRN's mscale_all_dim times this. */
const LOG_MULTIPLIER = 0.1;

/**
 * config.json of the model in a GGUF file, still to be checked by `parseHfConfig`. `ropeFactors` are the numbers of `rope_freqs.weight`.
 * Throws CheckpointError for an architecture that is not supported and for what our models cannot express.
 */
export function hfConfigOfGguf(file: GgufFile, ropeFactors?: Float32Array): Json {
  const facts = file.facts;
  const architecture = facts.text("general.architecture");
  const table = FAMILIES.find(({ gguf }) => gguf.architecture === architecture)?.gguf;
  if (architecture === undefined || !table) {
    const got = architecture === undefined ? "is missing" : `${JSON.stringify(architecture.slice(0, 60))} is not supported`;
    throw new CheckpointError(`${file.path}: general.architecture ${got}; expected one of ${GGUF_ARCHITECTURES.join(", ")}`);
  }
  const reader = new KeyReader(file, architecture);
  const common = readCommon(reader);
  return {
    ...common,
    ...table.read(reader, common),
    rope_scaling: ropeFactors ? readRopeFactors(reader, ropeFactors, table.takesRopeFactors) : readRopeScaling(reader),
  };
}

/** The metadata llama.cpp needs of a configuration. Throws CheckpointError where GGUF cannot express it. */
export function ggufSettingsOf(config: HfConfig): GgufSetting[] {
  const { gguf } = familyOf(config);
  const writer = new KeyWriter(gguf.architecture);
  writeCommon(writer, config);
  gguf.write(writer, config);
  writeRopeScaling(writer, config);
  return writer.settings;
}

/** Asks for the keys of one architecture. */
class KeyReader implements GgufKeys {
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

  flag(name: string): boolean | undefined {
    return this.facts.flag(this.key(name));
  }

  hasTensor(name: string): boolean {
    return this.file.tensors.has(name);
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

function readRopeScaling(reader: KeyReader): Json | null {
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

function readRopeFactors(reader: KeyReader, factors: Float32Array, takesRopeFactors = false): Json | null {
  if (!takesRopeFactors) return reader.refuse(`rope_freqs.weight in a ${reader.architecture} model is not supported`);
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
class KeyWriter implements GgufKeySink {
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

function writeRopeScaling(writer: KeyWriter, config: HfConfig): void {
  const scaling = config.rope_scaling;
  if (!scaling) return;
  const original = scaling.original_max_position_embeddings ?? config.max_position_embeddings;
  const { gguf } = familyOf(config);
  if (scaling.rope_type === "llama3" && gguf.takesRopeFactors) {
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
  if (mscale !== allDim || (mscale !== undefined && gguf.architecture !== "deepseek2")) {
    throw new CheckpointError(`YaRN with mscale ${mscale} and mscale_all_dim ${allDim} cannot be written as GGUF, which takes them as one number`);
  }
  if (mscale !== undefined) writer.float("rope.scaling.yarn_log_multiplier", LOG_MULTIPLIER * mscale);
}
