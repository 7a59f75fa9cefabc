// Named architectures to train from nothing. Vocabulary and special tokens come from the tokenizer.

const common = { rms_norm_eps: 1e-6, rope_theta: 10000, tie_word_embeddings: false, initializer_range: 0.02 };

/**
 * DeepSeek-V3's shape: latent attention, one dense layer, then mixtures of experts, one multi-token-prediction depth.
 */
const deepseek = {
  ...common,
  model_type: "deepseek_v3",
  first_k_dense_replace: 1,
  n_shared_experts: 1,
  n_group: 1,
  topk_group: 1,
  norm_topk_prob: true,
  num_nextn_predict_layers: 1,
};

/** Configurations by name, in Hugging Face's keys, without what a tokenizer decides. */
export const MODEL_PRESETS = {
  "deepseek-tiny": {
    ...deepseek,
    hidden_size: 128,
    num_hidden_layers: 4,
    intermediate_size: 384,
    moe_intermediate_size: 128,
    n_routed_experts: 8,
    num_experts_per_tok: 2,
    routed_scaling_factor: 1,
    num_attention_heads: 4,
    q_lora_rank: null,
    kv_lora_rank: 48,
    qk_nope_head_dim: 16,
    qk_rope_head_dim: 16,
    v_head_dim: 32,
    max_position_embeddings: 512,
  },
  "deepseek-25m": {
    ...deepseek,
    hidden_size: 256,
    num_hidden_layers: 6,
    intermediate_size: 768,
    moe_intermediate_size: 240,
    n_routed_experts: 16,
    num_experts_per_tok: 4,
    routed_scaling_factor: 2.5,
    num_attention_heads: 4,
    q_lora_rank: 96,
    kv_lora_rank: 96,
    qk_nope_head_dim: 64,
    qk_rope_head_dim: 32,
    v_head_dim: 64,
    max_position_embeddings: 1024,
  },
  "llama-tiny": {
    ...common,
    model_type: "llama",
    hidden_size: 128,
    num_hidden_layers: 4,
    intermediate_size: 384,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 512,
  },
  "llama-25m": {
    ...common,
    model_type: "llama",
    hidden_size: 384,
    num_hidden_layers: 8,
    intermediate_size: 1024,
    num_attention_heads: 6,
    num_key_value_heads: 2,
    head_dim: 64,
    max_position_embeddings: 1024,
  },
} as const;

/** The name of a preset. */
export type ModelPreset = keyof typeof MODEL_PRESETS;
