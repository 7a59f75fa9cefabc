// DeepSeek's configuration: what contradicts itself, and the fields as the sizes our layers take.
import type { MlaConfig } from "../../nn/mla.js";
import type { MoeConfig } from "../../nn/moe.js";
import { Demands } from "../config-fields.js";
import type { ModelOptions } from "../language-model.js";
import { contextOf, ropeConflicts, ropeScalingOf, softmaxScaleOf } from "../rope-scaling.js";
import type { DeepseekHfConfig } from "./schemas.js";

/** Values of both versions that contradict each other, in words. */
export function deepseekConflicts(config: DeepseekHfConfig): string[] {
  const { n_routed_experts: experts, num_experts_per_tok: active, qk_rope_head_dim: rotary } = config;
  const checks = new Demands();
  checks.demand(rotary % 2 === 0, `qk_rope_head_dim ${rotary} must be even for rotary position embeddings`);
  checks.demandExperts(config.num_hidden_layers + mtpDepth(config), experts, active, "n_routed_experts");
  const kvHeads = config.num_key_value_heads ?? config.num_attention_heads;
  checks.demand(
    kvHeads === config.num_attention_heads,
    `num_key_value_heads ${kvHeads} must equal num_attention_heads ${config.num_attention_heads}`,
  );
  if (config.model_type === "deepseek_v2" && config.topk_method === "greedy")
    return [...checks.problems, ...ropeConflicts(config, rotary)];
  const groups = config.n_group ?? 1;
  const groupsUsed = config.topk_group ?? groups;
  checks.demand(experts % groups === 0, `n_routed_experts ${experts} must be a multiple of n_group ${groups}`);
  checks.demand(groupsUsed <= groups, `topk_group ${groupsUsed} must not exceed n_group ${groups}`);
  checks.demand(
    active <= (experts / groups) * groupsUsed,
    `num_experts_per_tok ${active} must fit into topk_group ${groupsUsed} groups of ${experts / groups} experts`,
  );
  return [...checks.problems, ...ropeConflicts(config, rotary)];
}

/** Sizes of the attention layers. */
export function mlaConfigOf(c: DeepseekHfConfig, { context }: ModelOptions): MlaConfig {
  return {
    hidden: c.hidden_size,
    hasBias: c.attention_bias,
    heads: c.num_attention_heads,
    qLoraRank: c.q_lora_rank,
    kvLoraRank: c.kv_lora_rank,
    nope: c.qk_nope_head_dim,
    rotary: c.qk_rope_head_dim,
    value: c.v_head_dim,
    ropeTheta: c.rope_theta,
    ropeScaling: ropeScalingOf(c, contextOf(c, context)),
    softmaxScale: softmaxScaleOf(c),
    ropeInterleave: c.model_type === "deepseek_v2" || c.rope_interleave,
  };
}

/**
 * Sizes and gate of the mixture layers: V3 sigmoid with bias and top-2 group scores, V2 softmax with the group's best.
 */
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
