// DeepSeek-V2 and V2-Lite.
import type { ModelFamily } from "../family.js";
import { deepseekConflicts } from "./config.js";
import { deepseekGguf } from "./gguf.js";
import { DeepseekModel } from "./model.js";
import { publishedV2 } from "./published.js";
import { type DeepseekV2HfConfig, v2Schema } from "./schemas.js";

/** The family of `model_type` deepseek_v2. */
export const deepseekV2: ModelFamily<DeepseekV2HfConfig> = {
  modelType: "deepseek_v2",
  architecture: "DeepseekV2ForCausalLM",
  schema: v2Schema,
  conflicts: deepseekConflicts,
  build: (config, options) => new DeepseekModel(config, options),
  gguf: deepseekGguf,
  published: publishedV2,
};
