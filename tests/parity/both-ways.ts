// What decoding step by step is held against, whatever the cache: golden models by a full forward, and a model for lengths that no golden case has.
import { parseHfConfig } from "../../src/models/hf-config.js";
import type { LanguageModel } from "../../src/models/language-model.js";
import type { ComputeType } from "../../src/nn/parameters.js";
import { forwardLogits } from "./continuous-decoding.js";
import { loadModel, readCase } from "./golden-case.js";

/** A way to the logits f32 [T,V] of sequences. */
export type LogitsOf = (model: LanguageModel, sequences: readonly (readonly number[])[]) => Promise<Float32Array>;

/** A DeepSeek-V3 of random weights that sees 512 tokens. */
export const longConfig = parseHfConfig({
  model_type: "deepseek_v3",
  vocab_size: 100,
  hidden_size: 192,
  intermediate_size: 320,
  moe_intermediate_size: 96,
  num_hidden_layers: 3,
  first_k_dense_replace: 1,
  num_attention_heads: 6,
  q_lora_rank: null,
  kv_lora_rank: 48,
  qk_nope_head_dim: 32,
  qk_rope_head_dim: 16,
  v_head_dim: 32,
  n_routed_experts: 8,
  num_experts_per_tok: 2,
  n_group: 1,
  topk_group: 1,
  max_position_embeddings: 512,
  initializer_range: 0.08,
});

/** Logits of a golden case's sequences by one forward and by `logitsOf`. */
export async function bothWays(name: string, compute: ComputeType, logitsOf: LogitsOf): Promise<{ full: Float32Array; stepped: Float32Array }> {
  const golden = await readCase(name);
  const model = await loadModel(golden, { compute });
  const sequences = golden.sequences.map(({ ids }) => [...Array.from(ids)].slice(0, -1));
  const full = await forwardLogits(model, sequences);
  const stepped = await logitsOf(model, sequences);
  model.dispose();
  return { full, stepped };
}
