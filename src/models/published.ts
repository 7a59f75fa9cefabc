// Shapes of released models, as their config.json files give them: what speed and memory can be measured on without their weights.
// Source of the figures: config.json of deepseek-ai/DeepSeek-{V2-Lite,V2,V3,R1-Distill-*} on the Hugging Face Hub.
import { ConfigError, didYouMean } from "../errors.js";
import { type HfConfig, parseHfConfig } from "./hf-config.js";

const qwen = { model_type: "qwen2", vocab_size: 152064, max_position_embeddings: 131072, bos_token_id: 151646, eos_token_id: 151643 };
const llama = {
  model_type: "llama",
  vocab_size: 128256,
  max_position_embeddings: 131072,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-5,
  rope_theta: 500000,
  rope_scaling: { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 },
  bos_token_id: 128000,
  eos_token_id: 128001,
};
const latent = {
  kv_lora_rank: 512,
  qk_nope_head_dim: 128,
  qk_rope_head_dim: 64,
  v_head_dim: 128,
  max_position_embeddings: 163840,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
};
const yarn = (mscale: number) => ({
  rope_type: "yarn",
  factor: 40,
  original_max_position_embeddings: 4096,
  beta_fast: 32,
  beta_slow: 1,
  mscale,
  mscale_all_dim: mscale,
});
const v2 = {
  ...latent,
  model_type: "deepseek_v2",
  vocab_size: 102400,
  bos_token_id: 100000,
  eos_token_id: 100001,
  n_shared_experts: 2,
  num_experts_per_tok: 6,
  first_k_dense_replace: 1,
};

const PUBLISHED = {
  "r1-distill-qwen-1.5b": {
    ...qwen,
    vocab_size: 151936,
    hidden_size: 1536,
    num_hidden_layers: 28,
    num_attention_heads: 12,
    num_key_value_heads: 2,
    intermediate_size: 8960,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
  },
  "r1-distill-qwen-7b": {
    ...qwen,
    hidden_size: 3584,
    num_hidden_layers: 28,
    num_attention_heads: 28,
    num_key_value_heads: 4,
    intermediate_size: 18944,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
  },
  "r1-distill-qwen-14b": {
    ...qwen,
    hidden_size: 5120,
    num_hidden_layers: 48,
    num_attention_heads: 40,
    num_key_value_heads: 8,
    intermediate_size: 13824,
    rms_norm_eps: 1e-5,
    rope_theta: 1e6,
  },
  "r1-distill-qwen-32b": {
    ...qwen,
    hidden_size: 5120,
    num_hidden_layers: 64,
    num_attention_heads: 40,
    num_key_value_heads: 8,
    intermediate_size: 27648,
    rms_norm_eps: 1e-5,
    rope_theta: 1e6,
  },
  "r1-distill-llama-8b": { ...llama, hidden_size: 4096, num_hidden_layers: 32, num_attention_heads: 32, intermediate_size: 14336 },
  "r1-distill-llama-70b": { ...llama, hidden_size: 8192, num_hidden_layers: 80, num_attention_heads: 64, intermediate_size: 28672 },
  "v2-lite": {
    ...v2,
    hidden_size: 2048,
    num_hidden_layers: 27,
    intermediate_size: 10944,
    moe_intermediate_size: 1408,
    num_attention_heads: 16,
    n_routed_experts: 64,
    n_group: 1,
    topk_group: 1,
    topk_method: "greedy",
    routed_scaling_factor: 1,
    q_lora_rank: null,
    // biome-ignore lint/suspicious/noApproximativeNumericConstant: the figure of the configuration, no root of a half
    rope_scaling: yarn(0.707),
  },
  v2: {
    ...v2,
    hidden_size: 5120,
    num_hidden_layers: 60,
    intermediate_size: 12288,
    moe_intermediate_size: 1536,
    num_attention_heads: 128,
    n_routed_experts: 160,
    n_group: 8,
    topk_group: 3,
    topk_method: "group_limited_greedy",
    routed_scaling_factor: 16,
    q_lora_rank: 1536,
    rope_scaling: yarn(1),
  },
  v3: {
    ...latent,
    model_type: "deepseek_v3",
    vocab_size: 129280,
    hidden_size: 7168,
    num_hidden_layers: 61,
    intermediate_size: 18432,
    moe_intermediate_size: 2048,
    num_attention_heads: 128,
    n_routed_experts: 256,
    n_shared_experts: 1,
    num_experts_per_tok: 8,
    first_k_dense_replace: 3,
    n_group: 8,
    topk_group: 4,
    norm_topk_prob: true,
    routed_scaling_factor: 2.5,
    q_lora_rank: 1536,
    num_nextn_predict_layers: 1,
    rope_scaling: yarn(1),
    bos_token_id: 0,
    eos_token_id: 1,
  },
} as const;

/** The name of a released shape. */
export type PublishedShape = keyof typeof PUBLISHED;

/** Names of the released shapes. */
export const PUBLISHED_SHAPES = Object.keys(PUBLISHED) as PublishedShape[];

/**
 * The configuration of a released shape, perhaps cut: `v3:layers=4` keeps the first layers and drops multi-token prediction, which
 * `v3:layers=4,mtp=1` keeps. Throws ConfigError for a name or key that is not known.
 */
export function publishedConfig(text: string): HfConfig {
  const [name, cut = ""] = text.split(":", 2);
  if (!Object.hasOwn(PUBLISHED, name))
    throw new ConfigError(`no published shape "${name}"${didYouMean(name, PUBLISHED_SHAPES)}; choose one of ${PUBLISHED_SHAPES.join(", ")}`);
  const config = parseHfConfig(PUBLISHED[name as PublishedShape], name);
  return cut === "" ? config : cutConfig(config, cut);
}

function cutConfig(config: HfConfig, cut: string): HfConfig {
  const keys = new Map(cut.split(",").map((pair) => pair.split("=", 2) as [string, string | undefined]));
  const whole = (key: string, least: number, most: number): number | undefined => {
    const text = keys.get(key);
    if (text === undefined) return undefined;
    const n = Number(text);
    if (!Number.isInteger(n) || n < least || n > most) throw new ConfigError(`${key}=${text}: expected a whole number from ${least} to ${most}`);
    return n;
  };
  for (const key of keys.keys()) if (key !== "layers" && key !== "mtp") throw new ConfigError(`no key "${key}" to cut a shape with: choose layers or mtp`);
  const layers = whole("layers", 1, config.num_hidden_layers) ?? config.num_hidden_layers;
  if (config.model_type !== "deepseek_v3") return { ...config, num_hidden_layers: layers };
  const mtp = whole("mtp", 0, 1) ?? (layers < config.num_hidden_layers ? 0 : config.num_nextn_predict_layers);
  return { ...config, num_hidden_layers: layers, num_nextn_predict_layers: mtp };
}
