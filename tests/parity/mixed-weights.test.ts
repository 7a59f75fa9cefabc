// Models of which some weights train and others stay as they are stored: gradients, memory, optimiser, checkpoints.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createShapesDevice } from "../../src/backends/shapes.js";
import { CheckpointStore } from "../../src/checkpoint/index.js";
import { ConfigError } from "../../src/errors.js";
import { openModelSource } from "../../src/inference/opening/model-source.js";
import { createModel } from "../../src/models/create.js";
import { parseHfConfig } from "../../src/models/hf-config.js";
import type { LanguageModel, ModelOptions } from "../../src/models/language-model.js";
import { loadStored, type WeightSource } from "../../src/models/stored-weights.js";
import type { Trains } from "../../src/nn/trains.js";
import { AdamW } from "../../src/optim/adamw.js";
import { type EncodedType, encodeE4m3Blocks, encodeRows } from "../../src/tensor/block-encoders.js";
import { Device, defaultDevice, setDefaultDevice } from "../../src/tensor/device.js";
import { encodeBytes } from "../../src/tensor/dtype.js";
import { fromBytes, keep, scopeAsync, tensor } from "../../src/tensor/engine.js";
import { numElements } from "../../src/tensor/tensor.js";
import { planTraining } from "../../src/train/memory-plan.js";
import { frozenNote, modelFiles, restoreSnapshot, trainerTensors } from "../../src/train/snapshot.js";
import { trainStep } from "../../src/train/step.js";
import { fastestBackend } from "./backends.js";
import { relativeDifference } from "./golden-case.js";
import { fullLoss, gradientsOf, train } from "./training-run.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-mixed-"));
afterAll(() => rmSync(folder, { recursive: true }));

const config = parseHfConfig({
  model_type: "deepseek_v3",
  vocab_size: 60,
  hidden_size: 64,
  intermediate_size: 96,
  moe_intermediate_size: 32,
  num_hidden_layers: 2,
  first_k_dense_replace: 1,
  num_nextn_predict_layers: 1,
  num_attention_heads: 4,
  q_lora_rank: 64,
  kv_lora_rank: 32,
  qk_nope_head_dim: 24,
  qk_rope_head_dim: 8,
  v_head_dim: 16,
  // Every expert is chosen: rounding cannot tip a choice.
  n_routed_experts: 3,
  num_experts_per_tok: 3,
  n_group: 1,
  topk_group: 1,
  max_position_embeddings: 128,
  initializer_range: 0.06,
});
const sequences = [0, 1, 2].map((s) => ({
  ids: Int32Array.from({ length: 12 + 7 * s }, (_, i) => (i * 7 + s * 13) % 60),
}));
const settings = { lr: 1e-3, microBatchTokens: 1000, routerBiasStep: 0 };

