// Qwen3, dense: queries and keys are normalised head by head before they are rotated; DeepSeek-R1-0528-Qwen3-8B is one.
import { z } from "zod";
import { common } from "../config-fields.js";
import type { ModelFamily } from "../family.js";
import type { GgufTable } from "../gguf-table.js";
import {
  gqaConfigOf,
  headConflicts,
  headCounts,
  layerWindow,
  layerWindows,
  windowConflicts,
  windowFields,
  withHeadCounts,
  withLayerTypes,
} from "../gqa/config.js";
import { addAttention, readHeads, readQwenWindows, windowDifferences, writeHeads, writeWindows } from "../gqa/gguf.js";
import { GqaModel } from "../gqa/model.js";
import { published } from "./published.js";

/** Fields of both Qwen3 families. */
export const qwen3Fields = { ...common, ...headCounts, attention_bias: z.boolean().default(false) };

const schema = z.looseObject({ model_type: z.literal("qwen3"), ...qwen3Fields, ...windowFields });

/** Qwen3 configuration, defaults filled in. */
export type Qwen3HfConfig = z.infer<typeof schema> & { num_key_value_heads: number; head_dim: number };

/** What a file of either Qwen3 family says of its attention. */
export const qwen3Attention = (config: { attention_bias: boolean }) => ({
  qkvBias: config.attention_bias,
  outputBias: config.attention_bias,
  turnsNeighbours: false,
  headNorms: true,
});

/** What llama.cpp makes otherwise of biases: it has no place for that of the output. */
export const biasDifferences = (config: { attention_bias: boolean }): string[] =>
  config.attention_bias ? ["llama.cpp does not open Qwen3 models with biases (attention_bias)"] : [];

const gguf: GgufTable<Qwen3HfConfig> = {
  architecture: "qwen3",
  read: (keys, values) => ({
    model_type: "qwen3",
    ...readHeads(keys, values),
    ...readQwenWindows(keys, values),
    attention_bias: keys.hasTensor("blk.0.attn_q.bias"),
  }),
  write(keys, config) {
    writeHeads(keys, config);
    writeWindows(keys, layerWindows(config));
  },
  differences: (config) => [
    ...windowDifferences(layerWindows(config), config.max_position_embeddings),
    ...biasDifferences(config),
  ],
  addLayer(layer, config) {
    addAttention(layer, config, qwen3Attention(config));
    layer.addMlp("", "mlp", config.hidden_size, config.intermediate_size);
  },
};

/** The family of `model_type` qwen3. */
export const qwen3: ModelFamily<Qwen3HfConfig> = {
  modelType: "qwen3",
  architecture: "Qwen3ForCausalLM",
  schema,
  complete: (config) => withLayerTypes(withHeadCounts(config, 128)),
  conflicts: (config) => [...headConflicts(config), ...windowConflicts(config)],
  build(config, options) {
    const { attention_bias: hasBias, rms_norm_eps: eps } = config;
    const attention = { ...gqaConfigOf(config, options), qkvBias: hasBias, outputBias: hasBias, headNorm: { eps } };
    return new GqaModel(config, options, (i) => ({ attention: { ...attention, window: layerWindow(config, i) } }));
  },
  gguf,
  published,
};
