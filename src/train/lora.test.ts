// Claims about training an adapter: only it moves, it learns, its checkpoints hold it alone, and a run goes on to the
// same bits.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { loadLatest } from "../checkpoint/index.js";
import { createModel } from "../models/create.js";
import { parseHfConfig } from "../models/hf-config.js";
import type { LanguageModel } from "../models/language-model.js";
import { storedWeights } from "../models/weights.js";
import type { LoraTargets } from "../nn/lora.js";
import { ParameterSet } from "../nn/parameters.js";
import { RunDirectory } from "../run/run-directory.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { scope, scopeAsync, tensor } from "../tensor/engine.js";
import { type DropoutParams, dropout } from "../tensor/ops/dropout.js";
import { addScaled } from "../tensor/ops/elementwise.js";
import { linear } from "../tensor/ops/linear.js";
import { withTape } from "../tensor/tape.js";
import { Progress } from "../terminal/progress.js";
import { createCharTokenizer } from "../tokenizer/char-tokenizer.js";
import { countTargets, makeTrainBatch } from "./batch.js";
import { createOptimizer } from "./create-optimizer.js";
import { Interrupted } from "./interrupted.js";
import { loraSchema, trainedAdapters } from "./lora-options.js";
import { languageModelLoss } from "./loss.js";
import { savedState } from "./saved-state.js";
import { performStages } from "./stage.js";
import { evaluateLoss, type StepOptions, trainStep } from "./step.js";
import { trainingStage } from "./training-stage.js";

const tokenizer = createCharTokenizer("0123456789+-*/=:; \nQA", { bos: "<bos>", eos: "<eos>" });
const vocab_size = tokenizer.vocabSize;
const shared = {
  ...{ hidden_size: 16, intermediate_size: 16, num_hidden_layers: 2, num_attention_heads: 2, vocab_size },
  max_position_embeddings: 32,
};
const llama = parseHfConfig({ model_type: "llama", ...shared, num_key_value_heads: 1, head_dim: 8 });
const deepseek = parseHfConfig({
  model_type: "deepseek_v3",
  ...shared,
  ...{ first_k_dense_replace: 1, moe_intermediate_size: 8, n_routed_experts: 4, n_shared_experts: 1, n_group: 1 },
  ...{ topk_group: 1, num_experts_per_tok: 2, q_lora_rank: 8, kv_lora_rank: 8, num_key_value_heads: 2 },
  ...{ qk_nope_head_dim: 4, qk_rope_head_dim: 4, v_head_dim: 4, norm_topk_prob: true, routed_scaling_factor: 1 },
  ...{ num_nextn_predict_layers: 0 },
});

const adapted = (config: typeof llama, targets: LoraTargets = "all-linear", dropout = 0): LanguageModel => {
  const lora = loraSchema.parse({ rank: 2, alpha: 4, targets, dropout });
  return createModel(config, { seed: 5, trains: "none", adapters: trainedAdapters(lora, 3) });
};
const sequences = ["1+2=3", "4+5=9", "2*3=6", "8-1=7"].map((text) => ({ ids: tokenizer.encode(text) }));
const stepOptions = { lr: 0.02, microBatchTokens: 8, routerBiasStep: 0 };

const folder = mkdtempSync(join(tmpdir(), "luciole-lora-"));
beforeAll(() => setDefaultDevice(new Device(createReferenceBackend())));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each([
  ["a llama", llama],
  ["latent attention and experts", deepseek],
])("over %s", (_, config) => {
  it("an adapter learns, with and without recomputation, and nothing else moves", async () => {
    const losses: number[][] = [];
    for (const recomputeLayers of [false, true]) {
      const model = adapted(config);
      const before = await storedWeights(model.parameters);
      const optimizer = createOptimizer(model.trainable, "adamw");
      const each: number[] = [];
      for (let i = 0; i < 6; i++) {
        const { loss } = await trainStep(model, optimizer, sequences, { ...stepOptions, recomputeLayers });
        each.push(loss);
      }
      losses.push(each);
      expect(each[5]).toBeLessThan(each[0] - 0.02);
      expect(await storedWeights(model.parameters)).toEqual(before);
      for (const [name, { data }] of await storedWeights(model.trainable))
        if (name.includes("lora_B"))
          expect(
            data.some((byte) => byte !== 0),
            name,
          ).toBe(true);
      optimizer.dispose();
      model.dispose();
    }
    expect(losses[1]).toEqual(losses[0]);
  });

  it("with the adapter off the model is its base to the bit", async () => {
    const [model, base] = [adapted(config), createModel(config, { seed: 5 })];
    const optimizer = createOptimizer(model.trainable, "adamw");
    await trainStep(model, optimizer, sequences, stepOptions);
    const expected = await evaluateLoss(base, sequences, 64);
    expect(await evaluateLoss(model, sequences, 64)).not.toBe(expected);
    model.parameters.adapters.active = null;
    expect(await evaluateLoss(model, sequences, 64)).toBe(expected);
    optimizer.dispose();
    model.dispose();
    base.dispose();
  });
});

