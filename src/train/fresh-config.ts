// The architecture of a model that is made from nothing: a preset, a released shape or a config.json, fields put onto
// it, and what follows from its tokenizer. Knows no data.
import { existsSync, statSync } from "node:fs";
import { ConfigError, didYouMean } from "../errors.js";
import { parseForeignJson, readForeignText } from "../foreign-file.js";
import { type HfConfig, hfConfigKeys, parseHfConfig, SUPPORTED_MODEL_TYPES } from "../models/hf-config.js";
import { MODEL_PRESETS } from "../models/presets.js";
import { PUBLISHED_SHAPES, publishedConfig } from "../models/published.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";

/** Who asks for an architecture, for messages. */
export interface FreshConfigContext {
  readonly verb: string;
  /** The flag that names it. */
  readonly flag: string;
}

/** Names of architectures: presets, and released shapes (`r1-distill-qwen-1.5b`). */
export const SHAPES: readonly string[] = [...Object.keys(MODEL_PRESETS), ...PUBLISHED_SHAPES];

/** Whether a name is that of an architecture; a released one may be cut (`v3:layers=4`). */
export const isShape = (name: string): boolean => isPreset(name) || isPublished(name);

const isPreset = (name: string): name is keyof typeof MODEL_PRESETS => Object.hasOwn(MODEL_PRESETS, name);
const isPublished = (name: string): boolean => PUBLISHED_SHAPES.includes(name.split(":")[0]);

/**
 * The architecture of that name with `fields` put onto it, for a tokenizer. A released shape keeps its own vocabulary,
 * of which a tokenizer may use a part. Throws ConfigError for a name that is none, and for fields that cannot be.
 */
export function freshConfig(
  name: string,
  fields: Readonly<Record<string, unknown>>,
  { vocabSize, bosId, eosId, padId }: Pick<Tokenizer, "vocabSize" | "bosId" | "eosId" | "padId">,
  { verb, flag }: FreshConfigContext,
): HfConfig {
  const base = baseConfig(name, flag);
  const known = SUPPORTED_MODEL_TYPES.find((type) => type === base.model_type);
  refuseDerivedFields(fields, verb);
  const unknown = known && Object.keys(fields).find((key) => !hfConfigKeys(known).includes(key));
  if (known && unknown)
    throw new ConfigError(`${verb}: unknown option "model.${unknown}"${didYouMean(unknown, hfConfigKeys(known))}`);
  const room = isPublished(name) ? (base.vocab_size as number) : vocabSize;
  if (room < vocabSize)
    throw new ConfigError(
      `${flag} ${name}: the shape has ${room} tokens, but the tokenizer has ${vocabSize}; choose a preset or a ` +
        "config.json, whose vocabulary is the tokenizer's",
    );
  const tokens = {
    vocab_size: room,
    bos_token_id: bosId ?? null,
    eos_token_id: eosId ?? null,
    pad_token_id: padId ?? null,
  };
  try {
    return parseHfConfig({ ...base, ...fields, ...tokens, torch_dtype: "float32" }, `${flag} ${name}`);
  } catch (error) {
    throw new ConfigError((error as Error).message, { cause: error });
  }
}

/** Fields of config.json that follow from something else, and from what. */
const DERIVED_FIELDS: Readonly<Record<string, string>> = {
  vocab_size: "the tokenizer",
  bos_token_id: "the tokenizer",
  eos_token_id: "the tokenizer",
  pad_token_id: "the tokenizer",
  torch_dtype: "the weights, which are trained in float32; use compute to set the type of matrix products",
  dtype: "the weights, which are trained in float32; use compute to set the type of matrix products",
};

/** Throws ConfigError for a field of `model` that would be set anew whatever it says. */
export function refuseDerivedFields(model: Readonly<Record<string, unknown>>, verb: string): void {
  const field = Object.keys(model).find((key) => Object.hasOwn(DERIVED_FIELDS, key));
  if (field)
    throw new ConfigError(
      `${verb}: model.${field} has no effect: it follows from ${DERIVED_FIELDS[field]}; leave it out`,
    );
}

function baseConfig(name: string, flag: string): Record<string, unknown> {
  if (isPreset(name)) return { ...MODEL_PRESETS[name] };
  if (isPublished(name)) return { ...publishedConfig(name) };
  const names = Object.keys(MODEL_PRESETS);
  if (!existsSync(name) || !statSync(name).isFile())
    throw new ConfigError(
      `${flag} ${name}: expected ${names.join(", ")}, a released shape (r1-distill-qwen-1.5b, …) or the path of a ` +
        `config.json${didYouMean(name, SHAPES)}`,
    );
  const parsed = parseForeignJson(readForeignText(name) as Buffer);
  if ("problem" in parsed) throw new ConfigError(`${flag} ${name}: expected a JSON file, got: ${parsed.problem}`);
  return parsed.value as Record<string, unknown>;
}
