// Shapes of released Qwen3 mixtures.
// Source of the figures: config.json of Qwen/Qwen3-{30B-A3B,235B-A22B} on the Hugging Face Hub.

const mixture = {
  model_type: "qwen3_moe",
  vocab_size: 151936,
  head_dim: 128,
  num_key_value_heads: 4,
  num_experts: 128,
  num_experts_per_tok: 8,
  norm_topk_prob: true,
  max_position_embeddings: 40960,
  rms_norm_eps: 1e-6,
  rope_theta: 1e6,
  bos_token_id: 151643,
  eos_token_id: 151645,
};

/** Qwen3's mixtures, by name. */
export const published = {
  "qwen3-30b-a3b": {
    ...mixture,
    hidden_size: 2048,
    num_hidden_layers: 48,
    num_attention_heads: 32,
    intermediate_size: 6144,
    moe_intermediate_size: 768,
  },
  "qwen3-235b-a22b": {
    ...mixture,
    hidden_size: 4096,
    num_hidden_layers: 94,
    num_attention_heads: 64,
    intermediate_size: 12288,
    moe_intermediate_size: 1536,
  },
};
