// config.json files as their publishers wrote them: each is read, and says what it should.
import { describe, expect, test } from "vitest";
import { CheckpointError } from "../errors.js";
import { parseHfConfig } from "./hf-config.js";

const llama = {
  architectures: ["LlamaForCausalLM"],
  attention_bias: false,
  attention_dropout: 0.0,
  hidden_act: "silu",
  initializer_range: 0.02,
  mlp_bias: false,
  model_type: "llama",
  pretraining_tp: 1,
  rms_norm_eps: 1e-5,
  torch_dtype: "bfloat16",
  use_cache: true,
};
const llama3Scaling = { factor: 32.0, high_freq_factor: 4.0, low_freq_factor: 1.0, original_max_position_embeddings: 8192, rope_type: "llama3" };
const qwen = {
  architectures: ["Qwen2ForCausalLM"],
  attention_dropout: 0.0,
  bos_token_id: 151643,
  eos_token_id: 151645,
  hidden_act: "silu",
  hidden_size: 896,
  initializer_range: 0.02,
  intermediate_size: 4864,
  max_position_embeddings: 32768,
  max_window_layers: 21,
  model_type: "qwen2",
  num_attention_heads: 14,
  num_hidden_layers: 24,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-6,
  rope_theta: 1000000.0,
  sliding_window: 32768,
  tie_word_embeddings: true,
  torch_dtype: "bfloat16",
  transformers_version: "4.43.1",
  use_cache: true,
  use_sliding_window: false,
  vocab_size: 151936,
};
const tinyLlama = {
  ...llama,
  bos_token_id: 1,
  eos_token_id: 2,
  hidden_size: 2048,
  intermediate_size: 5632,
  max_position_embeddings: 2048,
  num_attention_heads: 32,
  num_hidden_layers: 22,
  num_key_value_heads: 4,
  rope_scaling: null,
  rope_theta: 10000.0,
  tie_word_embeddings: false,
  vocab_size: 32000,
};
const deepseek = {
  attention_bias: false,
  attention_dropout: 0.0,
  aux_loss_alpha: 0.001,
  ep_size: 1,
  hidden_act: "silu",
  initializer_range: 0.02,
  kv_lora_rank: 512,
  max_position_embeddings: 163840,
  moe_layer_freq: 1,
  pretraining_tp: 1,
  qk_nope_head_dim: 128,
  qk_rope_head_dim: 64,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  seq_aux: true,
  tie_word_embeddings: false,
  torch_dtype: "bfloat16",
  transformers_version: "4.33.1",
  use_cache: true,
  v_head_dim: 128,
};
const yarn = (mscale: number) => ({
  beta_fast: 32,
  beta_slow: 1,
  factor: 40,
  mscale,
  mscale_all_dim: mscale,
  original_max_position_embeddings: 4096,
  type: "yarn",
});
const v2Lite = {
  ...deepseek,
  architectures: ["DeepseekV2ForCausalLM"],
  auto_map: { AutoConfig: "configuration_deepseek.DeepseekV2Config" },
  bos_token_id: 100000,
  eos_token_id: 100001,
  first_k_dense_replace: 1,
  hidden_size: 2048,
  intermediate_size: 10944,
  model_type: "deepseek_v2",
  moe_intermediate_size: 1408,
  n_group: 1,
  n_routed_experts: 64,
  n_shared_experts: 2,
  norm_topk_prob: false,
  num_attention_heads: 16,
  num_experts_per_tok: 6,
  num_hidden_layers: 27,
  num_key_value_heads: 16,
  q_lora_rank: null,
  // biome-ignore lint/suspicious/noApproximativeNumericConstant: the figure of the configuration, no root of a half
  rope_scaling: yarn(0.707),
  routed_scaling_factor: 1.0,
  scoring_func: "softmax",
  topk_group: 1,
  topk_method: "greedy",
  vocab_size: 102400,
};
const v3 = {
  ...deepseek,
  architectures: ["DeepseekV3ForCausalLM"],
  auto_map: { AutoConfig: "configuration_deepseek.DeepseekV3Config" },
  bos_token_id: 0,
  eos_token_id: 1,
  first_k_dense_replace: 3,
  hidden_size: 7168,
  intermediate_size: 18432,
  model_type: "deepseek_v3",
  moe_intermediate_size: 2048,
  n_group: 8,
  n_routed_experts: 256,
  n_shared_experts: 1,
  norm_topk_prob: true,
  num_attention_heads: 128,
  num_experts_per_tok: 8,
  num_hidden_layers: 61,
  num_key_value_heads: 128,
  num_nextn_predict_layers: 1,
  q_lora_rank: 1536,
  quantization_config: { activation_scheme: "dynamic", fmt: "e4m3", quant_method: "fp8", weight_block_size: [128, 128] },
  rope_scaling: yarn(1.0),
  routed_scaling_factor: 2.5,
  scoring_func: "sigmoid",
  topk_group: 4,
  topk_method: "noaux_tc",
  vocab_size: 129280,
};

