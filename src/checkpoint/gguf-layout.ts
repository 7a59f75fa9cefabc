// Which tensors of a Hugging Face model make up each tensor of its GGUF file, for deepseek2, llama and qwen2. Pure names and shapes.
// Names: ggml-org/llama.cpp@0024aa7, gguf-py/gguf/constants.py and tensor_mapping.py; arrangement: @01a723d, conversion/deepseek.py and @0274f0f, conversion/llama.py.
import type { DeepseekHfConfig } from "../models/deepseek/config.js";
import type { HfConfig, LlamaHfConfig, Qwen2HfConfig } from "../models/hf-config.js";

/** What a tensor is to the model: decides how it may be stored. */
export type TensorRole = "embedding" | "head" | "norm" | "bias" | "router" | "factors" | "matrix";

/** A tensor of the Hugging Face model. */
export interface HfTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * Rows whose order differs: within each of `groups` equal groups of rows, those from `start` on are halves [a; b] in Hugging Face's file
 * and alternate a0 b0 a1 b1 … in GGUF, whose RoPE turns neighbours.
 */
export interface RowOrder {
  readonly groups: number;
  readonly start: number;
}

/** The two halves GGUF splits kv_b_proj into, by head: keys [H, latent, nope] transposed, values [H, value, latent] as they are. */
export interface LatentSplit {
  readonly half: "keys" | "values";
  readonly heads: number;
  readonly nope: number;
  readonly value: number;
}

/** A GGUF tensor: one Hugging Face tensor, or several of one shape stacked as an outer dimension. */
export interface GgufEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly role: TensorRole;
  readonly sources: readonly HfTensor[];
  readonly rowOrder?: RowOrder;
  readonly latentSplit?: LatentSplit;
}

/** GGUF's architecture for each `model_type`. */
export const GGUF_ARCHITECTURES: Readonly<Record<HfConfig["model_type"], string>> = {
  deepseek_v3: "deepseek2",
  deepseek_v2: "deepseek2",
  qwen2: "qwen2",
  llama: "llama",
};

/** Whether a configuration is of the DeepSeek family: latent attention and experts. */
export const isDeepseek = (config: HfConfig): config is DeepseekHfConfig => GGUF_ARCHITECTURES[config.model_type] === "deepseek2";

/** Choices of the layout. `joinedKvB`: files from before the split keep kv_b_proj whole. */
export interface LayoutOptions {
  readonly joinedKvB?: boolean;
}

/** Every tensor of a model's GGUF file, in the order they are written. `rope_freqs` is not among them: it comes from the configuration. */
export function ggufLayout(config: HfConfig, options: LayoutOptions = {}): GgufEntry[] {
  const { vocab_size: vocab, hidden_size: hidden, num_hidden_layers: numLayers } = config;
  const entries = [
    entry("token_embd.weight", "model.embed_tokens.weight", [vocab, hidden], "embedding"),
    entry("output_norm.weight", "model.norm.weight", [hidden], "norm"),
    ...(config.tie_word_embeddings ? [] : [entry("output.weight", "lm_head.weight", [vocab, hidden], "head")]),
  ];
  const numMtp = config.model_type === "deepseek_v3" ? config.num_nextn_predict_layers : 0;
  for (let i = 0; i < numLayers + numMtp; i++) {
    const layer = new LayerEntries(`blk.${i}.`, `model.layers.${i}.`);
    layer.add("attn_norm.weight", "input_layernorm.weight", [hidden], "norm");
    layer.add("ffn_norm.weight", "post_attention_layernorm.weight", [hidden], "norm");
    if (isDeepseek(config)) addDeepseekLayer(layer, config, i, options);
    else addDenseLayer(layer, config);
    if (i >= numLayers) addMtp(layer, hidden);
    entries.push(...layer.entries);
  }
  return entries;
}

/** For a Hugging Face row, the GGUF row it is. */
export function ggufRow(row: number, numRows: number, { groups, start }: RowOrder): number {
  const groupRows = numRows / groups;
  const within = row % groupRows;
  if (within < start) return row;
  const half = (groupRows - start) / 2;
  const at = within - start;
  return row - within + start + (at < half ? 2 * at : 2 * (at - half) + 1);
}

function entry(name: string, source: string, shape: readonly number[], role: TensorRole): GgufEntry {
  return { name, shape, role, sources: [{ name: source, shape }] };
}

/** Collects the tensors of one layer under its two prefixes. */
class LayerEntries {
  readonly entries: GgufEntry[] = [];

  constructor(
    readonly ggufPrefix: string,
    readonly hfPrefix: string,
  ) {}

  add(name: string, source: string, shape: readonly number[], role: TensorRole = "matrix", rowOrder?: RowOrder): void {
    this.entries.push({ ...entry(this.ggufPrefix + name, this.hfPrefix + source, shape, role), rowOrder });
  }

  addExperts(name: string, source: string, count: number, shape: readonly number[]): void {
    const sources = Array.from({ length: count }, (_, e) => ({ name: `${this.hfPrefix}mlp.experts.${e}.${source}.weight`, shape }));
    this.entries.push({ name: `${this.ggufPrefix}${name}.weight`, shape: [count, ...shape], role: "matrix", sources });
  }

