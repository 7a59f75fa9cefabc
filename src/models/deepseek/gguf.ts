// DeepSeek V2 and V3 in GGUF files: the architecture deepseek2.
// Arrangement: ggml-org/llama.cpp@01a723d, conversion/deepseek.py; read as src/models/deepseek2.cpp does.
import type {
  GgufEntry,
  GgufKeySink,
  GgufKeys,
  GgufTable,
  LatentSplit,
  LayerEntries,
  LayoutOptions,
} from "../gguf-table.js";
import { mtpDepth } from "./config.js";
import type { DeepseekHfConfig } from "./schemas.js";

const SIGMOID_GATE = 2;

function read(reader: GgufKeys, common: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const rotary = reader.needed("rope.dimension_count");
  const keyWidth = reader.count("attention.key_length_mla") ?? reader.needed("attention.key_length");
  const numMtp = reader.count("nextn_predict_layers") ?? 0;
  const isSigmoid = reader.count("expert_gating_func") === SIGMOID_GATE;
  const normalises = reader.flag("expert_weights_norm") ?? false;
  if (!isSigmoid && normalises) reader.refuse("a softmax gate with normalised weights is not supported");
  return {
    model_type: isSigmoid ? "deepseek_v3" : "deepseek_v2",
    num_hidden_layers: (common.num_hidden_layers as number) - numMtp,
    moe_intermediate_size: reader.needed("expert_feed_forward_length"),
    n_routed_experts: reader.needed("expert_count"),
    num_experts_per_tok: reader.needed("expert_used_count"),
    n_shared_experts: reader.count("expert_shared_count") ?? 0,
    kv_lora_rank: reader.needed("attention.kv_lora_rank"),
    q_lora_rank: reader.count("attention.q_lora_rank") || null,
    qk_nope_head_dim: keyWidth - rotary,
    qk_rope_head_dim: rotary,
    v_head_dim: reader.count("attention.value_length_mla") ?? reader.needed("attention.value_length"),
    first_k_dense_replace: reader.count("leading_dense_block_count") ?? 0,
    routed_scaling_factor: reader.number("expert_weights_scale") || 1,
    norm_topk_prob: normalises,
    attention_bias: reader.hasTensor("blk.0.attn_kv_a_mqa.bias"),
    ...readGroups(reader, isSigmoid),
    ...(isSigmoid ? { num_nextn_predict_layers: numMtp, rope_interleave: true } : {}),
  };
}

/** Published models by their number of experts: files from before the group keys were written leave the groups out. */
const PUBLISHED_GROUPS: Readonly<Record<string, readonly [groups: number, used: number]>> = {
  "sigmoid 256": [8, 4],
  "softmax 160": [8, 3],
};

function readGroups(reader: GgufKeys, isSigmoid: boolean): Record<string, unknown> {
  const published = PUBLISHED_GROUPS[`${isSigmoid ? "sigmoid" : "softmax"} ${reader.count("expert_count")}`] ?? [1, 1];
  const groups = reader.count("expert_group_count") || published[0];
  const used = reader.count("expert_group_used_count") || published[1];
  const method = groups > 1 ? "group_limited_greedy" : "greedy";
  return { n_group: groups, topk_group: used, ...(isSigmoid ? {} : { topk_method: method }) };
}

function write(writer: GgufKeySink, config: DeepseekHfConfig): void {
  const isV3 = config.model_type === "deepseek_v3";
  // Absorbed attention has one key head, as wide as latent and rotary part together; the _mla widths are those per
  // head.
  writer.count("attention.head_count_kv", 1);
  writer.count("attention.q_lora_rank", config.q_lora_rank ?? 0);
  writer.count("attention.kv_lora_rank", config.kv_lora_rank);
  writer.count("attention.key_length", config.kv_lora_rank + config.qk_rope_head_dim);
  writer.count("attention.value_length", config.kv_lora_rank);
  writer.count("attention.key_length_mla", config.qk_nope_head_dim + config.qk_rope_head_dim);
  writer.count("attention.value_length_mla", config.v_head_dim);
  writer.count("rope.dimension_count", config.qk_rope_head_dim);
  writer.count("leading_dense_block_count", config.first_k_dense_replace);
  writer.count("expert_feed_forward_length", config.moe_intermediate_size);
  writer.count("expert_count", config.n_routed_experts);
  writer.count("expert_used_count", config.num_experts_per_tok);
  writer.count("expert_shared_count", config.n_shared_experts);
  writer.float("expert_weights_scale", config.routed_scaling_factor);
  writer.flag("expert_weights_norm", isV3 && config.norm_topk_prob);
  writer.count("expert_gating_func", isV3 ? SIGMOID_GATE : 1);
  const isGrouped = isV3 || config.topk_method === "group_limited_greedy";
  const [groups, used] = isGrouped ? [config.n_group ?? 1, config.topk_group ?? 1] : [1, 1];
  // All groups in use is no grouping. One group says so: without the keys the groups of the released model of that size
  // are taken.
  writer.count("expert_group_count", used < groups ? groups : 1);
  writer.count("expert_group_used_count", used < groups ? used : 1);
  if (mtpDepth(config) > 0) writer.count("nextn_predict_layers", mtpDepth(config));
}

