// Shapes of released Qwen3 models.
// Source of the figures: config.json of Qwen/Qwen3-* and deepseek-ai/DeepSeek-R1-0528-Qwen3-8B on the Hugging Face Hub.

const qwen3 = {
  model_type: "qwen3",
  vocab_size: 151936,
  head_dim: 128,
  num_key_value_heads: 8,
  max_position_embeddings: 40960,
  rms_norm_eps: 1e-6,
  rope_theta: 1e6,
  bos_token_id: 151643,
  eos_token_id: 151645,
};
const sizes = (hidden: number, layers: number, heads: number, width: number) => ({
  hidden_size: hidden,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  intermediate_size: width,
});

/** Dense Qwen3 models and R1's distill of one, by name. */
export const published = {
  "r1-0528-qwen3-8b": {
    ...qwen3,
    ...sizes(4096, 36, 32, 12288),
    max_position_embeddings: 131072,
    rope_scaling: {
      rope_type: "yarn",
      factor: 4,
      original_max_position_embeddings: 32768,
      attn_factor: 0.8782488562869419,
    },
  },
  "qwen3-0.6b": { ...qwen3, ...sizes(1024, 28, 16, 3072), tie_word_embeddings: true },
  "qwen3-1.7b": { ...qwen3, ...sizes(2048, 28, 16, 6144), tie_word_embeddings: true },
  "qwen3-4b": { ...qwen3, ...sizes(2560, 36, 32, 9728), tie_word_embeddings: true },
  "qwen3-8b": { ...qwen3, ...sizes(4096, 36, 32, 12288) },
  "qwen3-14b": { ...qwen3, ...sizes(5120, 40, 40, 17408) },
  "qwen3-32b": { ...qwen3, ...sizes(5120, 64, 64, 25600) },
};
