// DeepSeek's config.json fields as the sizes our layers take. The only file where the two vocabularies meet.
import type { MlaConfig } from "../../nn/mla.js";
import type { MoeConfig } from "../../nn/moe.js";
import type { DeepseekV2HfConfig, DeepseekV3HfConfig } from "../hf-config.js";
import { ropeScalingOf } from "../rope-scaling.js";

/** V3/R1 or V2/V2-Lite. */
export type DeepseekHfConfig = DeepseekV2HfConfig | DeepseekV3HfConfig;

/** Sizes of the attention layers. */
export function mlaConfigOf(c: DeepseekHfConfig): MlaConfig {
  return {
    hidden: c.hidden_size,
    heads: c.num_attention_heads,
    qLoraRank: c.q_lora_rank,
    kvLoraRank: c.kv_lora_rank,
    nope: c.qk_nope_head_dim,
    rotary: c.qk_rope_head_dim,
    value: c.v_head_dim,
    ropeTheta: c.rope_theta,
    ropeScaling: ropeScalingOf(c),
    ropeInterleave: c.model_type === "deepseek_v2" || c.rope_interleave,
  };
}

/** Sizes and gate of the mixture layers: V3 sigmoid with bias and top-2 group scores, V2 softmax with the group's best. */
export function moeConfigOf(c: DeepseekHfConfig): MoeConfig {
  const isV3 = c.model_type === "deepseek_v3";
  const grouped = isV3 || c.topk_method === "group_limited_greedy";
  return {
    hidden: c.hidden_size,
    expertWidth: c.moe_intermediate_size,
    numRouted: c.n_routed_experts,
    numShared: c.n_shared_experts,
    hasRouterBias: isV3,
    router: {
      topK: c.num_experts_per_tok,
      numGroups: grouped ? (c.n_group ?? 1) : 1,
      topkGroups: grouped ? (c.topk_group ?? 1) : 1,
      scoring: c.scoring_func,
      groupScore: isV3 ? "top2sum" : "max",
      // transformers ignores norm_topk_prob for V2, whose released configs have it false.
      normalize: isV3 && c.norm_topk_prob,
      scale: c.routed_scaling_factor,
    },
  };
}

/** Multi-token-prediction depth. */
export function mtpDepth(c: DeepseekHfConfig): number {
  return c.model_type === "deepseek_v3" ? c.num_nextn_predict_layers : 0;
}
