// DeepSeek-V3 and R1.
import { z } from "zod";
import { count, countOrNone, countOrZero, MAX_LAYERS, positive } from "../config-fields.js";
import type { ModelFamily } from "../family.js";
import { deepseekConflicts, deepseekFields } from "./config.js";
import { deepseekGguf } from "./gguf.js";
import { DeepseekModel } from "./model.js";
import { publishedV3 } from "./published.js";

const schema = z.looseObject({
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

/** DeepSeek-V3/R1 configuration, defaults filled in. `q_lora_rank` null = one plain q projection. */
export type DeepseekV3HfConfig = z.infer<typeof schema>;

/** The family of `model_type` deepseek_v3. */
export const deepseekV3: ModelFamily<DeepseekV3HfConfig> = {
  modelType: "deepseek_v3",
  architecture: "DeepseekV3ForCausalLM",
  schema,
  aliases: { num_mtp_layers: "num_nextn_predict_layers" },
  conflicts: deepseekConflicts,
  build: (config, options) => new DeepseekModel(config, options),
  gguf: deepseekGguf,
  predictsAhead: true,
  published: publishedV3,
};
