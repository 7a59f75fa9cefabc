// DeepSeek-V2 and V2-Lite.
import { z } from "zod";
import { count, countOrNone, countOrZero, positive } from "../config-fields.js";
import type { ModelFamily } from "../family.js";
import { deepseekConflicts, deepseekFields } from "./config.js";
import { deepseekGguf } from "./gguf.js";
import { DeepseekModel } from "./model.js";
import { publishedV2 } from "./published.js";

const schema = z.looseObject({
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

/** DeepSeek-V2/V2-Lite configuration, defaults filled in. */
export type DeepseekV2HfConfig = z.infer<typeof schema>;

/** The family of `model_type` deepseek_v2. */
export const deepseekV2: ModelFamily<DeepseekV2HfConfig> = {
  modelType: "deepseek_v2",
  architecture: "DeepseekV2ForCausalLM",
  schema,
  conflicts: deepseekConflicts,
  build: (config, options) => new DeepseekModel(config, options),
  gguf: deepseekGguf,
  published: publishedV2,
};
