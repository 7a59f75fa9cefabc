// Gemma 3's configuration: what published files mean, old and new, and what is refused.
import { describe, expect, test } from "vitest";
import { KeyWriter } from "../../checkpoint/gguf-keys.js";
import { parseHfConfig, toHfConfigJson } from "../hf-config.js";
import { type Gemma3HfConfig, gemma3 } from "./family.js";

/** config.json of google/gemma-3-1b-it. */
const released = {
  architectures: ["Gemma3ForCausalLM"],
  attention_bias: false,
  attention_dropout: 0.0,
  attn_logit_softcapping: null,
  bos_token_id: 2,
  cache_implementation: "hybrid",
  eos_token_id: [1, 106],
  final_logit_softcapping: null,
  head_dim: 256,
  hidden_activation: "gelu_pytorch_tanh",
  hidden_size: 1152,
  initializer_range: 0.02,
  intermediate_size: 6912,
  max_position_embeddings: 32768,
  model_type: "gemma3_text",
  num_attention_heads: 4,
  num_hidden_layers: 26,
  num_key_value_heads: 1,
  pad_token_id: 0,
  query_pre_attn_scalar: 256,
  rms_norm_eps: 1e-6,
  rope_local_base_freq: 10000,
  rope_scaling: null,
  rope_theta: 1000000,
  sliding_window: 512,
  sliding_window_pattern: 6,
  torch_dtype: "bfloat16",
  transformers_version: "4.50.0.dev0",
  use_cache: true,
  vocab_size: 262144,
};
const parse = (changes: object) => parseHfConfig({ ...released, ...changes }) as Gemma3HfConfig;
const bases = (sliding: object) => ({
  rope_local_base_freq: undefined,
  rope_theta: undefined,
  rope_parameters: {
    full_attention: { rope_type: "linear", factor: 8, rope_theta: 2e6 },
    sliding_attention: { rope_type: "default", rope_theta: 5000, ...sliding },
  },
});

describe("Gemma 3", () => {
  test("a published file is read, and is the shape offered by name", () => {
    const config = parse({});
    expect(config.layer_types?.flatMap((type, i) => (type === "full_attention" ? [i] : []))).toEqual([5, 11, 17, 23]);
    expect(config).toMatchObject(JSON.parse(JSON.stringify(parseHfConfig(gemma3.published["gemma-3-1b"]))));
    expect(parse({ sliding_window_pattern: 2 }).layer_types?.slice(0, 2)).toEqual([
      "sliding_attention",
      "full_attention",
    ]);
  });

  test("rotary positions by type of layer are those of the older keys, and are written as these", () => {
    const config = parse(bases({}));
    expect(config).toMatchObject({
      rope_theta: 2e6,
      rope_local_base_freq: 5000,
      rope_scaling: { rope_type: "linear" },
    });
    const { rope_parameters: _, ...written } = toHfConfigJson(config);
    expect(parseHfConfig(written)).toEqual(parseHfConfig(toHfConfigJson(config)));
    expect(() => parse(bases({ rope_type: "linear", factor: 2 }))).toThrow("rope_parameters.sliding_attention");
  });

  test("what is not computed here is refused by name", () => {
    expect(() => parse({ attn_logit_softcapping: 50 })).toThrow("attn_logit_softcapping");
    expect(() => parse({ use_bidirectional_attention: true })).toThrow("use_bidirectional_attention");
    expect(() => parse({ vision_config: {} })).toThrow("vision_config");
  });

  test("GGUF takes what llama.cpp computes alone", () => {
    const write = (changes: object) => gemma3.gguf.write(new KeyWriter("gemma3"), parse(changes));
    expect(() => write({ rope_scaling: { rope_type: "linear", factor: 8 } })).not.toThrow();
    expect(() => write({ rope_scaling: { rope_type: "yarn", factor: 8 } })).toThrow("would scale the sliding layers");
    expect(() => write({ sliding_window_pattern: 2 })).toThrow("layer_types differs from llama.cpp's");
  });
});
