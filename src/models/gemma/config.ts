// What Gemma 2 and 3 have in common in config.json. Fields and defaults: huggingface/transformers v5.23,
// models/gemma2/configuration_gemma2.py and models/gemma3/configuration_gemma3.py.
import { z } from "zod";
import { common, count, positive } from "../config-fields.js";
import { type GqaFields, headConflicts, type LayerWindows, layerTypes, windowConflicts } from "../gqa/config.js";

const gelu = z.literal("gelu_pytorch_tanh");

/** Fields of both. `hidden_act` is passed over in favour of `hidden_activation`, so it must say the same. */
export const gemmaFields = {
  ...common,
  num_key_value_heads: count.default(4),
  head_dim: count.default(256),
  hidden_act: gelu.nullish(),
  hidden_activation: gelu.default("gelu_pytorch_tanh"),
  tie_word_embeddings: z.boolean().default(true),
  attention_bias: z.boolean().default(false),
  query_pre_attn_scalar: positive.default(256),
  sliding_window: count.default(4096),
  layer_types: layerTypes,
  final_logit_softcapping: positive.nullish(),
  use_bidirectional_attention: z.literal(false).nullish(),
  /** How `transformers` keeps its cache. */
  cache_implementation: z.string().nullish(),
};

/** Fields of both, defaults filled in. */
export type GemmaFields = GqaFields &
  LayerWindows & {
    readonly attention_bias: boolean;
    readonly query_pre_attn_scalar: number;
    readonly final_logit_softcapping?: number | null;
  };

/** Layers of which every `period`-th sees the whole context, and the others slide. */
export const periodicLayers = (layers: number, period: number): ("full_attention" | "sliding_attention")[] =>
  Array.from({ length: layers }, (_, i) => ((i + 1) % period === 0 ? "full_attention" : "sliding_attention"));

/** What contradicts itself. */
export const gemmaConflicts = (config: GemmaFields): string[] => [...headConflicts(config), ...windowConflicts(config)];
