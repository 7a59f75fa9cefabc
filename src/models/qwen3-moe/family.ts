// Qwen3 with mixtures of experts: a softmax gate over routed experts alone.
import { z } from "zod";
import type { MoeConfig } from "../../nn/moe.js";
import { count, countOrZero, Demands, MAX_EXPERTS } from "../config-fields.js";
import type { ModelFamily } from "../family.js";
import type { GgufTable } from "../gguf-table.js";
import { gqaConfigOf, headConflicts, withHeadCounts } from "../gqa/config.js";
import { addAttention, readHeads, readWindows, windowDifferences, writeHeads, writeWindows } from "../gqa/gguf.js";
import { GqaModel } from "../gqa/model.js";
import { biasDifferences, qwen3Attention, qwen3Fields } from "../qwen3/family.js";
import { published } from "./published.js";

const schema = z.looseObject({
  model_type: z.literal("qwen3_moe"),
  ...qwen3Fields,
  use_sliding_window: z.boolean().default(false),
  sliding_window: count.nullable().default(4096),
  moe_intermediate_size: count,
  num_experts: count.max(MAX_EXPERTS),
  num_experts_per_tok: count,
  norm_topk_prob: z.boolean().default(false),
  decoder_sparse_step: count.default(1),
  mlp_only_layers: z.array(countOrZero).nullable().default([]),
  // Kept for other trainers: the balance loss here is DeepSeek-V3's, and its weight an option of training.
  router_aux_loss_coef: z.number().min(0).default(0.001),
  output_router_logits: z.boolean().default(false),
});

/** Qwen3-MoE configuration, defaults filled in. */
export type Qwen3MoeHfConfig = z.infer<typeof schema> & { num_key_value_heads: number; head_dim: number };

/** Whether layer `index` has experts: every `decoder_sparse_step`-th does, unless `mlp_only_layers` lists it. */
const hasExperts = (config: Qwen3MoeHfConfig, index: number): boolean =>
  (index + 1) % config.decoder_sparse_step === 0 && !config.mlp_only_layers?.includes(index);

const windowsOf = (config: Qwen3MoeHfConfig): (number | null)[] =>
  new Array(config.num_hidden_layers).fill(config.sliding_window);

const moeConfigOf = (config: Qwen3MoeHfConfig): MoeConfig => ({
  hidden: config.hidden_size,
  expertWidth: config.moe_intermediate_size,
  numRouted: config.num_experts,
  numShared: 0,
  hasRouterBias: false,
  router: {
    topK: config.num_experts_per_tok,
    numGroups: 1,
    topkGroups: 1,
    scoring: "softmax",
    groupScore: "max",
    normalize: config.norm_topk_prob,
    scale: 1,
  },
});

// As ggml-org/llama.cpp@069be0a, src/models/qwen3moe.cpp: every layer has experts, and their weights are divided by
// their sum.
const gguf: GgufTable<Qwen3MoeHfConfig> = {
  architecture: "qwen3moe",
  read(keys, common) {
    const [windows, scale] = [
      readWindows(keys, common.num_hidden_layers as number),
      keys.number("expert_weights_scale") ?? 0,
    ];
    const [experts, active] = [keys.needed("expert_count"), keys.needed("expert_used_count")];
    if (scale !== 0 && scale !== 1) keys.refuse(`expert weights scaled by ${scale} are not supported for qwen3moe`);
    if (windows?.slides.includes(false))
      keys.refuse("sliding windows in only some layers are not supported for qwen3moe");
    return {
      model_type: "qwen3_moe",
      ...readHeads(keys, common),
      ...(windows ? { use_sliding_window: true, sliding_window: windows.size } : {}),
      attention_bias: keys.hasTensor("blk.0.attn_q.bias"),
      moe_intermediate_size:
        keys.count("expert_feed_forward_length") ?? Math.floor((common.intermediate_size as number) / active),
      num_experts: experts,
      num_experts_per_tok: active,
      norm_topk_prob: true,
    };
  },
  write(keys, config) {
    if (!config.norm_topk_prob)
      keys.refuse("norm_topk_prob is false, but qwen3moe in GGUF always normalises the expert weights");
    if (!Array.from({ length: config.num_hidden_layers }, (_, i) => hasExperts(config, i)).every(Boolean))
      keys.refuse(
        "decoder_sparse_step or mlp_only_layers leave layers without experts, but qwen3moe in GGUF has " +
          "experts in every layer",
      );
    writeHeads(keys, config);
    writeWindows(keys, windowsOf(config));
    keys.count("expert_feed_forward_length", config.moe_intermediate_size);
    keys.count("expert_count", config.num_experts);
    keys.count("expert_used_count", config.num_experts_per_tok);
  },
  differences: (config) => [
    ...windowDifferences(windowsOf(config), config.max_position_embeddings),
    ...biasDifferences(config),
  ],
  addLayer(layer, config, index) {
    addAttention(layer, config, qwen3Attention(config));
    if (hasExperts(config, index))
      layer.addExperts(config.hidden_size, config.moe_intermediate_size, config.num_experts);
    else layer.addMlp("", "mlp", config.hidden_size, config.intermediate_size);
  },
};

function conflicts(config: Qwen3MoeHfConfig): string[] {
  const checks = new Demands();
  checks.demandExperts(config.num_hidden_layers, config.num_experts, config.num_experts_per_tok, "num_experts");
  return [...headConflicts(config), ...checks.problems];
}

/** The family of `model_type` qwen3_moe. */
export const qwen3Moe: ModelFamily<Qwen3MoeHfConfig> = {
  modelType: "qwen3_moe",
  architecture: "Qwen3MoeForCausalLM",
  schema,
  aliases: { num_local_experts: "num_experts" },
  complete: (config) =>
    withHeadCounts({ ...config, sliding_window: config.use_sliding_window ? config.sliding_window : null }),
  conflicts,
  build(config, options) {
    const { attention_bias: hasBias, rms_norm_eps: eps } = config;
    const attention = {
      ...gqaConfigOf(config, options),
      qkvBias: hasBias,
      outputBias: hasBias,
      headNorm: { eps },
      window: config.sliding_window,
    };
    return new GqaModel(config, options, (i) => ({
      attention,
      experts: hasExperts(config, i) ? moeConfigOf(config) : undefined,
    }));
  },
  gguf,
  published,
};
