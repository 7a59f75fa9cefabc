// Fields of DeepSeek's config.json, with their defaults: those that V2 and V3 share, and each version's own.
import { z } from "zod";
import { common, count, countOrNone, countOrZero, MAX_EXPERTS, MAX_LAYERS, positive } from "../config-fields.js";

/** Fields of both versions. */
const deepseekFields = {
  ...common,
  moe_intermediate_size: count,
  n_routed_experts: count.max(MAX_EXPERTS),
  num_experts_per_tok: count,
  kv_lora_rank: count,
  // Absent and null differ: null is a plain q projection, so a file that leaves it out is refused rather than guessed
  // at.
  q_lora_rank: count.nullable(),
  qk_nope_head_dim: count,
  qk_rope_head_dim: count,
  v_head_dim: count,
  moe_layer_freq: z.literal(1).default(1),
  attention_bias: z.boolean().default(false),
  // Follow from the others; `transformers` writes them.
  num_key_value_heads: count.optional(),
  head_dim: count.optional(),
  qk_head_dim: count.optional(),
};

/** Fields of V2 and V2-Lite. */
export const v2Schema = z.looseObject({
  model_type: z.literal("deepseek_v2"),
  ...deepseekFields,
  n_shared_experts: countOrNone.default(2),
  n_group: count.nullable().default(null),
  topk_group: count.nullable().default(null),
  topk_method: z.enum(["greedy", "group_limited_greedy"]).default("greedy"),
  scoring_func: z.literal("softmax").default("softmax"),
  norm_topk_prob: z.boolean().default(false),
  routed_scaling_factor: positive.default(1),
  first_k_dense_replace: countOrZero.default(0),
  mlp_bias: z.literal(false).default(false),
});

/** Fields of V3 and R1. */
export const v3Schema = z.looseObject({
  model_type: z.literal("deepseek_v3"),
  ...deepseekFields,
  n_shared_experts: countOrNone.default(1),
  n_group: count.default(8),
  topk_group: count.default(4),
  topk_method: z.literal("noaux_tc").default("noaux_tc"),
  scoring_func: z.literal("sigmoid").default("sigmoid"),
  norm_topk_prob: z.boolean().default(true),
  routed_scaling_factor: positive.default(2.5),
  first_k_dense_replace: countOrZero.default(3),
  rope_interleave: z.boolean().default(true),
  num_nextn_predict_layers: countOrZero.max(MAX_LAYERS).default(0),
});

/** DeepSeek-V2/V2-Lite configuration, defaults filled in. */
export type DeepseekV2HfConfig = z.infer<typeof v2Schema>;

/** DeepSeek-V3/R1 configuration, defaults filled in. `q_lora_rank` null = one plain q projection. */
export type DeepseekV3HfConfig = z.infer<typeof v3Schema>;

/** V3/R1 or V2/V2-Lite. */
export type DeepseekHfConfig = DeepseekV2HfConfig | DeepseekV3HfConfig;
