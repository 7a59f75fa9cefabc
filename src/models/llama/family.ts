// Llama 2 and 3.
import { z } from "zod";
import { CheckpointError } from "../../errors.js";
import { common } from "../config-fields.js";
import type { ModelFamily } from "../family.js";
import type { GgufTable } from "../gguf-table.js";
import { gqaConfigOf, headConflicts, headCounts, withHeadCounts } from "../gqa/config.js";
import { addAttention, readHeads, writeHeads } from "../gqa/gguf.js";
import { GqaModel } from "../gqa/model.js";

const schema = z.looseObject({
  model_type: z.literal("llama"),
  ...common,
  ...headCounts,
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
});

/** Llama 2/3 configuration, defaults filled in. */
export type LlamaHfConfig = z.infer<typeof schema> & { num_key_value_heads: number; head_dim: number };

const gguf: GgufTable<LlamaHfConfig> = {
  architecture: "llama",
  takesRopeFactors: true,
  read: (keys, values) => ({ model_type: "llama", ...readHeads(keys, values) }),
  write: writeHeads,
  addLayer(layer, config) {
    addAttention(layer, config, { qkvBias: false, turnsNeighbours: true });
    layer.addMlp("", "mlp", config.hidden_size, config.intermediate_size);
  },
};

// config.json of deepseek-ai/DeepSeek-R1-Distill-Llama-* on the Hugging Face Hub.
const distill = {
  model_type: "llama",
  vocab_size: 128256,
  max_position_embeddings: 131072,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-5,
  rope_theta: 500000,
  rope_scaling: { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 },
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
    if (config.attention_bias || config.mlp_bias)
      throw new CheckpointError("config.json: llama with attention_bias or mlp_bias is not supported; expected both false");
    const attention = { ...gqaConfigOf(config), qkvBias: false };
    return new GqaModel(config, options, () => ({ attention }));
  },
  gguf,
  published: {
    "r1-distill-llama-8b": { ...distill, hidden_size: 4096, num_hidden_layers: 32, num_attention_heads: 32, intermediate_size: 14336 },
    "r1-distill-llama-70b": { ...distill, hidden_size: 8192, num_hidden_layers: 80, num_attention_heads: 64, intermediate_size: 28672 },
  },
};
