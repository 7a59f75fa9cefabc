// Loading weights: every problem is named, sharded copies are skipped, a good set lands where it belongs.
import { beforeEach, describe, expect, test } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { CheckpointError } from "../errors.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { numElements } from "../tensor/tensor.js";
import { createModel } from "./create.js";
import { parseHfConfig } from "./hf-config.js";
import type { LanguageModel } from "./language-model.js";
import { loadWeights, numStored, type StoredTensor, storedWeights } from "./weights.js";

const sizes = {
  vocab_size: 12,
  hidden_size: 8,
  intermediate_size: 10,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  max_position_embeddings: 64,
};
const llama = parseHfConfig({ model_type: "llama", ...sizes });
const moe = {
  moe_intermediate_size: 4,
  n_routed_experts: 4,
  num_experts_per_tok: 2,
  n_group: 1,
  topk_group: 1,
  first_k_dense_replace: 1,
};
const mla = { q_lora_rank: null, kv_lora_rank: 6, qk_nope_head_dim: 4, qk_rope_head_dim: 2, v_head_dim: 3 };
const deepseek = parseHfConfig({ model_type: "deepseek_v3", ...sizes, ...moe, ...mla, num_nextn_predict_layers: 1 });

beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));

/** A stored tensor for every name the model has, each holding numbers of its own. */
function matching(model: LanguageModel): Map<string, StoredTensor> {
  return new Map(
    model.parameters
      .storedParts()
      .map(({ part }, i) => [
        part.name,
        { shape: part.shape, values: Float32Array.from({ length: numElements(part.shape) }, (_, j) => i + j / 1000) },
      ]),
  );
}

const load = (model: LanguageModel, stored: ReadonlyMap<string, StoredTensor>) =>
  loadWeights(model.parameters, async (name) => stored.get(name), stored.keys());

async function problemOf(model: LanguageModel, stored: ReadonlyMap<string, StoredTensor>): Promise<string> {
  const error = await load(model, stored).then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(CheckpointError);
  return (error as Error).message;
}

describe("loadWeights", () => {
  test("puts every stored tensor, each expert's included, where saving finds it again", async () => {
    const model = createModel(deepseek);
    const stored = matching(model);
    await load(model, stored);
    const saved = await storedWeights(model.parameters);
    expect(new Set(saved.keys())).toEqual(new Set(stored.keys()));
    for (const [name, { data }] of saved)
      expect(new Float32Array(data.slice().buffer)).toEqual(stored.get(name)?.values);
    expect(numStored(model.parameters)).toBe([...stored.values()].reduce((n, { values }) => n + values.length, 0));
  });

  test("lists missing, misshapen and unexpected tensors in one line", async () => {
    const model = createModel(llama);
    const stored = matching(model);
    stored.delete("model.norm.weight");
    stored.delete("model.layers.1.self_attn.k_proj.weight");
    stored.set("lm_head.weight", { shape: [8, 12], values: new Float32Array(96) });
    stored.set("model.layers.0.mlp.up_proj.weight", { shape: [11, 8], values: new Float32Array(88) });
    stored.set("model.layers.7.mlp.up_proj.weight", { shape: [10, 8], values: new Float32Array(80) });
    const problem = await problemOf(model, stored);
    for (const part of [
      "missing model.layers.1.self_attn.k_proj.weight [8,8], model.norm.weight [8];",
      "lm_head.weight is [8,12], expected [12,8]",
      "model.layers.0.mlp.up_proj.weight is [11,8], expected [10,8]",
      "unexpected model.layers.7.mlp.up_proj.weight",
    ])
      expect(problem).toContain(part);
    expect(problem.split("; ")).toHaveLength(4);
    expect(problem).not.toContain("\n");
  });

  test("what many tensors share is told once, with how many they are", async () => {
    const model = createModel(deepseek);
    const { length } = model.parameters.storedParts();
    const problem = await problemOf(model, new Map());
    expect(problem).toMatch(
      /^weights do not fit the model: missing \S+ \[\S+\], \S+ \[\S+\], \S+ \[\S+\] and \d+ more$/,
    );
    expect(problem).toContain(`and ${length - 3} more`);
  });

  test("skips the copies of embedding and head that releases carry in their prediction blocks", async () => {
    const model = createModel(deepseek);
    const stored = matching(model);
    stored.set("model.layers.2.embed_tokens.weight", { shape: [12, 8], values: new Float32Array(96) });
    stored.set("model.layers.2.shared_head.head.weight", { shape: [12, 8], values: new Float32Array(96) });
    await load(model, stored);
  });

  test("a tied model has no head of its own to save, and takes a stored copy of its embedding for none", async () => {
    const model = createModel(parseHfConfig({ model_type: "qwen2", ...sizes, tie_word_embeddings: true }));
    expect([...(await storedWeights(model.parameters)).keys()]).not.toContain("lm_head.weight");
    const stored = matching(model);
    stored.set("lm_head.weight", { shape: [12, 8], values: new Float32Array(96) });
    await loadWeights(model.parameters, async (name) => stored.get(name), stored.keys());
    expect([...(await storedWeights(model.parameters)).keys()]).not.toContain("lm_head.weight");
  });
});
