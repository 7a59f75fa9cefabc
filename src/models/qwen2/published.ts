// Shapes of released Qwen2 models.
// Source of the figures: config.json of deepseek-ai/DeepSeek-R1-Distill-Qwen-* on the Hugging Face Hub.

const qwen = {
  model_type: "qwen2",
  vocab_size: 152064,
  max_position_embeddings: 131072,
  bos_token_id: 151646,
  eos_token_id: 151643,
};

/** The distills of R1, by name. */
export const published = {
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
};
