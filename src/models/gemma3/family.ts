// Gemma 3, text: five of six layers slide and turn with a base of their own, and heads of queries and keys are
// normalised.
import { z } from "zod";
import { count, positive } from "../config-fields.js";
import type { ModelFamily, RawConfig } from "../family.js";
import { type GemmaFields, gemmaConflicts, gemmaFields, periodicLayers } from "../gemma/config.js";
import { gemmaGguf } from "../gemma/gguf.js";
import { gemmaModel, gemmaNorm } from "../gemma/model.js";
import { layerWindow } from "../gqa/config.js";

const PERIOD = 6;
const LOCAL_BASE = 10000;

const schema = z.looseObject({
  model_type: z.literal("gemma3_text"),
  ...gemmaFields,
  rope_theta: positive.default(1000000),
  /** The base of the rotary positions of layers that slide; `rope_theta` and `rope_scaling` are those of the others. */
  rope_local_base_freq: positive.default(LOCAL_BASE),
  /** Every so many-th layer sees the whole context, where `layer_types` does not say. */
  sliding_window_pattern: count.default(PERIOD),
  // transformers reads it and caps nothing.
  attn_logit_softcapping: z.null().default(null),
});

/** Gemma 3 configuration, defaults filled in. */
export type Gemma3HfConfig = z.infer<typeof schema>;

const isRecord = (value: unknown): value is RawConfig => typeof value === "object" && value !== null;

/** The rotary positions of newer files, by type of layer, in the keys of older ones. */
function flattenRope(raw: RawConfig): RawConfig {
  const { rope_parameters: rope, ...rest } = raw;
  if (!isRecord(rope) || !("full_attention" in rope || "sliding_attention" in rope)) return raw;
  const { full_attention: full = null, sliding_attention: sliding = null, ...others } = rope;
  const { rope_theta: base, rope_type: type = "default", ...settings } = isRecord(sliding) ? sliding : {};
  const isPlain = type === "default" && Object.keys(settings).length === 0;
  return {
    ...rest,
    rope_parameters: isRecord(full) ? { ...full, ...others } : null,
    ...(base === undefined ? {} : { rope_local_base_freq: base }),
    ...(isPlain ? {} : { "rope_parameters.sliding_attention": sliding }),
  };
}

const shared = gemmaGguf<Gemma3HfConfig>({
  architecture: "gemma3",
  period: PERIOD,
  layersOfLargest: 62,
  headNorms: true,
});

const slides = (config: GemmaFields, index: number): boolean => layerWindow(config, index) !== null;

// config.json of google/gemma-3-* on the Hugging Face Hub.
const gemma270m = {
  model_type: "gemma3_text",
  vocab_size: 262144,
  hidden_size: 640,
  num_hidden_layers: 18,
  num_attention_heads: 4,
  num_key_value_heads: 1,
  head_dim: 256,
  intermediate_size: 2048,
  max_position_embeddings: 32768,
  sliding_window: 512,
  query_pre_attn_scalar: 256,
  bos_token_id: 2,
  eos_token_id: 1,
  pad_token_id: 0,
};

/** The family of `model_type` gemma3_text. */
export const gemma3: ModelFamily<Gemma3HfConfig> = {
  modelType: "gemma3_text",
  architecture: "Gemma3ForCausalLM",
  scorerArchitecture: "Gemma3TextForSequenceClassification",
  schema,
  prepare: flattenRope,
  complete: (config) => ({
    ...config,
    layer_types: config.layer_types ?? periodicLayers(config.num_hidden_layers, config.sliding_window_pattern),
  }),
  conflicts: gemmaConflicts,
  build: (config, options) =>
    gemmaModel(config, options, (i, { rope }) => ({
      headNorm: gemmaNorm(config),
      rope: slides(config, i) ? { theta: config.rope_local_base_freq, scaling: null } : rope,
    })),
  gguf: {
    ...shared,
    ropeKeys: ["freq_base_swa"],
    read: (keys, common) => ({
      model_type: "gemma3_text",
      ...shared.read(keys, common),
      rope_local_base_freq: keys.number("rope.freq_base_swa") ?? LOCAL_BASE,
    }),
    write(keys, config) {
      if (config.rope_scaling && config.rope_scaling.rope_type !== "linear")
        keys.refuse(`rope_scaling ${config.rope_scaling.rope_type}: llama.cpp would scale the sliding layers too`);
      shared.write(keys, config);
      keys.float("rope.freq_base_swa", config.rope_local_base_freq);
    },
  },
  published: {
    "gemma-3-270m": gemma270m,
    "gemma-3-1b": {
      ...gemma270m,
      hidden_size: 1152,
      num_hidden_layers: 26,
      intermediate_size: 6912,
      eos_token_id: [1, 106],
    },
  },
};