  addMlp(suffix: string, source: string, hidden: number, width: number): void {
    this.add(`ffn_gate${suffix}.weight`, `${source}.gate_proj.weight`, [width, hidden]);
    this.add(`ffn_up${suffix}.weight`, `${source}.up_proj.weight`, [width, hidden]);
    this.add(`ffn_down${suffix}.weight`, `${source}.down_proj.weight`, [hidden, width]);
  }
}

function addDenseLayer(layer: LayerEntries, config: LlamaHfConfig | Qwen2HfConfig): void {
  const { hidden_size: hidden, num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headDim } = config;
  const projections = [
    ["q", heads, "rotated"],
    ["k", kvHeads, "rotated"],
    ["v", kvHeads, "plain"],
  ] as const;
  for (const [letter, count, kind] of projections) {
    const rowOrder = kind === "rotated" && config.model_type === "llama" ? { groups: count, start: 0 } : undefined;
    layer.add(`attn_${letter}.weight`, `self_attn.${letter}_proj.weight`, [count * headDim, hidden], "matrix", rowOrder);
    if (config.model_type === "qwen2") layer.add(`attn_${letter}.bias`, `self_attn.${letter}_proj.bias`, [count * headDim], "bias");
  }
  layer.add("attn_output.weight", "self_attn.o_proj.weight", [hidden, heads * headDim]);
  layer.addMlp("", "mlp", hidden, config.intermediate_size);
}

function addDeepseekLayer(layer: LayerEntries, config: DeepseekHfConfig, index: number, options: LayoutOptions): void {
  addLatentAttention(layer, config, options);
  const { hidden_size: hidden, moe_intermediate_size: width, n_routed_experts: experts, n_shared_experts: shared } = config;
  if (index < config.first_k_dense_replace) {
    layer.addMlp("", "mlp", hidden, config.intermediate_size);
    return;
  }
  layer.add("ffn_gate_inp.weight", "mlp.gate.weight", [experts, hidden], "router");
  if (config.model_type === "deepseek_v3") layer.add("exp_probs_b.bias", "mlp.gate.e_score_correction_bias", [experts], "router");
  layer.addExperts("ffn_gate_exps", "gate_proj", experts, [width, hidden]);
  layer.addExperts("ffn_up_exps", "up_proj", experts, [width, hidden]);
  layer.addExperts("ffn_down_exps", "down_proj", experts, [hidden, width]);
  if (shared > 0) layer.addMlp("_shexp", "mlp.shared_experts", hidden, width * shared);
}

function addLatentAttention(layer: LayerEntries, config: DeepseekHfConfig, { joinedKvB }: LayoutOptions): void {
  const { hidden_size: hidden, num_attention_heads: heads, kv_lora_rank: latent, q_lora_rank: queryRank } = config;
  const { qk_nope_head_dim: nope, qk_rope_head_dim: rotary, v_head_dim: value } = config;
  const isHalfSplit = config.model_type === "deepseek_v3" && !config.rope_interleave;
  const queryOrder = isHalfSplit ? { groups: heads, start: nope } : undefined;
  const keyOrder = isHalfSplit ? { groups: 1, start: latent } : undefined;
  if (queryRank === null) layer.add("attn_q.weight", "self_attn.q_proj.weight", [heads * (nope + rotary), hidden], "matrix", queryOrder);
  else {
    layer.add("attn_q_a.weight", "self_attn.q_a_proj.weight", [queryRank, hidden]);
    layer.add("attn_q_a_norm.weight", "self_attn.q_a_layernorm.weight", [queryRank], "norm");
    layer.add("attn_q_b.weight", "self_attn.q_b_proj.weight", [heads * (nope + rotary), queryRank], "matrix", queryOrder);
  }
  layer.add("attn_kv_a_mqa.weight", "self_attn.kv_a_proj_with_mqa.weight", [latent + rotary, hidden], "matrix", keyOrder);
  layer.add("attn_kv_a_norm.weight", "self_attn.kv_a_layernorm.weight", [latent], "norm");
  const kvB = { name: `${layer.hfPrefix}self_attn.kv_b_proj.weight`, shape: [heads * (nope + value), latent] };
  if (joinedKvB) layer.add("attn_kv_b.weight", "self_attn.kv_b_proj.weight", kvB.shape);
  else {
    const split = (letter: string, shape: number[], half: LatentSplit["half"]): GgufEntry => ({
      name: `${layer.ggufPrefix}attn_${letter}_b.weight`,
      shape,
      role: "matrix",
      sources: [kvB],
      latentSplit: { half, heads, nope, value },
    });
    layer.entries.push(split("k", [heads, latent, nope], "keys"), split("v", [heads, value, latent], "values"));
  }
  layer.add("attn_output.weight", "self_attn.o_proj.weight", [hidden, heads * value]);
}

function addMtp(layer: LayerEntries, hidden: number): void {
  layer.add("nextn.eh_proj.weight", "eh_proj.weight", [hidden, 2 * hidden]);
  layer.add("nextn.enorm.weight", "enorm.weight", [hidden], "norm");
  layer.add("nextn.hnorm.weight", "hnorm.weight", [hidden], "norm");
  layer.add("nextn.shared_head_norm.weight", "shared_head.norm.weight", [hidden], "norm");
}
