// What `luciole/models` offers: model families and their configurations.
export { createModel } from "./create.js";
export { DeepseekModel } from "./deepseek/model.js";
export { familyOf, numMtpOf } from "./families.js";
export type { ModelFamily } from "./family.js";
export { GqaModel } from "./gqa/model.js";
export * from "./hf-config.js";
export * from "./language-model.js";
export { MODEL_PRESETS, type ModelPreset } from "./presets.js";
export * from "./weights.js";
