// Adapters trained over frozen weights in the types of files: the gradients of A and B are those over the decoded
// numbers in f32, as far as the products of a type are exact.
import { beforeAll, describe, expect, test } from "vitest";
import { createModel } from "../../src/models/create.js";
import { parseHfConfig } from "../../src/models/hf-config.js";
import type { LanguageModel } from "../../src/models/language-model.js";
import { loadStored, type WeightSource } from "../../src/models/stored-weights.js";
import { storedWeights } from "../../src/models/weights.js";
import { AdamW } from "../../src/optim/adamw.js";
import { Random } from "../../src/random.js";
import { type EncodedType, encodeE4m3Blocks, encodeRows } from "../../src/tensor/block-encoders.js";
import { decodeRow } from "../../src/tensor/block-formats.js";
import { Device, defaultDevice, setDefaultDevice } from "../../src/tensor/device.js";
import { encodeBytes } from "../../src/tensor/dtype.js";
import { fromBytes, keep } from "../../src/tensor/engine.js";
import { numElements } from "../../src/tensor/tensor.js";
import { loraSchema, trainedAdapters } from "../../src/train/lora-options.js";
import { planTraining } from "../../src/train/memory-plan.js";
import { trainStep } from "../../src/train/step.js";
import { fastestBackend } from "./backends.js";
import { relativeDifference } from "./golden-case.js";
import { fullLoss, gradientsOf, train } from "./training-run.js";

/** Widths of whole blocks of 256 (K-quants). */
const config = parseHfConfig({
  model_type: "llama",
  ...{ vocab_size: 60, hidden_size: 256, intermediate_size: 256, num_hidden_layers: 2, num_attention_heads: 4 },
  ...{ num_key_value_heads: 2, max_position_embeddings: 128, initializer_range: 0.05 },
});
const sequences = [0, 1, 2].map((s) => ({
  ids: Int32Array.from({ length: 12 + 7 * s }, (_, i) => (i * 7 + s * 13) % 60),
}));

/** A random model's matrices as `type` stores them and, under the same names, the numbers those stand for. */
async function bases(type: EncodedType): Promise<{ stored: WeightSource; decoded: WeightSource }> {
  const model = createModel(config, { seed: 5 });
  const [stored, decoded] = [new Map<string, Entry>(), new Map<string, Entry>()];
  for (const [name, { shape, data }] of await storedWeights(model.parameters)) {
    const values = new Float32Array(data.buffer, data.byteOffset, numElements(shape));
    const isMatrix = /_proj/.test(name);
    const plain = { dtype: "f32", shape, bytes: encodeBytes(values, "f32") } as const;
    if (!isMatrix) for (const entries of [stored, decoded]) entries.set(name, plain);
    else if (type === "e4m3") {
      const { bytes, scales } = encodeE4m3Blocks(values, shape[0], shape[1]);
      stored.set(name, { dtype: type, shape, bytes });
      const grid = shape.map((n) => Math.ceil(n / 128));
      stored.set(`${name}_scale_inv`, { dtype: "f32", shape: grid, bytes: encodeBytes(scales, "f32") });
      const rows = decodeRows("e4m3", bytes, shape);
      for (let i = 0; i < rows.length; i++)
        rows[i] *= scales[Math.floor(Math.floor(i / shape[1]) / 128) * grid[1] + Math.floor((i % shape[1]) / 128)];
      decoded.set(name, { dtype: "f32", shape, bytes: encodeBytes(rows, "f32") });
    } else {
      const bytes = encodeRows(type, values, shape[1]);
      stored.set(name, { dtype: type, shape, bytes });
      decoded.set(name, { dtype: "f32", shape, bytes: encodeBytes(decodeRows(type, bytes, shape), "f32") });
    }
  }
  model.dispose();
  return { stored: sourceOf(stored), decoded: sourceOf(decoded) };
}

