// The smallest Llama, for tests that need a model and do not look at what it says.
import { type HfConfig, parseHfConfig } from "./hf-config.js";

/** One layer of one head, eight numbers wide, for a vocabulary; `fields` of config.json are put onto it. */
export const oneLayerLlama = (vocabSize: number, fields: Readonly<Record<string, unknown>> = {}): HfConfig =>
  parseHfConfig({
    model_type: "llama",
    hidden_size: 8,
    intermediate_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: 1,
    num_key_value_heads: 1,
    head_dim: 8,
    max_position_embeddings: 64,
    vocab_size: vocabSize,
    ...fields,
  });
