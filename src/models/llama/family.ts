// Llama 2 and 3.
import { z } from "zod";
import { common } from "../config-fields.js";
import type { ModelFamily } from "../family.js";
import { gqaConfigOf, headConflicts, headCounts, withHeadCounts } from "../gqa/config.js";
import { GqaModel } from "../gqa/model.js";
import { llamaGguf } from "./gguf.js";

const schema = z.looseObject({
  model_type: z.literal("llama"),
  ...common,
  ...headCounts,
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
});

/** Llama 2/3 configuration, defaults filled in. */
export type LlamaHfConfig = z.infer<typeof schema> & { num_key_value_heads: number; head_dim: number };

// config.json of deepseek-ai/DeepSeek-R1-Distill-Llama-* on the Hugging Face Hub.
const distill = {
  model_type: "llama",
  vocab_size: 128256,
  max_position_embeddings: 131072,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-5,
  rope_theta: 500000,
  rope_scaling: {
    rope_type: "llama3",
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  },
  bos_token_id: 128000,
  eos_token_id: 128001,
};

/** The family of `model_type` llama. */
export const llama: ModelFamily<LlamaHfConfig> = {
  modelType: "llama",
  architecture: "LlamaForCausalLM",
  schema,
  complete: withHeadCounts,
  conflicts: headConflicts,
  build(config, options) {
    const { attention_bias: hasBias, mlp_bias: mlpBias } = config;
    const attention = { ...gqaConfigOf(config, options), qkvBias: hasBias, outputBias: hasBias };
    return new GqaModel(config, options, () => ({ attention, mlp: { hasBias: mlpBias } }));
  },
  gguf: llamaGguf,
  published: {
    "r1-distill-llama-8b": {
      ...distill,
      hidden_size: 4096,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      intermediate_size: 14336,
    },
    "r1-distill-llama-70b": {
      ...distill,
      hidden_size: 8192,
      num_hidden_layers: 80,
      num_attention_heads: 64,
      intermediate_size: 28672,
    },
  },
};
