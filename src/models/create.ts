// From a configuration to its model.
import type { HfConfig } from "./config-fields.js";
import { familyOf } from "./families.js";
import type { LanguageModel, ModelOptions } from "./language-model.js";

/**
 * A freshly initialised model of the family that `config.model_type` names. Throws ConfigError for a pattern of
 * `options.trains` that matches no weight.
 */
export function createModel(config: HfConfig, options: ModelOptions = {}): LanguageModel {
  const model = familyOf(config).build(config, options);
  try {
    model.parameters.refuseUnusedPatterns();
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}
