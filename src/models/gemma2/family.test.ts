// Gemma 2's configuration: what a published file means, and what is refused.
import { describe, expect, test } from "vitest";
import { KeyWriter } from "../../checkpoint/gguf-keys.js";
import { parseHfConfig } from "../hf-config.js";
import { type Gemma2HfConfig, gemma2 } from "./family.js";

/** config.json of google/gemma-2-2b-it. */
const released = {
  architectures: ["Gemma2ForCausalLM"],
  attention_bias: false,
  attention_dropout: 0.0,
  attn_logit_softcapping: 50.0,
  bos_token_id: 2,
  cache_implementation: "hybrid",
  eos_token_id: [1, 107],
  final_logit_softcapping: 30.0,
  head_dim: 256,
  hidden_act: "gelu_pytorch_tanh",
  hidden_activation: "gelu_pytorch_tanh",
  hidden_size: 2304,
  initializer_range: 0.02,
  intermediate_size: 9216,
  max_position_embeddings: 8192,
  model_type: "gemma2",
  num_attention_heads: 8,
  num_hidden_layers: 26,
  num_key_value_heads: 4,
  pad_token_id: 0,
  query_pre_attn_scalar: 256,
  rms_norm_eps: 1e-6,
  rope_theta: 10000.0,
  sliding_window: 4096,
  torch_dtype: "bfloat16",
  transformers_version: "4.42.4",
  use_cache: true,
  vocab_size: 256000,
};
const parse = (changes: object) => parseHfConfig({ ...released, ...changes }) as Gemma2HfConfig;

describe("Gemma 2", () => {
  test("a published file is read, and is the shape offered by name", () => {
    const config = parse({});
    expect(config.layer_types?.slice(0, 3)).toEqual(["sliding_attention", "full_attention", "sliding_attention"]);
    expect(config.tie_word_embeddings).toBe(true);
    const { eos_token_id: _, ...shape } = JSON.parse(JSON.stringify(parseHfConfig(gemma2.published["gemma-2-2b"])));
    expect(config).toMatchObject(shape);
  });

  test("what contradicts itself or is not computed here is refused by name", () => {
    expect(() => parse({ hidden_activation: "relu" })).toThrow("hidden_activation");
    expect(() => parse({ hidden_act: "silu" })).toThrow("hidden_act");
    expect(() => parse({ use_bidirectional_attention: true })).toThrow("use_bidirectional_attention");
    expect(() => parse({ attn_logit_softcapping: 0 })).toThrow("attn_logit_softcapping");
    expect(() => parse({ layer_types: ["full_attention"] })).toThrow("layer_types names 1 layers, expected the 26");
    expect(() => parse({ logit_cap: 3 })).toThrow("logit_cap 3: this setting is not supported");
  });

  test("GGUF takes what llama.cpp computes alone", () => {
    const write = (changes: object) => gemma2.gguf.write(new KeyWriter("gemma2"), parse(changes));
    expect(() => write({})).not.toThrow();
    expect(() => write({ num_hidden_layers: 46, num_attention_heads: 32, query_pre_attn_scalar: 72 })).not.toThrow();
    expect(() => write({ query_pre_attn_scalar: 144 })).toThrow("is 144, but llama.cpp takes 256");
    expect(() => write({ layer_types: new Array(26).fill("full_attention") })).toThrow("layer_types differs");
    expect(() => write({ attn_logit_softcapping: null })).toThrow("always caps scores and logits");
    expect(() => write({ tie_word_embeddings: false })).toThrow("no head of its own");
  });
});