interface Stored {
  readonly dtype: EncodedType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A random model's matrices in the types that `typeOf` gives, all else in f32. */
async function storedModel(typeOf: (name: string) => EncodedType): Promise<WeightSource> {
  const model = createModel(config, { seed: 5 });
  const tensors = new Map<string, Stored>();
  for (const [name, { shape, data }] of await model.parameters.read()) {
    const values = new Float32Array(data.buffer, data.byteOffset, numElements(shape));
    const dtype = shape.length === 2 ? typeOf(name) : "f32";
    if (dtype === "e4m3") {
      const { bytes, scales } = encodeE4m3Blocks(values, shape[0], shape[1]);
      tensors.set(name, { dtype, shape, bytes });
      const grid = shape.map((n) => Math.ceil(n / 128));
      tensors.set(`${name}_scale_inv`, { dtype: "f32", shape: grid, bytes: encodeBytes(scales, "f32") });
    } else tensors.set(name, { dtype, shape, bytes: encodeRows(dtype, values, shape.at(-1) as number) });
  }
  model.dispose();
  return {
    names: tensors.keys(),
    info: (name) => tensors.get(name),
    open: async (name) => {
      const { bytes, shape, dtype } = tensors.get(name) as Stored;
      return keep(fromBytes(bytes, shape, dtype));
    },
    done: () => {},
  };
}

async function open(source: WeightSource, trains: Trains, options: ModelOptions = {}): Promise<LanguageModel> {
  const model = createModel(config, { seed: null, trains, ...options });
  await loadStored(model.parameters, source);
  return model;
}

async function withModel<R>(
  source: WeightSource,
  trains: Trains,
  options: ModelOptions,
  body: (model: LanguageModel) => Promise<R>,
): Promise<R> {
  const model = await open(source, trains, options);
  try {
    return await body(model);
  } finally {
    model.dispose();
  }
}

/** All but attention, the embedding, the head and what joins predictions. */
const allButAttention = ["*norm*", "*.mlp.*"];
const isAttention = (name: string) => name.includes("self_attn") && name.endsWith("proj.weight");
const mixedTypes = (name: string): EncodedType => {
  if (isAttention(name)) return name.includes("o_proj") ? "q8_0" : "q4_0";
  if (name === "lm_head.weight") return "q8_0";
  return name.includes("eh_proj") ? "e4m3" : "f16";
};
const plainTypes = (name: string): EncodedType => (name.includes("o_proj") ? "f32" : "f16");

describe.each(fastestBackend)("on the $name backend", (backend) => {
  beforeAll(() => setDefaultDevice(new Device(backend)));

  test("gradients of what trains are those of a model of the decoded weights in f32", async () => {
    // Half precision is multiplied exactly: nothing but the order of sums may differ.
    const source = await storedModel(plainTypes);
    const gradients = (trains: Trains) =>
      withModel(source, trains, {}, (model) => gradientsOf(model, [sequences], fullLoss));
    const [mixed, all] = [await gradients(allButAttention), await gradients("all")];
    expect(mixed.loss).toBeCloseTo(all.loss, 5);
    const names = [...all.gradients.keys()].filter((name) => /norm|\.mlp\./.test(name));
    expect([...mixed.gradients.keys()]).toEqual(names);
    for (const name of names) expect(difference(mixed, all, name), name).toBeLessThan(1e-4);
  });

  test("gradients through quantised weights are near those of the decoded weights", async () => {
    const source = await storedModel(mixedTypes);
    const gradients = (trains: Trains, options: ModelOptions) =>
      withModel(source, trains, options, (model) => gradientsOf(model, [sequences], fullLoss));
    const all = await gradients("all", {});
    for (const compute of ["f32", "bf16"] as const) {
      const mixed = await gradients(allButAttention, { compute });
      for (const name of mixed.gradients.keys()) expect(cosine(mixed, all, name), name).toBeGreaterThan(0.99);
    }
  });

  test("recomputed layers give the gradients of stored ones, to the bit", async () => {
    await withModel(await storedModel(mixedTypes), allButAttention, { compute: "bf16" }, async (model) => {
      const stored = await gradientsOf(model, [sequences], fullLoss);
      const recomputed = await gradientsOf(model, [sequences], { ...fullLoss, recomputeLayers: true });
      expect(recomputed.loads).toEqual(stored.loads);
      expect(recomputed.loss).toBe(stored.loss);
      const same = (name: string) =>
        recomputed.gradients.has(name) && Buffer.compare(bytesOf(recomputed, name), bytesOf(stored, name)) === 0;
      expect([...stored.gradients.keys()].filter((name) => !same(name))).toEqual([]);
    });
  });

  test("training moves what trains and leaves the rest, and the loss falls", async () => {
    await withModel(await storedModel(mixedTypes), allButAttention, { compute: "bf16" }, async (model) => {
      const attention = model.parameters.get("model.layers.0.self_attn.o_proj.weight");
      const rows = () =>
        scopeAsync(() => attention.multiply(tensor(new Float32Array(64).fill(1), [1, 64]), { dtype: "f32" }).data());
      const before = await rows();
      const losses = await train(model, sequences, 8);
      expect(losses[7]).toBeLessThan(losses[0] - 0.05);
      expect(await rows()).toEqual(before);
      expect(attention.trained).toBeNull();
    });
  });

  test("closing a mixed model frees all of it", async () => {
    const before = defaultDevice().memory().liveBuffers;
    await withModel(await storedModel(mixedTypes), allButAttention, { compute: "bf16" }, (model) =>
      train(model, sequences, 1),
    );
    expect(defaultDevice().memory().liveBuffers).toBe(before);
  });
});

describe("what a mixed model takes", () => {
  test("the optimiser's memory counts what trains, and so does the plan", async () => {
    setDefaultDevice(new Device(fastestBackend[0]));
    const source = await storedModel(mixedTypes);
    await withModel(source, allButAttention, { compute: "bf16" }, async ({ parameters }) => {
      const { numTrained, numParameters } = parameters;
      expect(numTrained).toBeLessThan(numParameters);
      const optimizer = new AdamW(parameters.trained());
      const moments = [...optimizer.state().values()].reduce((bytes, t) => bytes + t.sizeBytes, 0);
      expect(moments).toBe(8 * numTrained);
      optimizer.dispose();
      const { values, copies, gradient } = parameters.memory();
      expect(gradient).toBe(4 * numTrained);
      const plan = await planTraining(
        { config, compute: "bf16", frozen: { trains: allButAttention, source } },
        "training",
        { sequences },
        { ...fullLoss, ...settings },
      );
      // The pool rounds small buffers up; a model keeps its experts' loads and rotary frequencies beside its weights.
      expect(plan.moments / moments).toBeCloseTo(1, 1);
      expect(plan.gradients).toBe(4 * numTrained);
      expect(plan.weights / (values + copies)).toBeCloseTo(1, 1);
    });
  });

  test("a frozen matrix takes what its file takes", async () => {
    setDefaultDevice(new Device(fastestBackend[0]));
    await withModel(await storedModel(mixedTypes), "none", {}, async ({ parameters }) => {
      expect(parameters.get("model.layers.0.self_attn.o_proj.weight").memory()).toEqual({
        values: (64 * 64 * 34) / 32,
        copies: 0,
        gradient: 0,
      });
      expect(parameters.trainsAny).toBe(false);
    });
  });

  test("a frozen head is read by the losses as its file holds it", async () => {
    setDefaultDevice(new Device(fastestBackend[0]));
    await withModel(await storedModel(mixedTypes), allButAttention, {}, async (model) => {
      const inFile = { values: (60 * 64 * 34) / 32, copies: 0, gradient: 0 };
      expect(model.parameters.get("lm_head.weight").memory()).toEqual(inFile);
      await gradientsOf(model, [sequences], fullLoss);
      expect(model.parameters.get("lm_head.weight").memory()).toEqual(inFile);
      expect(model.head.weight.dtype).toBe("q8_0");
    });
  });

  test("a pattern that matches no weight is refused when the model is made", () => {
    expect(() => createModel(config, { seed: null, trains: ["*.mpl.*"], device: createShapesDevice() })).toThrow(
      ConfigError,
    );
  });
});

describe("a checkpoint of a mixed model", () => {
  const types = mixedTypes;
  const parts = async () => {
    const model = await open(await storedModel(types), allButAttention, { compute: "bf16" });
    return { model, optimizer: new AdamW(model.parameters.trained()) };
  };

  test("holds what is f32 in it; restored into the same base, training goes on to the same bits", async () => {
    setDefaultDevice(new Device(fastestBackend[0]));
    const path = join(folder, "checkpoints");
    const store = await CheckpointStore.open(path);
    const first = await parts();
    await trainOn(first, 2);
    await store.save({
      ...modelFiles(first.model),
      generationConfig: { compute_type: "bf16", ...frozenNote(first.model) },
      trainer: { step: 2, tensors: trainerTensors(first), state: {} },
    });
    const checkpoint = await store.loadLatest();
    if (!checkpoint) throw new Error("no checkpoint");
    expect([...checkpoint.weights.names].some((name) => isAttention(name) && name.includes("o_proj"))).toBe(false);
    expect(checkpoint.weights.has("model.layers.0.mlp.down_proj.weight")).toBe(true);

    const second = await parts();
    await restoreSnapshot(checkpoint, second, 2);
    await checkpoint.close();
    expect(await trainOn(second, 2)).toEqual(await trainOn(first, 2));
    expect(await second.model.parameters.read()).toEqual(await first.model.parameters.read());
    await expect(openModelSource(checkpoint.directory)).rejects.toThrow(/holds the trained weights alone; \d+ frozen/);
    for (const { model, optimizer } of [first, second]) {
      optimizer.dispose();
      model.dispose();
    }
  });
});

async function trainOn({ model, optimizer }: { model: LanguageModel; optimizer: AdamW }, steps: number) {
  const losses: number[] = [];
  for (let step = 0; step < steps; step++)
    losses.push((await trainStep(model, optimizer, sequences, { ...fullLoss, ...settings })).loss);
  return losses;
}

type Gradients = Awaited<ReturnType<typeof gradientsOf>>;
const gradientIn = ({ gradients }: Gradients, name: string) => gradients.get(name) as Float32Array;
const bytesOf = (g: Gradients, name: string) => Buffer.from(gradientIn(g, name).buffer);
const difference = (a: Gradients, b: Gradients, name: string) =>
  relativeDifference(gradientIn(a, name), gradientIn(b, name), 1e-6);
function cosine(a: Gradients, b: Gradients, name: string): number {
  const [x, y] = [gradientIn(a, name), gradientIn(b, name)];
  const dot = (u: Float32Array, v: Float32Array) => u.reduce((sum, value, i) => sum + value * v[i], 0);
  return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
}
