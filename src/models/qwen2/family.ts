// Qwen2 and Qwen2.5: Llama's layers with biases on queries, keys and values, and sliding windows where the
// configuration asks for them.
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

const schema = z.looseObject({
  model_type: z.literal("qwen2"),
  ...common,
  ...headCounts,
  ...windowFields,
});

/** Qwen2/Qwen2.5 configuration, defaults filled in. */
export type Qwen2HfConfig = z.infer<typeof schema> & { num_key_value_heads: number; head_dim: number };

const gguf: GgufTable<Qwen2HfConfig> = {
  architecture: "qwen2",
  read: (keys, values) => ({ model_type: "qwen2", ...readHeads(keys, values), ...readQwenWindows(keys, values) }),
  write(keys, config) {
    writeHeads(keys, config);
    writeWindows(keys, layerWindows(config));
  },
  differences: (config) => windowDifferences(layerWindows(config), config.max_position_embeddings),
  addLayer(layer, config) {
    addAttention(layer, config, { qkvBias: true, outputBias: false, turnsNeighbours: false });
    layer.addMlp("", "mlp", config.hidden_size, config.intermediate_size);
  },
};

/** The family of `model_type` qwen2. */
export const qwen2: ModelFamily<Qwen2HfConfig> = {
  modelType: "qwen2",
  architecture: "Qwen2ForCausalLM",
  schema,
  complete: (config) => withLayerTypes(withHeadCounts(config)),
  conflicts: (config) => [...headConflicts(config), ...windowConflicts(config)],
  build(config, options) {
    const attention = { ...gqaConfigOf(config, options), qkvBias: true };
    return new GqaModel(config, options, (i) => ({ attention: { ...attention, window: layerWindow(config, i) } }));
  },
  gguf,
  published,
};
