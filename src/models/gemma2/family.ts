// Gemma 2: every other layer slides, and scores and logits are softly capped.
import { z } from "zod";
import { positive } from "../config-fields.js";
import type { ModelFamily } from "../family.js";
import { gemmaConflicts, gemmaFields, periodicLayers } from "../gemma/config.js";
import { gemmaGguf } from "../gemma/gguf.js";
import { gemmaModel } from "../gemma/model.js";

const PERIOD = 2;

const schema = z.looseObject({
  model_type: z.literal("gemma2"),
  ...gemmaFields,
  attn_logit_softcapping: positive.nullable().default(50),
  final_logit_softcapping: positive.nullable().default(30),
});

/** Gemma 2 configuration, defaults filled in. */
export type Gemma2HfConfig = z.infer<typeof schema>;

const shared = gemmaGguf<Gemma2HfConfig>({
  architecture: "gemma2",
  period: PERIOD,
  layersOfLargest: 46,
  headNorms: false,
});

// config.json of google/gemma-2-* on the Hugging Face Hub.
const gemma2b = {
  model_type: "gemma2",
  vocab_size: 256000,
  hidden_size: 2304,
  num_hidden_layers: 26,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 256,
  intermediate_size: 9216,
  max_position_embeddings: 8192,
  sliding_window: 4096,
  query_pre_attn_scalar: 256,
  bos_token_id: 2,
  eos_token_id: 1,
  pad_token_id: 0,
};

/** The family of `model_type` gemma2. */
export const gemma2: ModelFamily<Gemma2HfConfig> = {
  modelType: "gemma2",
  architecture: "Gemma2ForCausalLM",
  schema,
  complete: (config) => ({
    ...config,
    layer_types: config.layer_types ?? periodicLayers(config.num_hidden_layers, PERIOD),
  }),
  conflicts: gemmaConflicts,
  build: (config, options) => gemmaModel(config, options, () => ({ softCap: config.attn_logit_softcapping })),
  gguf: {
    ...shared,
    read: (keys, common) => ({
      model_type: "gemma2",
      ...shared.read(keys, common),
      attn_logit_softcapping: keys.number("attn_logit_softcapping") || 50,
      final_logit_softcapping: keys.number("final_logit_softcapping") || 30,
    }),
    write(keys, config) {
      if (!config.attn_logit_softcapping || !config.final_logit_softcapping)
        keys.refuse("llama.cpp's Gemma 2 always caps scores and logits (attn_logit_softcapping)");
      else {
        shared.write(keys, config);
        keys.float("attn_logit_softcapping", config.attn_logit_softcapping);
      }
    },
  },
  published: {
    "gemma-2-2b": gemma2b,
    "gemma-2-9b": {
      ...gemma2b,
      hidden_size: 3584,
      num_hidden_layers: 42,
      num_attention_heads: 16,
      num_key_value_heads: 8,
      intermediate_size: 14336,
    },
    "gemma-2-27b": {
      ...gemma2b,
      hidden_size: 4608,
      num_hidden_layers: 46,
      num_attention_heads: 32,
      num_key_value_heads: 16,
      head_dim: 128,
      intermediate_size: 36864,
      query_pre_attn_scalar: 144,
    },
  },
};