const PUBLISHED: Readonly<Record<string, readonly [raw: object, says: object]>> = {
  "SmolLM2-135M-Instruct": [
    {
      ...llama,
      bos_token_id: 1,
      eos_token_id: 2,
      hidden_size: 576,
      initializer_range: 0.041666666666666664,
      intermediate_size: 1536,
      is_llama_config: true,
      max_position_embeddings: 8192,
      num_attention_heads: 9,
      num_hidden_layers: 30,
      num_key_value_heads: 3,
      pad_token_id: 2,
      rope_interleaved: false,
      rope_scaling: null,
      rope_theta: 100000,
      tie_word_embeddings: true,
      "transformers.js_config": { kv_cache_dtype: { q4f16: "float16", fp16: "float16" } },
      transformers_version: "4.42.3",
      vocab_size: 49152,
    },
    { head_dim: 64, rope_theta: 100000, rope_scaling: null, tie_word_embeddings: true },
  ],
  "Qwen2.5-0.5B-Instruct": [qwen, { head_dim: 64, tie_word_embeddings: true }],
  "Qwen2.5-7B with YaRN, as its model card advises": [
    { ...qwen, rope_scaling: { factor: 4.0, original_max_position_embeddings: 32768, type: "yarn" } },
    { rope_scaling: { rope_type: "yarn", factor: 4, original_max_position_embeddings: 32768 } },
  ],
  "DeepSeek-R1-Distill-Qwen-1.5B": [
    {
      ...qwen,
      ...{ bos_token_id: 151643, eos_token_id: 151643, hidden_size: 1536, intermediate_size: 8960, max_position_embeddings: 131072, max_window_layers: 21 },
      ...{ num_attention_heads: 12, num_hidden_layers: 28, rope_theta: 10000, sliding_window: 4096, tie_word_embeddings: false, use_mrope: false },
    },
    { head_dim: 128, rope_theta: 10000 },
  ],
  "Llama-3.2-1B-Instruct": [
    {
      ...llama,
      ...{ bos_token_id: 128000, eos_token_id: [128001, 128008, 128009], head_dim: 64, hidden_size: 2048, intermediate_size: 8192 },
      ...{ max_position_embeddings: 131072, num_attention_heads: 32, num_hidden_layers: 16, num_key_value_heads: 8, rope_theta: 500000.0 },
      ...{ rope_scaling: llama3Scaling, tie_word_embeddings: true, transformers_version: "4.45.0.dev0", vocab_size: 128256 },
    },
    { eos_token_id: [128001, 128008, 128009], rope_scaling: llama3Scaling },
  ],
  "unsloth's copy, with its own keys": [
    { ...tinyLlama, unsloth_fixed: true, unsloth_version: "2025.1", _name_or_path: "x", pad_token_id: 0 },
    { pad_token_id: 0 },
  ],
  "TinyLlama-1.1B-Chat": [tinyLlama, { head_dim: 64, num_key_value_heads: 4 }],
  "open_llama_3b, without newer keys": [
    {
      ...{ architectures: ["LlamaForCausalLM"], bos_token_id: 1, eos_token_id: 2, hidden_act: "silu", hidden_size: 3200, initializer_range: 0.02 },
      ...{ intermediate_size: 8640, max_position_embeddings: 2048, model_type: "llama", num_attention_heads: 32, num_hidden_layers: 26, pad_token_id: -1 },
      ...{ rms_norm_eps: 1e-6, tie_word_embeddings: false, torch_dtype: "float16", transformers_version: "4.30.0.dev0", use_cache: true, vocab_size: 32000 },
    },
    { pad_token_id: null, num_key_value_heads: 32, rope_theta: 10000 },
  ],
  "deepseek-coder-6.7b-instruct": [
    { ...tinyLlama, rope_scaling: { factor: 4.0, type: "linear" }, rope_theta: 100000, vocab_size: 32256 },
    { rope_scaling: { rope_type: "linear", factor: 4 } },
  ],
  "Yarn-Llama-2-7b-64k": [
    { ...tinyLlama, rope_scaling: { factor: 16.0, finetuned: true, original_max_position_embeddings: 4096, type: "yarn" } },
    { rope_scaling: { rope_type: "yarn", factor: 16 } },
  ],
  "DeepSeek-V2-Lite": [v2Lite, { q_lora_rank: null, topk_method: "greedy" }],
  "DeepSeek-V3": [v3, { num_nextn_predict_layers: 1, n_group: 8, rope_scaling: { rope_type: "yarn", mscale_all_dim: 1 } }],
  "a V2 that is greedy although groups are named": [{ ...v2Lite, n_group: 7, topk_group: 3 }, { topk_method: "greedy" }],
  "a V3 in transformers 5's spelling, without shared experts": [
    {
      ...{ ...v3, rope_scaling: undefined, rope_theta: undefined, torch_dtype: undefined, n_shared_experts: 0, num_nextn_predict_layers: undefined },
      ...{ dtype: "float8_e4m3fn", num_mtp_layers: 0, rope_parameters: { rope_theta: 10000, rope_type: "default" }, qk_head_dim: 192, head_dim: 64 },
    },
    { torch_dtype: "float8_e4m3fn", n_shared_experts: 0, num_nextn_predict_layers: 0, rope_theta: 10000 },
  ],
};

