// Gemma 2 and 3 in GGUF files. Keys and tensors: ggml-org/llama.cpp@061b8c5, conversion/gemma.py; which layers slide
// and what scores are multiplied by, which no key says: its src/llama-model.cpp.
import type { GgufKeySink, GgufKeys, GgufTable, LayerEntries } from "../gguf-table.js";
import { addAttention, readHeads, writeHeads } from "../gqa/gguf.js";
import { type GemmaFields, periodicLayers } from "./config.js";

/** The norms of a block as files name them. */
const NORMS = {
  attn_norm: "input_layernorm",
  post_attention_norm: "post_attention_layernorm",
  ffn_norm: "pre_feedforward_layernorm",
  post_ffw_norm: "post_feedforward_layernorm",
};

/** What llama.cpp takes for granted of one generation. */
export interface LlamaCppGemma {
  readonly architecture: string;
  /** Every so many-th layer sees the whole context. */
  readonly period: number;
  /** Layers of the size whose scores are divided by √(hidden / heads) in place of √head_dim. */
  readonly layersOfLargest: number;
  readonly headNorms: boolean;
}

/** What llama.cpp divides scores by the root of. */
const scalarOf = (
  { layersOfLargest }: LlamaCppGemma,
  layers: number,
  hidden: number,
  heads: number,
  headDim: number,
) => (layers === layersOfLargest ? hidden / heads : headDim);

/** The part of the table that both generations share. */
export function gemmaGguf<C extends GemmaFields>(
  fixed: LlamaCppGemma,
): Pick<GgufTable<C>, "architecture" | "layerNorms" | "normOffset"> & {
  read(keys: GgufKeys, common: Readonly<Record<string, unknown>>): Record<string, unknown>;
  write(keys: GgufKeySink, config: C): void;
  addLayer(layer: LayerEntries, config: C): void;
} {
  const { architecture, period, headNorms } = fixed;
  return {
    architecture,
    layerNorms: NORMS,
    normOffset: 1,
    read(keys, common) {
      const heads = readHeads(keys, common);
      const [layers, hidden, count] = ["num_hidden_layers", "hidden_size", "num_attention_heads"].map(
        (key) => common[key] as number,
      );
      return {
        ...heads,
        attention_bias: keys.hasTensor("blk.0.attn_q.bias"),
        query_pre_attn_scalar: scalarOf(fixed, layers, hidden, count, heads.head_dim as number),
        sliding_window: keys.needed("attention.sliding_window"),
        layer_types: periodicLayers(layers, period),
        final_logit_softcapping: keys.number("final_logit_softcapping") || null,
      };
    },
    write(keys, config) {
      const { num_hidden_layers: layers, hidden_size: hidden, num_attention_heads: heads, head_dim: headDim } = config;
      if (config.layer_types?.join() !== periodicLayers(layers, period).join())
        keys.refuse(`layer_types differs from llama.cpp's, where every ${period}th layer sees the whole context`);
      const scalar = scalarOf(fixed, layers, hidden, heads, headDim);
      if (config.query_pre_attn_scalar !== scalar)
        keys.refuse(`query_pre_attn_scalar is ${config.query_pre_attn_scalar}, but llama.cpp takes ${scalar}`);
      if (!config.tie_word_embeddings) keys.refuse("llama.cpp's Gemma has no head of its own (tie_word_embeddings)");
      writeHeads(keys, config);
      keys.count("attention.sliding_window", config.sliding_window as number);
      if (config.final_logit_softcapping) keys.float("final_logit_softcapping", config.final_logit_softcapping);
    },
    addLayer(layer, config) {
      const { attention_bias: hasBias } = config;
      addAttention(layer, config, { qkvBias: hasBias, outputBias: hasBias, turnsNeighbours: false, headNorms });
      layer.addMlp("", "mlp", config.hidden_size, config.intermediate_size);
    },
  };
}
