// The DeepSeek-V3 architecture that recipes train from nothing, in two sizes, how the tiny one is pretrained, and the
// check of fields put onto it.
import { ConfigError, didYouMean } from "../../src/errors.js";
import { type HfConfig, hfConfigKeys, parseHfConfig } from "../../src/models/hf-config.js";
import { MODEL_PRESETS } from "../../src/models/presets.js";
import { refuseDerivedFields } from "../../src/train/fresh-config.js";

/** About two million parameters, and a context of 512 tokens. So small a model wants larger initial weights. */
export const TINY_MODEL = { ...MODEL_PRESETS["deepseek-tiny"], initializer_range: 0.05 };

/** The same with two thin layers, to try a recipe out. */
export const SMOKE_MODEL = {
  ...TINY_MODEL,
  hidden_size: 32,
  num_hidden_layers: 2,
  intermediate_size: 64,
  moe_intermediate_size: 32,
  n_routed_experts: 4,
  kv_lora_rank: 16,
};

/** How recipes pretrain the tiny model, whatever the number of steps and sequences. */
export const TINY_PRETRAINING = {
  optimizer: "adamw",
  learningRate: 2e-3,
  warmupSteps: 50,
  weightDecay: 0.1,
  mtpWeight: 0.3,
  balanceAlpha: 1e-4,
  routerBiasStep: 1e-3,
  microBatchTokens: 8192,
} as const;

/** What a configuration takes from a tokenizer. */
export interface ModelVocabulary {
  readonly vocabSize: number;
  readonly bosId?: number;
  readonly eosId?: number;
  readonly padId?: number;
}

/** Throws ConfigError for fields that are derived, unknown or impossible together. */
export function checkModelFields(fields: Readonly<Record<string, unknown>>, verb: string): void {
  refuseDerivedFields(fields, verb);
  const known = hfConfigKeys("deepseek_v3");
  const unknown = Object.keys(fields).find((key) => !known.includes(key));
  if (unknown) throw new ConfigError(`${verb}: unknown option "model.${unknown}"${didYouMean(unknown, known)}`);
  try {
    modelOf(fields, { vocabSize: 64 }, verb);
  } catch (error) {
    throw new ConfigError((error as Error).message, { cause: error });
  }
}

/** The configuration for a vocabulary. */
export function modelOf(
  fields: Readonly<Record<string, unknown>>,
  { vocabSize, bosId, eosId, padId }: ModelVocabulary,
  verb: string,
): HfConfig {
  const ids = { bos_token_id: bosId, eos_token_id: eosId, pad_token_id: padId };
  return parseHfConfig({ ...fields, vocab_size: vocabSize, ...ids, torch_dtype: "float32" }, `${verb}: model`);
}
