// Mistral 7B and its like: Llama's layers, with a sliding window in every one where the configuration has it.
import { z } from "zod";
import { common, count } from "../config-fields.js";
import type { ModelFamily } from "../family.js";
import type { GgufTable } from "../gguf-table.js";
import { gqaConfigOf, headConflicts, headCounts, withHeadCounts } from "../gqa/config.js";
import { windowDifferences, writeHeads, writeWindows } from "../gqa/gguf.js";
import { GqaModel } from "../gqa/model.js";
import { llamaGguf } from "../llama/gguf.js";

const schema = z.looseObject({
  model_type: z.literal("mistral"),
  ...common,
  ...headCounts,
  num_key_value_heads: count.default(8),
  sliding_window: count.nullable().default(4096),
});

/** Mistral configuration, defaults filled in. */
export type MistralHfConfig = z.infer<typeof schema> & { head_dim: number };

/** A file of llama's architecture; one without a window reads as a llama, which computes the same. */
const gguf: GgufTable<MistralHfConfig> = {
  ...llamaGguf,
  write(keys, config) {
    writeHeads(keys, config);
    writeWindows(keys, new Array<number | null>(config.num_hidden_layers).fill(config.sliding_window));
  },
  differences: (config) => windowDifferences([config.sliding_window], config.max_position_embeddings),
  addLayer: (layer, config, index, options) =>
    llamaGguf.addLayer(layer, { ...config, attention_bias: false, mlp_bias: false }, index, options),
};

// config.json of mistralai/Mistral-7B-* on the Hugging Face Hub.
const mistral7b = {
  model_type: "mistral",
  hidden_size: 4096,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  intermediate_size: 14336,
  max_position_embeddings: 32768,
  rms_norm_eps: 1e-5,
  bos_token_id: 1,
  eos_token_id: 2,
};

/** The family of `model_type` mistral. */
export const mistral: ModelFamily<MistralHfConfig> = {
  modelType: "mistral",
  architecture: "MistralForCausalLM",
  schema,
  complete: withHeadCounts,
  conflicts: headConflicts,
  build(config, options) {
    const attention = { ...gqaConfigOf(config, options), window: config.sliding_window };
    return new GqaModel(config, options, () => ({ attention }));
  },
  gguf,
  published: {
    "mistral-7b-v0.1": { ...mistral7b, vocab_size: 32000, sliding_window: 4096 },
    "mistral-7b-v0.3": { ...mistral7b, vocab_size: 32768, sliding_window: null, rope_theta: 1e6 },
  },
};
