// The DeepSeek-V3 architecture that recipes train from nothing, in two sizes, and the check of fields put onto it.
import { ConfigError, didYouMean } from "../../src/errors.js";
import { type HfConfig, hfConfigKeys, parseHfConfig } from "../../src/models/hf-config.js";
import { refuseDerivedFields } from "../../src/train/fresh-config.js";

/** Tokens of a prompt and a completion together. */
const CONTEXT = 512;

/** About two million parameters. */
export const TINY_MODEL = {
  model_type: "deepseek_v3",
  hidden_size: 128,
  num_hidden_layers: 4,
  first_k_dense_replace: 1,
  intermediate_size: 384,
  moe_intermediate_size: 128,
  n_routed_experts: 8,
  num_experts_per_tok: 2,
  n_shared_experts: 1,
  n_group: 1,
  topk_group: 1,
  norm_topk_prob: true,
  routed_scaling_factor: 1,
  num_attention_heads: 4,
  q_lora_rank: null,
  kv_lora_rank: 48,
  qk_nope_head_dim: 16,
  qk_rope_head_dim: 16,
  v_head_dim: 32,
  num_nextn_predict_layers: 1,
  max_position_embeddings: CONTEXT,
  rope_theta: 10000,
  rms_norm_eps: 1e-6,
  initializer_range: 0.05,
  tie_word_embeddings: false,
};

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
