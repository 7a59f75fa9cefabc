// Grouped-query attention in GGUF files: the keys and tensors that llama, qwen2 and their like share.
import type { GgufKeySink, GgufKeys, LayerEntries } from "../gguf-table.js";
import type { GqaFields } from "./config.js";

/** The head counts and sizes in a file's keys. */
export function readHeads(
  keys: GgufKeys,
  { num_attention_heads, hidden_size }: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const heads = num_attention_heads as number;
  const headDim = keys.count("attention.key_length") ?? Math.floor((hidden_size as number) / Math.max(heads, 1));
  const valueDim = keys.count("attention.value_length") ?? headDim;
  const rotary = keys.count("rope.dimension_count") ?? headDim;
  if (valueDim !== headDim) keys.refuse(`values of width ${valueDim} with keys of width ${headDim} are not supported`);
  if (rotary !== headDim)
    keys.refuse(`rotary position embeddings on ${rotary} of ${headDim} dimensions of a head are not supported`);
  return { num_key_value_heads: keys.count("attention.head_count_kv") ?? heads, head_dim: headDim };
}

/** The head counts and sizes as keys. */
export function writeHeads(keys: GgufKeySink, config: GqaFields): void {
  keys.count("attention.head_count_kv", config.num_key_value_heads);
  keys.count("attention.key_length", config.head_dim);
  keys.count("attention.value_length", config.head_dim);
  keys.count("rope.dimension_count", config.head_dim);
}

/** Windows of layers as keys: one size, and where not all layers slide, which do. */
export function writeWindows(keys: GgufKeySink, windows: readonly (number | null)[]): void {
  const size = windows.find((window) => window !== null);
  if (!size) return;
  keys.count("attention.sliding_window", size);
  if (windows.includes(null))
    keys.flags(
      "attention.sliding_window_pattern",
      windows.map((window) => window !== null),
    );
}

/** What llama.cpp makes otherwise of windows: it knows none in these architectures. */
export function windowDifferences(windows: readonly (number | null)[], longest: number): string[] {
  const size = windows.find((window) => window !== null) ?? longest;
  return size < longest
    ? [
        `llama.cpp attends to all tokens, whereas this model's sliding window covers the last ${size}: ` +
          "answers to longer texts will differ",
      ]
    : [];
}

/** The size of the window, and for each layer whether it slides; null without windows. */
export function readWindows(keys: GgufKeys, numLayers: number): { size: number; slides: readonly boolean[] } | null {
  const size = keys.count("attention.sliding_window");
  if (!size) return null;
  const slides = keys.flags("attention.sliding_window_pattern") ?? new Array<boolean>(numLayers).fill(true);
  if (slides.length !== numLayers)
    keys.refuse(`attention.sliding_window_pattern names ${slides.length} layers of ${numLayers}`);
  return { size, slides };
}

/** The windows of a file as Qwen's fields. */
export function readQwenWindows(keys: GgufKeys, common: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const windows = readWindows(keys, common.num_hidden_layers as number);
  if (!windows) return {};
  const types = windows.slides.map((slides) => (slides ? "sliding_attention" : "full_attention"));
  return {
    use_sliding_window: true,
    sliding_window: windows.size,
    max_window_layers: types.indexOf("sliding_attention"),
    layer_types: types,
  };
}

/**
 * What differs between the attention layers of families. `turnsNeighbours`: rotary pairs lie side by side in the file.
 */
export interface AttentionTensors {
  readonly qkvBias: boolean;
  readonly outputBias: boolean;
  readonly turnsNeighbours: boolean;
  readonly headNorms?: boolean;
}

/** The tensors of an attention layer. */
export function addAttention(
  layer: LayerEntries,
  config: GqaFields,
  { qkvBias, outputBias, turnsNeighbours, headNorms }: AttentionTensors,
): void {
  const { hidden_size: hidden, num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headDim } = config;
  const orderOf = (groups: number) => (turnsNeighbours ? { groups, start: 0 } : undefined);
  layer.addProjection("attn_q", "self_attn.q_proj", [heads * headDim, hidden], qkvBias, orderOf(heads));
  layer.addProjection("attn_k", "self_attn.k_proj", [kvHeads * headDim, hidden], qkvBias, orderOf(kvHeads));
  layer.addProjection("attn_v", "self_attn.v_proj", [kvHeads * headDim, hidden], qkvBias);
  layer.addProjection("attn_output", "self_attn.o_proj", [hidden, heads * headDim], outputBias);
  if (!headNorms) return;
  layer.add("attn_q_norm.weight", "self_attn.q_norm.weight", [headDim], "norm");
  layer.add("attn_k_norm.weight", "self_attn.k_norm.weight", [headDim], "norm");
}
