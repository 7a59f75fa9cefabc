// Claims about opening models to run: published figures, every storage type from files and from nowhere, mixed types,
// the memory plan.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { openBackend } from "../../backends/open.js";
import { createReferenceBackend } from "../../backends/reference.js";
import { convertToGguf, type HostTensor, readAllTensors, writeModelDirectory } from "../../checkpoint/index.js";
import { BackendError } from "../../errors.js";
import { createModel } from "../../models/create.js";
import { type HfConfig, parseHfConfig, toHfConfigJson } from "../../models/hf-config.js";
import type { LanguageModel } from "../../models/language-model.js";
import { publishedConfig } from "../../models/published.js";
import { loadStored, type WeightSource } from "../../models/stored-weights.js";
import { isEncodedType } from "../../tensor/block-encoders.js";
import { Device, defaultDevice, setDefaultDevice } from "../../tensor/device.js";
import { scopeAsync } from "../../tensor/engine.js";
import { PagedRunner } from "../runtime/paged-runner.js";
import { inspectModel } from "./inspect-model.js";
import { planInference, refuseUnlessFits } from "./memory-plan.js";
import { openForInference, useOf } from "./open-for-inference.js";
import {
  parametersOf,
  RANDOM_TYPES,
  type RandomType,
  randomTensorSource,
  randomType,
  randomWeights,
} from "./random-weights.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-open-"));
afterAll(() => rmSync(folder, { recursive: true }));
const backend = await openBackend();
beforeEach(() => setDefaultDevice(new Device(backend)));

const common = {
  vocab_size: 96,
  hidden_size: 256,
  intermediate_size: 256,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  max_position_embeddings: 256,
};
const llama = parseHfConfig({ ...common, model_type: "llama", num_key_value_heads: 2 });
const deepseek = parseHfConfig({
  ...common,
  model_type: "deepseek_v3",
  moe_intermediate_size: 256,
  first_k_dense_replace: 1,
  q_lora_rank: 256,
  kv_lora_rank: 64,
  qk_nope_head_dim: 32,
  qk_rope_head_dim: 16,
  v_head_dim: 64,
  n_routed_experts: 2,
  num_experts_per_tok: 1,
  n_group: 1,
  topk_group: 1,
  num_nextn_predict_layers: 1,
});

describe("published shapes", () => {
  test.each([
    ["v3:mtp=0", 671_026_404_352, { latent: 70_272, latentFp8: 61 * 656 }],
    ["v2", 235_741_434_880, { latent: 60 * 576 * 2 }],
    ["v2-lite", 15_706_484_224, { latent: 27 * 576 * 2 }],
    ["r1-distill-qwen-1.5b", 1_777_088_000, { heads: 28_672 }],
    ["r1-distill-qwen-7b", 7_615_616_512, { heads: 57_344 }],
    ["r1-distill-qwen-14b", 14_770_033_664, { heads: 196_608 }],
    ["r1-distill-qwen-32b", 32_763_876_352, { heads: 262_144 }],
    ["r1-distill-llama-8b", 8_030_261_248, { heads: 131_072 }],
    ["r1-distill-llama-70b", 70_553_706_496, { heads: 327_680 }],
  ])("%s has its published parameters and cache bytes", async (shape, total, cache) => {
    const summary = await inspectModel(`random:${shape}@e4m3`);
    expect(summary.parameters.total).toBe(total);
    expect(summary.kvBytesPerToken).toMatchObject(cache);
  });

  test("are cut to their first layers, and keep the prediction layer when asked to", () => {
    expect(publishedConfig("v3:layers=4")).toMatchObject({ num_hidden_layers: 4, num_nextn_predict_layers: 0 });
    expect(publishedConfig("v3:layers=4,mtp=1")).toMatchObject({ num_hidden_layers: 4, num_nextn_predict_layers: 1 });
    expect(() => publishedConfig("v4")).toThrow("choose one of v3, v2-lite");
    expect(() => publishedConfig("v3:layers=62")).toThrow("a whole number from 1 to 61");
    expect(() => randomType("q4_0_4_4")).toThrow("choose one of q8_0");
  });
});

describe.each(RANDOM_TYPES)("weights in %s", (type) => {
  test.each([
    ["llama", llama],
    ["deepseek_v3", deepseek],
  ] as const)(
    "%s: logits are finite, differ between tokens, and are those of the same weights in a file",
    async (name, config) => {
      const direct = await logitsOfSource(config, randomWeights(parametersOf(config), type));
      expect(direct.every(Number.isFinite)).toBe(true);
      expect(new Set(direct).size).toBeGreaterThan(direct.length / 2);
      if (type !== "bf16" && !isEncodedType(type)) return; // read from files that others wrote
      const path = await fileOf(name, config, type);
      const opened = await openForInference(path);
      const fromFile = await logitsOf(opened.model);
      opened.model.dispose();
      // GGUF keeps kv_b_proj in halves, the keys' turned and quantised anew, and llama's rotated rows in another order.
      if (path.endsWith(".gguf") && config === deepseek) expect(meanOf(fromFile, direct)).toBeLessThan(0.05);
      else if (path.endsWith(".gguf")) expect(meanOf(fromFile, direct)).toBeLessThan(0.02);
      else expect(fromFile).toEqual(direct);
    },
  );
});

