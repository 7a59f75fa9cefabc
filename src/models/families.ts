// The model families, and which one a configuration belongs to. A new family is a folder and a line in the list.
import { type HfConfig, scorerBeside, scoresTexts } from "./config-fields.js";
import { deepseekV2 } from "./deepseek/v2.js";
import { deepseekV3 } from "./deepseek/v3.js";
import type { ModelFamily } from "./family.js";
import { gemma2 } from "./gemma2/family.js";
import { gemma3 } from "./gemma3/family.js";
import { llama } from "./llama/family.js";
import { mistral } from "./mistral/family.js";
import { qwen2 } from "./qwen2/family.js";
import { qwen3 } from "./qwen3/family.js";
import { qwen3Moe } from "./qwen3-moe/family.js";
import { smolLm3 } from "./smollm3/family.js";

/** Every family. */
export const FAMILIES: readonly ModelFamily[] = [
  deepseekV3,
  deepseekV2,
  qwen2,
  llama,
  qwen3,
  qwen3Moe,
  mistral,
  smolLm3,
  gemma2,
  gemma3,
];

/** The values of `model_type` that can be read. */
export const SUPPORTED_MODEL_TYPES = FAMILIES.map(({ modelType }) => modelType);

/** The family of that `model_type`, if it is supported. */
export const findFamily = (modelType: unknown): ModelFamily | undefined =>
  FAMILIES.find((family) => family.modelType === modelType);

/** The family of a configuration. */
export const familyOf = ({ model_type }: HfConfig): ModelFamily => findFamily(model_type) as ModelFamily;

/** Layers of multi-token prediction; 0 for families without. */
export const numMtpOf = (config: HfConfig): number =>
  familyOf(config).predictsAhead ? (config.num_nextn_predict_layers as number) : 0;

/** The configuration with so many layers of multi-token prediction, where its family has them. */
export const withNumMtp = (config: HfConfig, num: number): HfConfig =>
  familyOf(config).predictsAhead ? { ...config, num_nextn_predict_layers: num } : config;

/**
 * The configuration of this model with a score head of one number, as `AutoModelForSequenceClassification` reads it.
 * Multi-token prediction, which nothing would train, is left out. `transformers` takes the score behind the last token
 * that is not padding: a padding token that is also an end token is dropped.
 */
export function withScoreHead(config: HfConfig): HfConfig {
  if (scoresTexts(config)) return config;
  const { architecture, scorerArchitecture = scorerBeside(architecture) } = familyOf(config);
  const { pad_token_id: pad, eos_token_id: eos } = config;
  return {
    ...withNumMtp(config, 0),
    architectures: [scorerArchitecture],
    id2label: { 0: "LABEL_0" },
    label2id: { LABEL_0: 0 },
    pad_token_id: [eos].flat().includes(pad) ? null : pad,
  };
}
