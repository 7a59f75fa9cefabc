// Shapes of DeepSeek's released models.
// Source of the figures: config.json of deepseek-ai/DeepSeek-{V2-Lite,V2,V3} on the Hugging Face Hub.

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

/** DeepSeek-V2's sizes, by name. */
export const publishedV2 = {
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
};

/** DeepSeek-V3, whose shape R1 has. */
export const publishedV3 = {
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
};
