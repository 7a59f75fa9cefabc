// SmolLM3's configuration: what a published file means, what the defaults are, and what is refused.
import { describe, expect, test } from "vitest";
import { KeyWriter } from "../../checkpoint/gguf-keys.js";
import { parseHfConfig } from "../hf-config.js";
import { type SmolLm3HfConfig, smolLm3 } from "./family.js";

/** config.json of HuggingFaceTB/SmolLM3-3B. */
const released = {
  architectures: ["SmolLM3ForCausalLM"],
  attention_bias: false,
  attention_dropout: 0.0,
  bos_token_id: 128000,
  eos_token_id: 128012,
  hidden_act: "silu",
  hidden_size: 2048,
  initializer_range: 0.02,
  intermediate_size: 11008,
  layer_types: new Array(36).fill("full_attention"),
  max_position_embeddings: 65536,
  max_window_layers: 28,
  mlp_bias: false,
  model_type: "smollm3",
  no_rope_layer_interval: 4,
  no_rope_layers: Array.from({ length: 36 }, (_, i) => (i % 4 === 3 ? 0 : 1)),
  num_attention_heads: 16,
  num_hidden_layers: 36,
  num_key_value_heads: 4,
  pad_token_id: 128004,
  pretraining_tp: 2,
  rms_norm_eps: 1e-6,
  rope_scaling: null,
  rope_theta: 5000000.0,
  sliding_window: null,
  torch_dtype: "bfloat16",
  transformers_version: "4.54.0.dev0",
  use_cache: false,
  use_sliding_window: false,
  vocab_size: 128256,
};
const parse = (changes: object) => parseHfConfig({ ...released, ...changes }) as SmolLm3HfConfig;

describe("SmolLM3", () => {
  test("a published file is read, and is the shape offered by name", () => {
    const config = parse({});
    expect(config).toMatchObject({ tie_word_embeddings: true, head_dim: 128, sliding_window: null });
    expect(config.no_rope_layers.filter((turns) => !turns)).toHaveLength(9);
    expect(config).toMatchObject(JSON.parse(JSON.stringify(parseHfConfig(smolLm3.published["smollm3-3b"]))));
  });

  test("layers without rotary positions are every n-th by default, and slide where there is a window", () => {
    const { no_rope_layers, layer_types } = parse({
      num_hidden_layers: 4,
      no_rope_layers: null,
      no_rope_layer_interval: 2,
      use_sliding_window: true,
      sliding_window: 512,
      layer_types: null,
    });
    expect(no_rope_layers).toEqual([1, 0, 1, 0]);
    expect(layer_types).toEqual(["full_attention", "sliding_attention", "full_attention", "sliding_attention"]);
  });

  test("what contradicts itself is refused by name", () => {
    expect(() => parse({ no_rope_layers: [1, 0] })).toThrow("no_rope_layers names 2 layers, expected the 36");
    expect(() => parse({ no_rope_layers: [1, 2] })).toThrow("no_rope_layers.1");
    expect(() => parse({ layer_types: new Array(36).fill("sliding_attention") })).toThrow(
      "layer_types has sliding_attention, which requires use_sliding_window and sliding_window",
    );
    expect(() => parse({ no_rope_scale: 2 })).toThrow("no_rope_scale 2: this setting is not supported");
  });

  test("GGUF takes llama.cpp's pattern alone", () => {
    const write = (changes: object) => smolLm3.gguf.write(new KeyWriter("smollm3"), parse(changes));
    expect(() => write({})).not.toThrow();
    expect(() => write({ no_rope_layers: new Array(36).fill(1) })).toThrow("no_rope_layers differs from llama.cpp's");
  });
});