it("of full rank, with A the identity, B has the gradient of the weight: a step of SGD reaches the same", async () => {
  const [width, module] = [16, "model.layers.1.self_attn.o_proj"];
  const lora = loraSchema.parse({ rank: width, alpha: width, targets: [module] });
  const model = createModel(llama, { seed: 5, trains: "none", adapters: trainedAdapters(lora, 3) });
  const full = createModel(llama, { seed: 5, trains: [`${module}.weight`] });
  const identity = Float32Array.from({ length: width * width }, (_, i) => (i % (width + 1) === 0 ? 1 : 0));
  const [a] = model.trainable.specs;
  model.trainable.write(a.name, 0, [width, width], new Uint8Array(identity.buffer));
  const gradient = async (of: LanguageModel, name: string) => {
    withTape((tape) =>
      scope(() => {
        const { total } = languageModelLoss(of, makeTrainBatch(sequences, 0, countTargets(sequences)), {});
        tape.backward(total);
      }),
    );
    const values = await of.trainable.read((parameter) => parameter.grad);
    const { data } = values.get(name) as { data: Uint8Array };
    return new Float32Array(data.slice().buffer);
  };
  const ofPair = await gradient(model, `base_model.model.${module}.lora_B.weight`);
  const ofWeight = await gradient(full, `${module}.weight`);
  expect(Math.max(...ofWeight.map(Math.abs))).toBeGreaterThan(1e-4);
  for (const [i, value] of ofWeight.entries()) expect(ofPair[i]).toBeCloseTo(value, 7);
  model.dispose();
  full.dispose();
});

it("targets mean what they mean to PEFT", async () => {
  const names = async (targets: LoraTargets) => {
    const model = adapted(llama, targets);
    const stored = [...(await storedWeights(model.trainable)).keys()];
    model.dispose();
    return stored.filter((name) => name.endsWith("lora_A.weight"));
  };
  const of = (layer: number, module: string) => `base_model.model.model.layers.${layer}.${module}.lora_A.weight`;
  expect(await names(["q_proj", "v_proj"])).toEqual(
    [0, 1].flatMap((i) => [of(i, "self_attn.q_proj"), of(i, "self_attn.v_proj")]),
  );
  expect(await names(".*layers\\.1\\.mlp\\.up_proj")).toEqual([of(1, "mlp.up_proj")]);
  expect(await names("all-linear")).toHaveLength(14);
  expect(() => adapted(llama, ["query"])).toThrow('no matrix of the model matches "query"');
  expect(() => adapted(llama, ["lm_head"])).toThrow('"lm_head" names lm_head; embedding, head and routers cannot');
  expect(() => adapted(deepseek, ["experts.1.up_proj"])).toThrow("experts of a layer are one matrix here");
  expect(() => adapted(llama, "(")).toThrow('"(" is no regular expression');
});

