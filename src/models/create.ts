// From a configuration to its model.
import { familyOf, type HfConfig } from "./families.js";
import type { LanguageModel, ModelOptions } from "./language-model.js";

/** A freshly initialised model of the family that `config.model_type` names. */
export const createModel = (config: HfConfig, options: ModelOptions = {}): LanguageModel =>
  familyOf(config).build(config, options);
