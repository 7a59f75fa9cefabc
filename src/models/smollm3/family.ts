// SmolLM3: Llama's layers, of which every fourth by default has no rotary positions (Yang et al. 2025, "RoPE to NoPE").
// Fields: huggingface/transformers v5.23, models/smollm3/configuration_smollm3.py.
import { z } from "zod";
import { common, count, Demands } from "../config-fields.js";
import type { ModelFamily } from "../family.js";
import type { GgufTable } from "../gguf-table.js";
import {
  gqaConfigOf,
  headConflicts,
  headCounts,
  layerTypes,
  layerWindow,
  layerWindows,
  windowConflicts,
  withHeadCounts,
} from "../gqa/config.js";
import { readHeads, readQwenWindows, windowDifferences, writeHeads, writeWindows } from "../gqa/gguf.js";
import { GqaModel } from "../gqa/model.js";
import { llamaGguf, readBiases } from "../llama/gguf.js";

const schema = z.looseObject({
  model_type: z.literal("smollm3"),
  ...common,
  ...headCounts,
  rope_theta: z.number().positive().default(2000000),
  tie_word_embeddings: z.boolean().default(true),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  /** 1 where a layer has rotary positions, 0 where it has none. */
  no_rope_layers: z.array(z.union([z.literal(0), z.literal(1)])).nullish(),
  no_rope_layer_interval: count.default(4),
  use_sliding_window: z.boolean().default(false),
  sliding_window: count.nullable().default(null),
  layer_types: layerTypes,
});

/** SmolLM3 configuration, defaults filled in. */
export type SmolLm3HfConfig = z.infer<typeof schema> & {
  num_key_value_heads: number;
  head_dim: number;
  no_rope_layers: (0 | 1)[];
};

/** 0 at every `interval`-th layer. */
const everyNth = (interval: number, layers: number): (0 | 1)[] =>
  Array.from({ length: layers }, (_, i) => ((i + 1) % interval === 0 ? 0 : 1));

/** Layers without rotary positions are those that slide, where the configuration does not say. */
function complete(config: SmolLm3HfConfig): SmolLm3HfConfig {
  const { num_hidden_layers: layers, no_rope_layer_interval: interval, layer_types: types, ...rest } = config;
  const rotary = config.no_rope_layers ?? everyNth(interval, layers);
  const window = config.use_sliding_window ? config.sliding_window : null;
  const byRotary = rotary.map((turns) => (turns ? "full_attention" : "sliding_attention"));
  return withHeadCounts({
    ...rest,
    num_hidden_layers: layers,
    no_rope_layer_interval: interval,
    no_rope_layers: rotary,
    sliding_window: window,
    ...(types?.includes("sliding_attention") || window !== null ? { layer_types: types ?? byRotary } : {}),
  } as SmolLm3HfConfig);
}

function conflicts(config: SmolLm3HfConfig): string[] {
  const { no_rope_layers: rotary, num_hidden_layers: layers } = config;
  const checks = new Demands();
  checks.demand(
    rotary.length >= layers,
    `no_rope_layers names ${rotary.length} layers, expected the ${layers} of num_hidden_layers`,
  );
  return [...headConflicts(config), ...windowConflicts(config), ...checks.problems];
}

/** Layers without rotary positions as llama.cpp has them, which no key of a file says. */
const LLAMA_CPP_INTERVAL = 4;

const gguf: GgufTable<SmolLm3HfConfig> = {
  architecture: "smollm3",
  read: (keys, values) => ({
    model_type: "smollm3",
    ...readHeads(keys, values),
    ...readQwenWindows(keys, values),
    ...readBiases(keys),
    no_rope_layer_interval: LLAMA_CPP_INTERVAL,
  }),
  write(keys, config) {
    const layers = config.num_hidden_layers;
    if (everyNth(LLAMA_CPP_INTERVAL, layers).some((turns, i) => turns !== config.no_rope_layers[i]))
      keys.refuse("no_rope_layers differs from llama.cpp's, which has no rotary positions in every fourth layer");
    writeHeads(keys, config);
    writeWindows(keys, layerWindows(config));
  },
  differences: (config) => [
    ...windowDifferences(layerWindows(config), config.max_position_embeddings),
    ...(config.mlp_bias ? ["llama.cpp does not open SmolLM3 models with biases on the feed-forward (mlp_bias)"] : []),
  ],
  addLayer: llamaGguf.addLayer,
};

/** The family of `model_type` smollm3. */
export const smolLm3: ModelFamily<SmolLm3HfConfig> = {
  modelType: "smollm3",
  architecture: "SmolLM3ForCausalLM",
  schema,
  complete,
  conflicts,
  build(config, options) {
    const { attention_bias: hasBias, mlp_bias: mlpBias, no_rope_layers: rotary } = config;
    const base = { ...gqaConfigOf(config, options), qkvBias: hasBias, outputBias: hasBias };
    return new GqaModel(config, options, (i) => ({
      attention: { ...base, rope: rotary[i] ? base.rope : null, window: layerWindow(config, i) },
      mlp: { hasBias: mlpBias },
    }));
  },
  gguf,
  published: {
    // config.json of HuggingFaceTB/SmolLM3-3B on the Hugging Face Hub.
    "smollm3-3b": {
      model_type: "smollm3",
      vocab_size: 128256,
      hidden_size: 2048,
      num_hidden_layers: 36,
      num_attention_heads: 16,
      num_key_value_heads: 4,
      intermediate_size: 11008,
      max_position_embeddings: 65536,
      rms_norm_eps: 1e-6,
      rope_theta: 5e6,
      no_rope_layer_interval: 4,
      tie_word_embeddings: true,
      bos_token_id: 128000,
      eos_token_id: 128012,
      pad_token_id: 128004,
    },
  },
};
