// Configurations of Hugging Face models: both spellings, defaults, and every problem named at once.
import { describe, expect, test } from "vitest";
import { CheckpointError } from "../errors.js";
import { parseHfConfig, toHfConfigJson } from "./hf-config.js";

const sizes = {
  vocab_size: 64,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  max_position_embeddings: 128,
};
const moe = {
  moe_intermediate_size: 16,
  n_routed_experts: 8,
  num_experts_per_tok: 2,
  kv_lora_rank: 8,
  qk_nope_head_dim: 8,
  qk_rope_head_dim: 4,
  v_head_dim: 8,
};
const v3 = { model_type: "deepseek_v3", ...sizes, ...moe, q_lora_rank: 12, n_group: 2, topk_group: 1 };
const yarn = {
  factor: 40,
  original_max_position_embeddings: 4096,
  beta_fast: 32,
  beta_slow: 1,
  mscale: 1,
  mscale_all_dim: 1,
};

function problemOf(raw: unknown): string {
  try {
    parseHfConfig(raw);
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    return (error as Error).message;
  }
  throw new Error("expected a refusal");
}

describe("config.json", () => {
  test("reads the same in the old and the new spelling", () => {
    const old = parseHfConfig({
      ...v3,
      rope_theta: 5000,
      rope_scaling: { type: "yarn", ...yarn },
      torch_dtype: "bfloat16",
      num_nextn_predict_layers: 1,
    });
    const recent = parseHfConfig({
      ...v3,
      rope_parameters: { rope_type: "yarn", rope_theta: 5000, ...yarn },
      dtype: "bfloat16",
      num_mtp_layers: 1,
    });
    expect(recent).toEqual(old);
    expect(old).toMatchObject({
      rope_theta: 5000,
      rope_scaling: { rope_type: "yarn", factor: 40 },
      torch_dtype: "bfloat16",
      num_nextn_predict_layers: 1,
    });
  });

  test("takes unscaled rotary positions in every spelling", () => {
    for (const rope of [
      {},
      { rope_scaling: null },
      { rope_parameters: null },
      { rope_parameters: { rope_type: "default", rope_theta: 10000 } },
    ]) {
      expect(parseHfConfig({ ...v3, ...rope })).toMatchObject({ rope_theta: 10000, rope_scaling: null });
    }
  });

  test("fills in the defaults of transformers", () => {
    expect(parseHfConfig(v3)).toMatchObject({
      n_shared_experts: 1,
      norm_topk_prob: true,
      routed_scaling_factor: 2.5,
      scoring_func: "sigmoid",
      rms_norm_eps: 1e-6,
    });
    expect(
      parseHfConfig({ ...v3, model_type: "deepseek_v2", q_lora_rank: null, n_group: null, topk_group: null }),
    ).toMatchObject({
      q_lora_rank: null,
      norm_topk_prob: false,
      routed_scaling_factor: 1,
      topk_method: "greedy",
      scoring_func: "softmax",
    });
    expect(parseHfConfig({ model_type: "llama", ...sizes, num_key_value_heads: null })).toMatchObject({
      num_key_value_heads: 4,
      head_dim: 8,
      mlp_bias: false,
    });
    expect(parseHfConfig({ model_type: "qwen2", ...sizes, num_key_value_heads: 2 })).toMatchObject({
      num_key_value_heads: 2,
      tie_word_embeddings: false,
    });
  });

  test("keeps keys that change nothing, and survives a round trip", () => {
    const quantization = { quant_method: "fp8", weight_block_size: [128, 128] };
    const config = parseHfConfig({
      ...v3,
      ep_size: 1,
      rope_scaling: { type: "yarn", ...yarn },
      quantization_config: quantization,
    });
    expect(config).toMatchObject({ ep_size: 1, quantization_config: quantization });
    const json = toHfConfigJson(config);
    expect(json).toMatchObject({
      architectures: ["DeepseekV3ForCausalLM"],
      rope_scaling: { type: "yarn", rope_type: "yarn" },
    });
    expect(parseHfConfig(JSON.parse(JSON.stringify(json)))).toEqual({
      ...config,
      architectures: ["DeepseekV3ForCausalLM"],
    });
  });

  test("lists every problem in one line", () => {
    const { vocab_size: _, ...incomplete } = v3;
    const problem = problemOf({
      ...incomplete,
      hidden_size: "big",
      hidden_act: "gelu",
      num_hidden_layers: 0,
      rope_scaling: { type: "yarn", factor: -1 },
    });
    expect(problem).toContain("vocab_size is missing");
    expect(problem).toContain('hidden_size: expected number, got "big"');
    expect(problem).toContain('hidden_act: expected "silu", got "gelu"');
    expect(problem).toMatch(/num_hidden_layers: expected number to be >=1, got 0/);
    expect(problem).toMatch(/rope_scaling\.factor: .*, got -1/);
    expect(problem).not.toContain("\n");
  });

  test("names sizes that contradict each other", () => {
    const problem = problemOf({ ...v3, n_group: 3, topk_group: 4, num_experts_per_tok: 9, qk_rope_head_dim: 5 });
    expect(problem).toContain("n_routed_experts 8 must be a multiple of n_group 3");
    expect(problem).toContain("topk_group 4 must not exceed n_group 3");
    expect(problem).toContain("num_experts_per_tok 9 must not exceed n_routed_experts 8");
    expect(problem).toContain("qk_rope_head_dim 5 must be even");
    expect(problemOf({ model_type: "llama", ...sizes, num_key_value_heads: 3 })).toContain(
      "must be a multiple of num_key_value_heads 3",
    );
  });

  test("refuses to guess a missing q_lora_rank", () => {
    const { q_lora_rank: _, ...without } = v3;
    expect(problemOf(without)).toContain("q_lora_rank is missing");
  });

  test("names the supported architectures when it meets another", () => {
    expect(problemOf({ ...sizes, model_type: "mamba" })).toContain(
      '"mamba" is not supported; expected one of deepseek_v3, deepseek_v2, qwen2, llama',
    );
    expect(problemOf({ ...sizes, model_type: "constructor" })).toContain("is not supported");
    expect(problemOf(sizes)).toContain("model_type is missing");
    expect(problemOf([])).toContain("expected a JSON object");
  });
});
