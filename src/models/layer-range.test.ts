// What a stage of a pipeline holds, loads and refuses.
import { beforeEach, describe, expect, test } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { packSequences } from "../nn/batch.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { scope } from "../tensor/engine.js";
import { createModel } from "./create.js";
import { parseHfConfig } from "./hf-config.js";
import type { LanguageModel } from "./language-model.js";
import { storedProblems } from "./stored-weights.js";
import { loadWeights, storedWeights } from "./weights.js";

beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));

const config = parseHfConfig({
  model_type: "deepseek_v3",
  vocab_size: 24,
  hidden_size: 16,
  intermediate_size: 20,
  moe_intermediate_size: 8,
  num_hidden_layers: 4,
  first_k_dense_replace: 1,
  num_attention_heads: 2,
  q_lora_rank: null,
  kv_lora_rank: 8,
  qk_nope_head_dim: 6,
  qk_rope_head_dim: 4,
  v_head_dim: 6,
  n_routed_experts: 4,
  num_experts_per_tok: 2,
  n_group: 1,
  topk_group: 1,
  num_nextn_predict_layers: 1,
  max_position_embeddings: 64,
});
type Files = Awaited<ReturnType<typeof storedWeights>>;
const stage = (first: number, end: number) => createModel(config, { layers: [first, end] });
const namesOf = ({ parameters }: LanguageModel) => parameters.storedParts().map(({ part }) => part.name);
/** Numbers of the layers among names. */
const layersOf = (names: readonly string[]) => [
  ...new Set(names.flatMap((name) => /^model\.layers\.(\d+)\./.exec(name)?.[1] ?? []).map(Number)),
];
const ends = (names: readonly string[]) => names.filter((name) => !name.startsWith("model.layers."));

describe("what a stage holds", () => {
  test("the first the embedding, one in the middle layers alone, the last norm, head and MTP", () => {
    const [first, middle, last] = [stage(0, 1), stage(1, 3), stage(3, 4)].map(namesOf);
    expect([first, middle, last].map(layersOf)).toEqual([[0], [1, 2], [3, 4]]);
    expect(ends(first)).toEqual(["model.embed_tokens.weight"]);
    expect(ends(middle)).toEqual([]);
    // Multi-token prediction reads the embedding, too.
    expect(ends(last)).toEqual(["model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"]);
  });

  test("together the whole model's tensors, with the same initial numbers", async () => {
    const whole = await storedWeights(createModel(config).parameters);
    const parts = new Map<string, unknown>();
    for (const part of [stage(0, 2), stage(2, 4)])
      for (const [name, tensor] of await storedWeights(part.parameters)) parts.set(name, tensor);
    expect(new Map([...parts].sort())).toEqual(new Map([...whole].sort()));
  });

  test("a last stage without a tied head or multi-token prediction has no embedding", () => {
    const plain = parseHfConfig({ ...config, num_nextn_predict_layers: 0 });
    expect(ends(namesOf(createModel(plain, { layers: [3, 4] })))).toEqual(["model.norm.weight", "lm_head.weight"]);
  });

  test("only its own layers have a place in its cache, and it counts its own numbers", () => {
    expect(stage(1, 3).pagedShapes("latent", true)).toHaveLength(2);
    expect(stage(3, 4).pagedShapes("latent", true)).toHaveLength(2);
    const sizes = [stage(0, 1), stage(1, 4), createModel(config)].map(({ numActiveParameters }) => numActiveParameters);
    const sharedEmbedding = config.vocab_size * config.hidden_size;
    expect(sizes[0] + sizes[1] - sharedEmbedding).toBe(sizes[2]);
  });
});

test("a pattern of what trains may match other stages' weights alone", () => {
  const trains = ["model.layers.3.*"];
  const [first, last] = [
    createModel(config, { layers: [0, 2], trains }),
    createModel(config, { layers: [2, 4], trains }),
  ];
  expect([first, last].map(({ parameters }) => parameters.trainsAny)).toEqual([false, true]);
  expect(() => createModel(config, { trains: ["model.layers.9.*"] })).toThrow("no weight of the model matches");
});

describe("what a stage loads", () => {
  async function loaded(model: LanguageModel, change: (files: Files) => unknown): Promise<void> {
    const files: Files = new Map(await storedWeights(createModel(config, { seed: 5 }).parameters));
    change(files);
    const fetch = async (name: string) => {
      const stored = files.get(name);
      return stored && { shape: stored.shape, values: new Float32Array(stored.data.slice().buffer) };
    };
    await loadWeights(model.parameters, fetch, files.keys());
  }

  test("its part of the whole model's files", async () => {
    const middle = stage(1, 3);
    await loaded(middle, () => {});
    const expected = await storedWeights(createModel(config, { seed: 5 }).parameters);
    for (const [name, tensor] of await storedWeights(middle.parameters)) expect(tensor).toEqual(expected.get(name));
  });

  test.each([
    ["of a layer that no stage has", "model.layers.9.mlp.gate.weight"],
    ["of its own layer", "model.layers.1.mlp.gates.weight"],
    ["of nothing known", "model.surprise.weight"],
  ])("refuses a tensor %s", async (_, name) => {
    const extra = (files: Files) => files.set(name, [...files.values()][0]);
    await expect(loaded(stage(1, 3), extra)).rejects.toThrow(`unexpected ${name}`);
  });

  test("misses its own tensors alone", async () => {
    const without = (name: string) => (files: Files) => void files.delete(name);
    await expect(loaded(stage(1, 3), without("model.layers.2.input_layernorm.weight"))).rejects.toThrow(
      "missing model.layers.2.input_layernorm.weight",
    );
    await loaded(stage(1, 3), without("model.layers.3.input_layernorm.weight"));
  });
});

test("stored weights are chosen by the range as well", () => {
  const shapes = new Map(
    createModel(config)
      .parameters.storedParts()
      .map(({ part }) => [part.name, part.shape]),
  );
  const problems = (names: readonly string[]) =>
    storedProblems(createModel(config, { layers: [1, 3], seed: null, trains: "none" }).parameters, {
      names,
      info: (name) => (names.includes(name) ? { dtype: "f32", shape: shapes.get(name) ?? [1] } : undefined),
      open: () => Promise.reject(new Error("not read")),
      done: () => {},
    }).map(({ kind, tensor }) => `${kind} ${tensor}`);
  const all = [...shapes.keys()];
  expect(problems(all)).toEqual([]);
  expect(problems([...all, "model.layers.1.odd", "model.layers.3.odd", "odd"])).toEqual([
    "unexpected model.layers.1.odd",
    "unexpected odd",
  ]);
});

describe("what a stage refuses", () => {
  test.each([
    [2, 2],
    [-1, 2],
    [3, 5],
    [0.5, 2],
  ])("the range [%s,%s)", (first, end) => {
    expect(() => stage(first, end)).toThrow(`layers: expected a range within [0,4), got [${first},${end})`);
  });

  test("token ids in a later stage, hidden states in the first, and a head it does not have", () => {
    scope(() => {
      const batch = packSequences([[1, 2, 3]]);
      const [first, later] = [stage(0, 2), stage(2, 4)];
      const given = first.forward(batch);
      expect(() => later.forward(batch)).toThrow("layers [2,4) of 4: a later stage needs hidden states");
      expect(() => first.forward(batch, {}, given)).toThrow(
        "layers [0,2) of 4: the first stage reads token ids, not hidden states",
      );
      expect(() => first.logits(given.hidden)).toThrow("layers [0,2) of 4: this stage has no head");
      expect(() => first.head).toThrow("this stage has no head");
    });
  });
});