describe("dropout", () => {
  const stepped = async (config: typeof llama, dropout: number, options: Partial<StepOptions> = {}) => {
    const model = adapted(config, "all-linear", dropout);
    const optimizer = createOptimizer(model.trainable, "adamw");
    const losses: number[] = [];
    for (let i = 0; i < 4; i++)
      losses.push((await trainStep(model, optimizer, sequences, { ...stepOptions, ...options })).loss);
    const held = await evaluateLoss(model, sequences, 64);
    optimizer.dispose();
    model.dispose();
    return { losses, held };
  };

  it.each([
    ["a llama", llama],
    ["experts", deepseek],
  ])("over %s masks training alone, to the same bits again and with recomputation", async (_, config) => {
    const [dropped, plain] = [await stepped(config, 0.5), await stepped(config, 0)];
    expect(dropped.losses[0]).toBe(plain.losses[0]); // B is zero yet
    expect(dropped.losses[3]).not.toBe(plain.losses[3]);
    expect(dropped.held).toBeLessThan(dropped.losses[0]);
    expect(await stepped(config, 0.5)).toEqual(dropped);
    expect(await stepped(config, 0.5, { recomputeLayers: true })).toEqual(dropped);
  });

  it("is PEFT's: W·x + B·A of x with a share at zero and the rest divided by what is kept", async () => {
    const set = new ParameterSet({
      compute: "f32",
      seed: 1,
      adapters: [{ name: "a", lora: { rank: 2, alpha: 4, rsLora: false, targets: ["up"], dropout: 0.25 }, seed: 3 }],
    });
    const [rows, width] = [40, 8];
    const up = set.matrix({ name: "up.weight", shape: [4, width], init: { std: 1 } });
    const [{ parameters }] = set.adapters.all;
    const [a, b] = ["A", "B"].map((which) => parameters.get(`base_model.model.up.lora_${which}.weight`));
    parameters.write(b.name, 0, [4, 2], new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8).buffer));
    const x = tensor(new Float32Array(rows * width).fill(1), [rows, width]);
    const drop = () =>
      set.adapters.dropping("step 1", async () => {
        const y = up.multiply(x);
        const mask = dropout(x, set.adapters.dropoutOf(a.name) as DropoutParams);
        const expected = addScaled(linear(x, set.master("up.weight")), b.multiply(a.multiply(mask)), 1, 2);
        return [await y.data(), await expected.data(), await mask.data()].map((each) => Array.from(each));
      });
    await scopeAsync(async () => {
      const [y, expected, mask] = await drop();
      for (const [i, value] of y.entries()) expect(value).toBeCloseTo(expected[i], 4);
      expect(new Set(mask)).toEqual(new Set([0, Math.fround(4 / 3)]));
      expect(Math.abs(mask.filter((value) => value === 0).length / mask.length - 0.25)).toBeLessThan(0.08);
      expect((await drop())[0]).toEqual(y);
      const other = await set.adapters.dropping("step 2", async () => Array.from(await up.multiply(x).data()));
      expect(other).not.toEqual(y);
      const [first] = Array.from(await up.multiply(x).data());
      expect(Array.from(await up.multiply(x).data()).every((value, i) => i % 4 !== 0 || value === first)).toBe(true);
    });
    set.dispose();
  });
});

const STEPS = 4;
async function perform(name: string, stopIn?: number): Promise<void> {
  const path = join(folder, name);
  const checkpoint = await loadLatest(join(path, "checkpoints"));
  const run = checkpoint
    ? RunDirectory.resume(path, savedState(checkpoint).log)
    : RunDirectory.create({ verb: "sft", path, seed: 1, options: {}, isa: "reference" });
  const controller = new AbortController();
  const data = {
    sequences: (from: number) => {
      if (from / 2 === stopIn) controller.abort();
      return [sequences[from % 4], sequences[(from + 1) % 4]];
    },
  };
  const stage = trainingStage("train", data, {
    ...{ phase: "sft", steps: STEPS, batchSequences: 2, optimizer: "adamw", learningRate: 1e-2, warmupSteps: 0 },
    ...{ finalFraction: 1, weightDecay: 0, maxGradNorm: 1, microBatchTokens: 16, routerBiasStep: 0, validation: [] },
    ...{ validationEverySteps: 1, learningRateName: "learningRate" },
  });
  const parts = { run, seed: 1, progress: new Progress({ mode: "silent" }), signal: controller.signal, peakFlops: 0 };
  const session = {
    ...parts,
    tokenizer,
    checkpointSeconds: 1000,
    model: adapted(llama, "all-linear", 0.3),
    base: "/some/base",
  };
  const summary = {
    ...{ steps: 0, tokens: 0, loss: 0, valLoss: null, seed: 1, params: 0, activeParams: 0, wallSeconds: 0 },
    ...{ peakRssBytes: 0, tokensPerSecond: { train: null }, mfu: null, runDir: "" },
  };
  try {
    await performStages(session, [stage], checkpoint, () => summary);
  } finally {
    run.close();
  }
}

it("checkpoints hold the adapter and the name of its base, and a run goes on to the same bits", async () => {
  await perform("whole");
  await expect(perform("stopped", 2)).rejects.toThrow(Interrupted);
  await perform("stopped");
  const file = (run: string, name: string) => readFileSync(join(folder, run, "checkpoints", `step-${STEPS}`, name));
  expect(readdirSync(join(folder, "whole", "checkpoints", `step-${STEPS}`)).sort()).toEqual(
    expect.arrayContaining(["adapter_config.json", "adapter_model.safetensors", "trainer.json"]),
  );
  expect(readdirSync(join(folder, "whole", "checkpoints", `step-${STEPS}`))).not.toContain("model.safetensors");
  expect(JSON.parse(file("whole", "adapter_config.json").toString()).base_model_name_or_path).toBe("/some/base");
  for (const name of ["adapter_model.safetensors", "trainer.safetensors"])
    expect(file("stopped", name)).toEqual(file("whole", name));
});
