// Grouped-query attention in GGUF files: the keys and tensors that llama, qwen2 and their like share.
import type { GgufKeySink, GgufKeys, LayerEntries } from "../gguf-table.js";
import type { GqaFields } from "./config.js";

/** The head counts and sizes in a file's keys. */
export function readHeads(keys: GgufKeys, { num_attention_heads, hidden_size }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const heads = num_attention_heads as number;
  const headDim = keys.count("attention.key_length") ?? Math.floor((hidden_size as number) / Math.max(heads, 1));
  const valueDim = keys.count("attention.value_length") ?? headDim;
  const rotary = keys.count("rope.dimension_count") ?? headDim;
  if (valueDim !== headDim) keys.refuse(`values of ${valueDim} numbers beside keys of ${headDim} are not supported`);
  if (rotary !== headDim) keys.refuse(`rotary positions on ${rotary} of ${headDim} numbers of a head are not supported`);
  return { num_key_value_heads: keys.count("attention.head_count_kv") ?? heads, head_dim: headDim };
}

/** The head counts and sizes as keys. */
export function writeHeads(keys: GgufKeySink, config: GqaFields): void {
  keys.count("attention.head_count_kv", config.num_key_value_heads);
  keys.count("attention.key_length", config.head_dim);
  keys.count("attention.value_length", config.head_dim);
  keys.count("rope.dimension_count", config.head_dim);
}

/** What differs between the attention layers of families. `turnsNeighbours`: rotary pairs lie side by side in the file. */
export interface AttentionTensors {
  readonly qkvBias: boolean;
  readonly outputBias: boolean;
  readonly turnsNeighbours: boolean;
}

/** The tensors of an attention layer. */
export function addAttention(layer: LayerEntries, config: GqaFields, { qkvBias, outputBias, turnsNeighbours }: AttentionTensors): void {
  const { hidden_size: hidden, num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headDim } = config;
  const orderOf = (groups: number) => (turnsNeighbours ? { groups, start: 0 } : undefined);
  layer.addProjection("attn_q", "self_attn.q_proj", [heads * headDim, hidden], qkvBias, orderOf(heads));
  layer.addProjection("attn_k", "self_attn.k_proj", [kvHeads * headDim, hidden], qkvBias, orderOf(kvHeads));
  layer.addProjection("attn_v", "self_attn.v_proj", [kvHeads * headDim, hidden], qkvBias);
  layer.addProjection("attn_output", "self_attn.o_proj", [hidden, heads * headDim], outputBias);
}