test("parts of one weight may be of different types, those of an expert too", async () => {
  const useBackends = [backend, createReferenceBackend()];
  const results: Float32Array[] = [];
  for (const each of useBackends) {
    setDefaultDevice(new Device(each));
    const parameters = parametersOf(deepseek);
    results.push(
      await logitsOfSource(deepseek, mixedSource(randomWeights(parameters, "q4_k"), randomWeights(parameters, "q6_k"))),
    );
  }
  expect(meanOf(results[0], results[1])).toBeLessThan(0.01);
});

describe("the memory plan", () => {
  test.each(["q8_0", "q4_k", "e4m3", "bf16"] as const)(
    "foresees the weights of %s but for the rounding of buffers, and the cache to the byte",
    async (type) => {
      const source = randomWeights(parametersOf(deepseek), type);
      const use = useOf(deepseek, { cacheTokens: 100 });
      const plan = await planInference(deepseek, source, use, false);
      const before = defaultDevice().memory().liveBytes;
      const model = createModel(deepseek, { compute: use.compute, seed: null, trains: "none" });
      await loadStored(model.parameters, source);
      source.close();
      const weights = defaultDevice().memory().liveBytes - before;
      expect(weights / plan.weights).toBeGreaterThan(1);
      expect(weights / plan.weights).toBeLessThan(1.13);
      const runner = new PagedRunner(model, use);
      expect(runner.cache.sizeBytes).toBe(plan.cache);
      runner.dispose();
      model.dispose();
      expect(defaultDevice().memory().liveBytes).toBe(before);
    },
  );

  test("counts the logits of all sequences that may run at once", async () => {
    const wide = parseHfConfig({ ...llama, vocab_size: 50_000 });
    const source = randomWeights(parametersOf(wide), "q8_0");
    const activations = async (maxSequences: number) =>
      (await planInference(wide, source, useOf(wide, { maxSequences, stepTokens: 1000 }), false)).activations;
    expect(await activations(1000)).toBeGreaterThan(1000 * wide.vocab_size * 4);
    expect(await activations(64)).toBeLessThan(200 * wide.vocab_size * 4);
  });

  test("refuses what does not fit, with the figures", async () => {
    const source = randomWeights(parametersOf(llama), "q8_0");
    const plan = await planInference(llama, source, useOf(llama, {}), false);
    expect(() => refuseUnlessFits("m", plan, plan.total - 1)).toThrow(BackendError);
    expect(() => refuseUnlessFits("m", plan, plan.total - 1)).toThrow(
      /m needs about \d+ MiB, but only \d+ MiB is free \(weights .* q8_0.*; cache .*\); use a smaller/,
    );
    refuseUnlessFits("m", plan, plan.total);
  });

  test("refuses DeepSeek-V3 on a machine that cannot hold it before taking any memory", async () => {
    const before = defaultDevice().memory().heldBytes;
    await expect(openForInference("random:v3@e4m3")).rejects.toThrow(/needs about \d+\.\d GiB, but only .* is free/);
    expect(defaultDevice().memory().heldBytes).toBe(before);
  });
});

/** Matrices of every second part (up projections, keys, …) from `other`. */
function mixedSource(main: WeightSource, other: WeightSource): WeightSource {
  const from = (name: string) => (/up_proj|k_proj/.test(name) ? other : main);
  return { ...main, info: (name) => from(name).info(name), open: (name) => from(name).open(name) };
}

async function logitsOfSource(config: HfConfig, source: WeightSource): Promise<Float32Array> {
  const model = createModel(config, { compute: "bf16", seed: null, trains: "none" });
  await loadStored(model.parameters, source);
  const logits = await logitsOf(model);
  model.dispose();
  return logits;
}

/** Logits of a prompt of five tokens. */
async function logitsOf(model: LanguageModel): Promise<Float32Array> {
  const runner = new PagedRunner(model, { ...useOf(model.config as HfConfig, { cacheTokens: 64 }), usesDrafts: false });
  const range = Int32Array.of(0, 1, 2, 3, 4);
  const logits = await scopeAsync(async () => {
    const plan = {
      positions: range,
      blockIds: new Int32Array(5),
      blockOffsets: range,
      blockTables: Int32Array.of(0),
      maxBlocks: 1,
      numPrefill: 1,
    };
    const ends = { cuQueries: Int32Array.of(0, 5), contextLengths: Int32Array.of(5) };
    return runner.step({ ...plan, ...ends, ids: Int32Array.of(7, 3, 90, 3, 41), logitRows: range }).data();
  });
  runner.dispose();
  return logits as Float32Array;
}

/** The random weights of that type as a file: GGUF for its own types, else a directory. */
async function fileOf(name: string, config: HfConfig, type: RandomType): Promise<string> {
  const weights = await randomTensorSource(config, type);
  const isGguf = type !== "bf16" && type !== "e4m3";
  const path = join(folder, `${name}-${type}${isGguf ? ".gguf" : ""}`);
  if (isGguf)
    await convertToGguf(path, { config, weights }, type as "q8_0", [["tokenizer.ggml.model", "string", "no_vocab"]]);
  else {
    const tensors: ReadonlyMap<string, HostTensor> = await readAllTensors(weights);
    await writeModelDirectory(path, { config: JSON.parse(JSON.stringify(toHfConfigJson(config))), weights: tensors });
  }
  await weights.close();
  return path;
}

const meanOf = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, x, i) => sum + Math.abs(x - b[i]), 0) / a.length;
