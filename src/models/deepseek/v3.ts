// DeepSeek-V3 and R1.
import type { ModelFamily } from "../family.js";
import { deepseekConflicts } from "./config.js";
import { deepseekGguf } from "./gguf.js";
import { DeepseekModel } from "./model.js";
import { publishedV3 } from "./published.js";
import { type DeepseekV3HfConfig, v3Schema } from "./schemas.js";

/** The family of `model_type` deepseek_v3. */
export const deepseekV3: ModelFamily<DeepseekV3HfConfig> = {
  modelType: "deepseek_v3",
  architecture: "DeepseekV3ForCausalLM",
  schema: v3Schema,
  aliases: { num_mtp_layers: "num_nextn_predict_layers" },
  conflicts: deepseekConflicts,
  build: (config, options) => new DeepseekModel(config, options),
  gguf: deepseekGguf,
  predictsAhead: true,
  published: publishedV3,
};
