// The GGUF architecture llama, which Llama and Mistral share.
// Arrangement: ggml-org/llama.cpp@0274f0f, conversion/llama.py: rows of queries and keys in the order of a RoPE that
// turns neighbours.
import type { GgufKeys, GgufTable } from "../gguf-table.js";
import type { GqaFields } from "../gqa/config.js";
import { addAttention, readHeads, readWindows, writeHeads } from "../gqa/gguf.js";

type Biases = { readonly attention_bias: boolean; readonly mlp_bias: boolean };

/** Which biases a file holds. */
export const readBiases = (keys: GgufKeys): Biases => ({
  attention_bias: keys.hasTensor("blk.0.attn_q.bias"),
  mlp_bias: keys.hasTensor("blk.0.ffn_up.bias"),
});

/** What llama's files are made of. One with a sliding window is a Mistral. */
export const llamaGguf: GgufTable<GqaFields & Biases> = {
  architecture: "llama",
  takesRopeFactors: true,
  read(keys, common) {
    const heads = readHeads(keys, common);
    const windows = readWindows(keys, common.num_hidden_layers as number);
    if (windows?.slides.includes(false)) keys.refuse("sliding windows in only some layers are not supported for llama");
    if (windows) return { model_type: "mistral", ...heads, sliding_window: windows.size };
    return { model_type: "llama", ...heads, ...readBiases(keys) };
  },
  write: writeHeads,
  addLayer(layer, config) {
    addAttention(layer, config, {
      qkvBias: config.attention_bias,
      outputBias: config.attention_bias,
      turnsNeighbours: true,
    });
    layer.addMlp("", "mlp", config.hidden_size, config.intermediate_size, config.mlp_bias);
  },
};
