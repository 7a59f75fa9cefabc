// From a configuration to its model.
import { DeepseekModel } from "./deepseek/model.js";
import type { HfConfig } from "./hf-config.js";
import type { LanguageModel, ModelOptions } from "./language-model.js";
import { DenseModel } from "./llama/model.js";

/** A freshly initialised model of the family that `config.model_type` names. */
export function createModel(config: HfConfig, options: ModelOptions = {}): LanguageModel {
  return config.model_type === "deepseek_v3" || config.model_type === "deepseek_v2" ? new DeepseekModel(config, options) : new DenseModel(config, options);
}