function addLayer(layer: LayerEntries, config: DeepseekHfConfig, index: number, options: LayoutOptions): void {
  addLatentAttention(layer, config, options);
  if (index >= config.num_hidden_layers) addMtp(layer, config.hidden_size);
  const {
    hidden_size: hidden,
    moe_intermediate_size: width,
    n_routed_experts: experts,
    n_shared_experts: shared,
  } = config;
  if (index < config.first_k_dense_replace) {
    layer.addMlp("", "mlp", hidden, config.intermediate_size);
    return;
  }
  layer.addExperts(hidden, width, experts);
  if (config.model_type === "deepseek_v3")
    layer.add("exp_probs_b.bias", "mlp.gate.e_score_correction_bias", [experts], "router");
  if (shared > 0) layer.addMlp("_shexp", "mlp.shared_experts", hidden, width * shared);
}

function addLatentAttention(layer: LayerEntries, config: DeepseekHfConfig, { joinedKvB }: LayoutOptions): void {
  const { hidden_size: hidden, num_attention_heads: heads, kv_lora_rank: latent, q_lora_rank: queryRank } = config;
  const { qk_nope_head_dim: nope, qk_rope_head_dim: rotary, v_head_dim: value } = config;
  const isHalfSplit = config.model_type === "deepseek_v3" && !config.rope_interleave;
  const queryOrder = isHalfSplit ? { groups: heads, start: nope } : undefined;
  const keyOrder = isHalfSplit ? { groups: 1, start: latent } : undefined;
  if (queryRank === null)
    layer.add("attn_q.weight", "self_attn.q_proj.weight", [heads * (nope + rotary), hidden], "matrix", queryOrder);
  else {
    layer.addProjection("attn_q_a", "self_attn.q_a_proj", [queryRank, hidden], config.attention_bias);
    layer.add("attn_q_a_norm.weight", "self_attn.q_a_layernorm.weight", [queryRank], "norm");
    layer.add(
      "attn_q_b.weight",
      "self_attn.q_b_proj.weight",
      [heads * (nope + rotary), queryRank],
      "matrix",
      queryOrder,
    );
  }
  layer.addProjection(
    "attn_kv_a_mqa",
    "self_attn.kv_a_proj_with_mqa",
    [latent + rotary, hidden],
    config.attention_bias,
    keyOrder,
  );
  layer.add("attn_kv_a_norm.weight", "self_attn.kv_a_layernorm.weight", [latent], "norm");
  const kvB = { name: `${layer.hfPrefix}self_attn.kv_b_proj.weight`, shape: [heads * (nope + value), latent] };
  if (joinedKvB) layer.add("attn_kv_b.weight", "self_attn.kv_b_proj.weight", kvB.shape);
  else {
    const split = (letter: string, shape: number[], half: LatentSplit["half"]): GgufEntry => ({
      name: `${layer.ggufPrefix}attn_${letter}_b.weight`,
      shape,
      role: "matrix",
      sources: [kvB],
      latentSplit: { half, heads, nope, value },
    });
    layer.entries.push(split("k", [heads, latent, nope], "keys"), split("v", [heads, value, latent], "values"));
  }
  layer.addProjection("attn_output", "self_attn.o_proj", [hidden, heads * value], config.attention_bias);
}

/** The latent norms' epsilon, fixed in the released code; llama.cpp takes rms_norm_eps for it. */
const LATENT_EPS = 1e-6;
/** Numbers of layers by which llama.cpp knows models without a query latent. */
const LITE_LAYERS: readonly number[] = [26, 27];

function differences(config: DeepseekHfConfig): string[] {
  const isGrouped = config.model_type === "deepseek_v2" && config.topk_method === "group_limited_greedy";
  const limits = isGrouped && (config.topk_group ?? 1) < (config.n_group ?? 1);
  const hasExperts = config.num_hidden_layers > config.first_k_dense_replace;
  return [
    ...(limits
      ? [
          "llama.cpp chooses expert groups by the sum of their two best experts, DeepSeek-V2 by the best one: " +
            "answers will differ in llama.cpp",
        ]
      : []),
    ...(config.rms_norm_eps === LATENT_EPS
      ? []
      : [`llama.cpp also uses rms_norm_eps ${config.rms_norm_eps} for the latent norms, where this model uses 1e-6`]),
    ...(config.attention_bias ? ["llama.cpp does not open DeepSeek models with biases (attention_bias)"] : []),
    ...(hasExperts && config.n_shared_experts === 0
      ? ["llama.cpp does not open DeepSeek models without shared experts (n_shared_experts 0)"]
      : []),
    ...(config.q_lora_rank !== null && LITE_LAYERS.includes(config.num_hidden_layers)
      ? [
          `llama.cpp takes a model of ${config.num_hidden_layers} layers for V2-Lite, which has no q_lora_rank; ` +
            `this model has ${config.q_lora_rank}`,
        ]
      : []),
  ];
}

function addMtp(layer: LayerEntries, hidden: number): void {
  layer.add("nextn.eh_proj.weight", "eh_proj.weight", [hidden, 2 * hidden]);
  layer.add("nextn.enorm.weight", "enorm.weight", [hidden], "norm");
  layer.add("nextn.hnorm.weight", "hnorm.weight", [hidden], "norm");
  layer.add("nextn.shared_head_norm.weight", "shared_head.norm.weight", [hidden], "norm");
}

/** What both versions' files are made of. */
export const deepseekGguf: GgufTable<DeepseekHfConfig> = {
  architecture: "deepseek2",
  read,
  write,
  differences,
  addLayer,
};
