// What `luciole/models` offers: model families and their configurations.

export { type CommonFields, scoresTexts } from "./config-fields.js";
export { createModel } from "./create.js";
export { DeepseekModel } from "./deepseek/model.js";
export type { DeepseekHfConfig, DeepseekV2HfConfig, DeepseekV3HfConfig } from "./deepseek/schemas.js";
export { familyOf, numMtpOf, withScoreHead } from "./families.js";
export type { ModelFamily, RawConfig } from "./family.js";
export type {
  GgufEntry,
  GgufKeySink,
  GgufKeys,
  GgufTable,
  HfTensor,
  LatentSplit,
  LayerEntries,
  LayoutOptions,
  RowOrder,
  TensorRole,
} from "./gguf-table.js";
export { type GqaLayer, GqaModel } from "./gqa/model.js";
export * from "./hf-config.js";
export * from "./language-model.js";
export type { LayerRange } from "./layer-range.js";
export type { FiniteWatch } from "./non-finite.js";
export { MODEL_PRESETS, type ModelPreset } from "./presets.js";
export type { WeightSource } from "./stored-weights.js";
export * from "./weights.js";