interface Entry {
  readonly dtype: EncodedType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

function decodeRows(type: EncodedType, bytes: Uint8Array, [rows, columns]: readonly number[]): Float32Array {
  const values = new Float32Array(rows * columns);
  const rowBytes = bytes.length / rows;
  for (let r = 0; r < rows; r++)
    decodeRow(type, bytes.subarray(r * rowBytes, (r + 1) * rowBytes), values.subarray(r * columns, (r + 1) * columns));
  return values;
}

const sourceOf = (entries: ReadonlyMap<string, Entry>): WeightSource => ({
  names: entries.keys(),
  info: (name) => entries.get(name),
  open: async (name) => {
    const { bytes, shape, dtype } = entries.get(name) as Entry;
    return keep(fromBytes(bytes, shape, dtype));
  },
  done: () => {},
});

/** The model over a base, its adapter with a B that is no longer zero. */
async function adapted(base: WeightSource, compute: "f32" | "bf16" = "f32"): Promise<LanguageModel> {
  const adapters = trainedAdapters(loraSchema.parse({ rank: 4, alpha: 8 }), 3);
  const model = createModel(config, { seed: null, trains: "none", compute, adapters });
  await loadStored(model.parameters, base);
  for (const { name, shape } of model.trainable.specs.filter((each) => each.name.includes("lora_B"))) {
    const values = new Float32Array(numElements(shape));
    new Random(9).fork(name).fillNormal(values, 0, 0.1);
    model.trainable.write(name, 0, shape, new Uint8Array(values.buffer));
  }
  model.trainable.refreshCopies();
  return model;
}

async function gradientsOver(base: WeightSource, compute: "f32" | "bf16" = "f32") {
  const model = await adapted(base, compute);
  const result = await gradientsOf(model, [sequences], fullLoss);
  model.dispose();
  return result;
}

/** |x − y|/|y|. */
function distance(x: Float32Array, y: Float32Array): number {
  const norm = (of: (i: number) => number) => Math.sqrt(y.reduce((sum, _, i) => sum + of(i) ** 2, 0));
  return norm((i) => x[i] - y[i]) / norm((i) => y[i]);
}

describe.each(fastestBackend)("on the $name backend", (backend) => {
  beforeAll(() => setDefaultDevice(new Device(backend)));

  test.each(["f32", "f16"] as const)("over %s: nothing but the order of sums differs", async (type) => {
    const { stored, decoded } = await bases(type);
    const [own, plain] = [await gradientsOver(stored), await gradientsOver(decoded)];
    expect(own.loss).toBeCloseTo(plain.loss, 5);
    expect(own.gradients.size).toBe(28);
    for (const [name, values] of plain.gradients)
      expect(relativeDifference(own.gradients.get(name) as Float32Array, values, 1e-6), name).toBeLessThan(1e-4);
  });

  // Products round activations, as they do in inference: to bf16 for bf16 and FP8, to int8 in blocks for the others.
  test.each([
    ["bf16", 0.01],
    ["e4m3", 0.02],
    ["q8_0", 0.05],
    ["q4_0", 0.05],
    ["q4_k", 0.05],
  ] as const)("over %s: the rounding of activations alone makes a difference", async (type, bound) => {
    const { stored, decoded } = await bases(type);
    for (const compute of ["f32", "bf16"] as const) {
      const [own, plain] = [await gradientsOver(stored, compute), await gradientsOver(decoded, compute)];
      expect(Math.abs(own.loss - plain.loss)).toBeLessThan(0.003);
      expect(own.gradients.size).toBe(28);
      for (const [name, values] of plain.gradients) {
        expect(distance(own.gradients.get(name) as Float32Array, values), name).toBeLessThan(bound);
      }
    }
  });

  test("an adapter over Q4_K learns, and its base stays as it is", async () => {
    const { stored } = await bases("q4_k");
    const model = await adapted(stored, "bf16");
    const losses = await train(model, sequences, 8);
    expect(losses[7]).toBeLessThan(losses[0] - 0.05);
    model.dispose();
  });

  test("a step over Q4_K takes the memory that was planned for it; the base takes that of its file", async () => {
    const { stored } = await bases("q4_k");
    const adapters = trainedAdapters(loraSchema.parse({ rank: 4, alpha: 8 }), 3);
    const options = { microBatchTokens: 1000, routerBiasStep: 0 };
    const planned = { config, compute: "bf16", frozen: { trains: "none", source: stored }, adapters } as const;
    const plan = await planTraining(planned, "sft", { sequences }, options);
    setDefaultDevice(new Device(backend));
    const model = await adapted(stored, "bf16");
    const optimizer = new AdamW(model.trainable.trained());
    await trainStep(model, optimizer, sequences, { ...options, lr: 1e-3 });
    expect(plan.peak / defaultDevice().memory().peakLiveBytes).toBeCloseTo(1, 2);
    const layers = model.parameters.specs.filter(({ name }) => name.endsWith("_proj.weight"));
    const held = layers.reduce((bytes, { name }) => bytes + model.parameters.get(name).memory().values, 0);
    const numbers = layers.reduce((count, { shape }) => count + numElements(shape), 0);
    expect(held).toBeLessThanOrEqual(1.05 * numbers * (144 / 256));
    optimizer.dispose();
    model.dispose();
  });
});