describe("a published config.json is read", () => {
  test.each(Object.entries(PUBLISHED))("%s", (_, [raw, says]) => {
    expect(parseHfConfig(raw)).toMatchObject(says);
  });
});

describe("what would change the answers and is not done is refused by name", () => {
  test.each<[object, string]>([
    [{ ...tinyLlama, embedding_multiplier: 12 }, "embedding_multiplier 12: a setting that is not supported"],
    [{ ...tinyLlama, hidden_act: "gelu" }, 'hidden_act: expected "silu", got "gelu"'],
    [{ ...tinyLlama, partial_rotary_factor: 0.5 }, "partial_rotary_factor: expected 1, got 0.5"],
    [{ ...tinyLlama, sliding_window: 4096 }, "sliding_window 4096: a setting that is not supported"],
    [{ ...tinyLlama, layer_types: ["full_attention", "sliding_attention"] }, 'layer_types: expected full_attention alone, got "sliding_attention"'],
    [{ ...tinyLlama, rope_interleaved: true }, "rope_interleaved: expected false, got true"],
    [{ ...tinyLlama, quantization_config: { quant_method: "gptq", bits: 4 } }, 'expected fp8 (e4m3) in blocks of [128,128], got "gptq"'],
    [{ ...v3, quantization_config: { quant_method: "fp8" } }, 'got fp8 "e4m3" in blocks of null'],
    [{ ...tinyLlama, rope_scaling: { factor: 2 } }, "rope_scaling: factor without a rope_type; expected one of linear, dynamic, yarn, llama3, longrope"],
    [{ ...tinyLlama, rope_scaling: { type: "ntk", factor: 2 } }, 'rope_scaling.rope_type: expected one of linear, dynamic, yarn, llama3, longrope, got "ntk"'],
    [{ ...tinyLlama, rope_scaling: { type: "linear", factor: 2, beta_fast: 3 } }, "rope_scaling.beta_fast: not a setting of this rope_scaling"],
    [{ ...tinyLlama, rope_scaling: { type: "yarn", factor: 2, partial_rotary_factor: 0.5 } }, "rope_scaling.partial_rotary_factor: not a setting"],
    [{ ...tinyLlama, rope_scaling: { type: "longrope", short_factor: [1], long_factor: [1], factor: 2 } }, "rope_scaling.short_factor must hold 32 numbers"],
    [{ ...v3, num_key_value_heads: 8 }, "num_key_value_heads 8 must equal num_attention_heads 128"],
    [{ ...v3, n_group: 7 }, "n_routed_experts 256 must be a multiple of n_group 7"],
  ])("%#", (raw, problem) => {
    expect(() => parseHfConfig(raw)).toThrow(CheckpointError);
    expect(() => parseHfConfig(raw)).toThrow(problem);
  });
});
