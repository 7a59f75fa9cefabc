// From configuration to model: families, counts, refusals, and what a disposed model leaves.
import { beforeEach, describe, expect, test } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { createShapesDevice } from "../backends/shapes.js";
import { Device, defaultDevice, setDefaultDevice } from "../tensor/device.js";
import { createModel } from "./create.js";
import { DeepseekModel } from "./deepseek/model.js";
import { GqaModel } from "./gqa/model.js";
import { parseHfConfig } from "./hf-config.js";
import { publishedConfig } from "./published.js";

const sizes = {
  vocab_size: 12,
  hidden_size: 8,
  intermediate_size: 10,
  num_hidden_layers: 3,
  num_attention_heads: 2,
  max_position_embeddings: 64,
};
const moe = {
  moe_intermediate_size: 4,
  n_routed_experts: 6,
  num_experts_per_tok: 2,
  n_shared_experts: 1,
  n_group: 1,
  topk_group: 1,
  first_k_dense_replace: 1,
};
const mla = { q_lora_rank: null, kv_lora_rank: 6, qk_nope_head_dim: 4, qk_rope_head_dim: 2, v_head_dim: 3 };
const deepseek = { model_type: "deepseek_v3", ...sizes, ...moe, ...mla };

beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));

describe("createModel", () => {
  test("picks the family by model_type", () => {
    expect(createModel(parseHfConfig(deepseek))).toBeInstanceOf(DeepseekModel);
    expect(createModel(parseHfConfig({ ...deepseek, model_type: "deepseek_v2" }))).toBeInstanceOf(DeepseekModel);
    expect(createModel(parseHfConfig({ model_type: "llama", ...sizes }))).toBeInstanceOf(GqaModel);
    expect(createModel(parseHfConfig({ model_type: "qwen2", ...sizes }))).toBeInstanceOf(GqaModel);
  });

  test("lays layers out as the configuration says: dense first, then experts, then prediction blocks", () => {
    const model = createModel(parseHfConfig({ ...deepseek, num_nextn_predict_layers: 2 }));
    expect(model.moeLayers.map(({ prefix }) => prefix)).toEqual(
      [1, 2, 3, 4].map((layer) => `model.layers.${layer}.mlp`),
    );
    expect(model.numMtp).toBe(2);
    const names = model.parameters.storedParts().map(({ part }) => part.name);
    expect(names).toContain("model.layers.4.shared_head.norm.weight");
    expect(names).toContain("model.layers.0.mlp.gate_proj.weight");
    expect(new Set(names).size).toBe(names.length);
  });

  test("counts trained numbers, and those a token meets", () => {
    const model = createModel(parseHfConfig(deepseek));
    const attention = 2 * 6 * 8 + 8 * 8 + 6 + 2 * 7 * 6 + 8 * 6;
    const expert = 3 * 4 * 8;
    const shared = 3 * (attention + 2 * 8) + 3 * 10 * 8 + 2 * (expert + 6 * 8) + 2 * 12 * 8 + 8;
    expect(model.parameters.numTrained).toBe(shared + 2 * 6 * expert);
    expect(model.numActiveParameters).toBe(shared + 2 * 2 * expert);
    const withMtp = createModel(parseHfConfig({ ...deepseek, num_nextn_predict_layers: 1 }));
    expect(withMtp.numActiveParameters).toBe(model.numActiveParameters);
  });

  // "Total parameters" of the safetensors files on the Hugging Face Hub.
  test.each([
    ["qwen3-4b", 4_022_468_096],
    ["r1-0528-qwen3-8b", 8_190_735_360],
    ["qwen3-14b", 14_768_307_200],
    ["qwen3-32b", 32_762_123_264],
    ["qwen3-30b-a3b", 30_532_122_624],
    ["qwen3-235b-a22b", 235_093_634_560],
    ["mistral-7b-v0.1", 7_241_732_096],
    ["mistral-7b-v0.3", 7_248_023_552],
  ])("%s has the released model's %i parameters", (shape, expected) => {
    const model = createModel(publishedConfig(shape), { seed: null, trains: "none", device: createShapesDevice() });
    expect(model.parameters.numParameters).toBe(expected);
    model.dispose();
  });

  test("refuses what it does not compute, by name", () => {
    expect(() => parseHfConfig({ ...deepseek, model_type: "deepseek_v2", mlp_bias: true })).toThrow(
      "mlp_bias: expected false, got true",
    );
  });

  test("dispose frees everything, in every family and compute type", () => {
    const before = defaultDevice().memory().liveBuffers;
    for (const raw of [
      { ...deepseek, num_nextn_predict_layers: 2 },
      { model_type: "qwen2", ...sizes, tie_word_embeddings: true },
    ]) {
      for (const compute of ["f32", "bf16"] as const) {
        const model = createModel(parseHfConfig(raw), { compute });
        expect(defaultDevice().memory().liveBuffers).toBeGreaterThan(before);
        model.dispose();
        expect(defaultDevice().memory().liveBuffers).toBe(before);
      }
    }
  });
});
