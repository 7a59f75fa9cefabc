// GGUF metadata and Hugging Face's config.json for each other. Knows keys and meanings; opens no files.
// Keys: ggml-org/llama.cpp@0024aa7, gguf-py/gguf/constants.py; written as @01a723d, conversion/deepseek.py and base.py
// do; read as src/models/deepseek2.cpp does.
import { CheckpointError } from "../errors.js";
import type { HfConfig } from "../models/config-fields.js";
import { FAMILIES, familyOf, numMtpOf } from "../models/families.js";
import { idsOf } from "../tokenizer/end-tokens.js";
import { tokenIdIn } from "../tokenizer/gguf-tokenizer.js";
import type { GgufFile } from "./gguf.js";
import { KeyReader, KeyWriter } from "./gguf-keys.js";
import { GGUF_ARCHITECTURES } from "./gguf-layout.js";
import { type RopeDivisors, readRopeScaling, ropeDifferences, writeRopeScaling } from "./gguf-rope.js";
import type { GgufSetting } from "./gguf-writer.js";

type Json = Record<string, unknown>;

/**
 * config.json of the model in a GGUF file, still to be checked by `parseHfConfig`. `divisors`: what the file's tensors
 * say of rotary positions. Throws CheckpointError for an architecture that is not supported and for what our models
 * cannot express.
 */
export function hfConfigOfGguf(file: GgufFile, divisors: RopeDivisors = new Map()): Json {
  const facts = file.facts;
  const architecture = facts.text("general.architecture");
  const table = FAMILIES.find(({ gguf }) => gguf.architecture === architecture)?.gguf;
  if (architecture === undefined || !table) {
    const got =
      architecture === undefined ? "is missing" : `${JSON.stringify(architecture.slice(0, 60))} is not supported`;
    throw new CheckpointError(
      `${file.path}: general.architecture ${got}; expected one of ${GGUF_ARCHITECTURES.join(", ")}`,
    );
  }
  const reader = new KeyReader(file, architecture);
  refuseOthers(reader);
  const common = readCommon(reader);
  return { ...common, ...table.read(reader, common), rope_scaling: readRopeScaling(reader, divisors, table) };
}

/**
 * What llama.cpp reads for these architectures and our models do not do: attention to later tokens, and its scaling
 * with the position.
 */
function refuseOthers(reader: KeyReader): void {
  if (reader.flag("attention.causal") === false)
    reader.refuse(`${reader.key("attention.causal")} is false: models with bidirectional attention are not supported`);
  const growth = reader.number("attention.temperature_scale") ?? 0;
  if (growth !== 0)
    reader.refuse(
      `${reader.key("attention.temperature_scale")} is ${growth}: position-dependent attention scaling is ` +
        "not supported",
    );
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

/**
 * What llama.cpp computes otherwise from the file of this configuration, in words. What is written here is read back as
 * it was.
 */
export const ggufDifferences = (config: HfConfig): string[] => [
  ...ropeDifferences(config),
  ...(familyOf(config).gguf.differences?.(config) ?? []),
];

function readCommon(reader: KeyReader): Json {
  const { file, facts } = reader;
  const embedding = file.tensors.get("token_embd.weight") ?? reader.refuse("the tensor token_embd.weight is missing");
  const id = (role: string) => tokenIdIn(facts, `${role}_token_id`, embedding.shape[0]);
  const ends = idsOf(id("eos"), id("eot"), id("eom"));
  return {
    vocab_size: embedding.shape[0],
    hidden_size: reader.needed("embedding_length"),
    intermediate_size: reader.needed("feed_forward_length"),
    num_hidden_layers: reader.needed("block_count"),
    num_attention_heads: reader.needed("attention.head_count"),
    max_position_embeddings: reader.needed("context_length"),
    rms_norm_eps:
      reader.number("attention.layer_norm_rms_epsilon") ??
      reader.refuse(`${reader.key("attention.layer_norm_rms_epsilon")} is missing`),
    rope_theta: reader.number("rope.freq_base") ?? 10000,
    tie_word_embeddings: !file.tensors.has("output.weight"),
    bos_token_id: id("bos") ?? null,
    eos_token_id: ends.length > 1 ? ends : (ends[0] ?? null),
    pad_token_id: id("padding") ?? null,
  };
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
