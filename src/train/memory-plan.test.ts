// The memory plan against what really happens: the same steps on a backend that computes.
import { beforeEach, describe, expect, test } from "vitest";
import { openBackend } from "../backends/open.js";
import { availableBytes } from "../free-memory.js";
import { generate } from "../inference/runtime/generate.js";
import { createModel } from "../models/create.js";
import { parseHfConfig } from "../models/hf-config.js";
import { MODEL_PRESETS } from "../models/presets.js";
import { planSampling } from "../rl/memory-plan.js";
import { Device, defaultDevice, setDefaultDevice } from "../tensor/device.js";
import { scopeAsync, tensor } from "../tensor/engine.js";
import { add } from "../tensor/ops/elementwise.js";
import { Progress } from "../terminal/progress.js";
import { createOptimizer } from "./create-optimizer.js";
import { expectedBytes, outlineOf, type PhaseMemory, planTraining, refuseIfTooLarge } from "./memory-plan.js";
import { printPlan } from "./plan-lines.js";
import { trainStep } from "./step.js";

const small = { hidden_size: 32, num_hidden_layers: 2, intermediate_size: 48, max_position_embeddings: 64 };
const moe = { moe_intermediate_size: 16, n_routed_experts: 4, kv_lora_rank: 16 };
const config = parseHfConfig({ ...MODEL_PRESETS["deepseek-tiny"], ...small, ...moe, vocab_size: 50 });
const sequences = Array.from({ length: 12 }, (_, s) => ({
  ids: Int32Array.from({ length: 20 + s }, (_, i) => (i * 7 + s) % 50),
}));
const loss = { mtpWeight: 0.3, balanceAlpha: 1e-4, routerBiasStep: 1e-3 };
const backend = await openBackend();

beforeEach(() => setDefaultDevice(new Device(backend)));

describe.each(["f32", "bf16"] as const)("a plan of a training step in %s", (compute) => {
  test.each([
    ["one micro-batch", 1000, "adamw"],
    ["many micro-batches, the plan looking at two", 100, "adamw"],
    ["Muon", 1000, "muon"],
  ] as const)("foresees the peak of live memory to the byte: %s", async (_, microBatchTokens, name) => {
    const options = { ...loss, microBatchTokens, optimizer: name };
    const plan = await planTraining({ config, compute }, "pretraining", { sequences: sequences.slice(0, 6) }, options);
    const model = createModel(config, { compute });
    const optimizer = createOptimizer(model.parameters, name);
    await trainStep(model, optimizer, sequences.slice(0, 6), { ...options, lr: 1e-3 });
    expect(plan.peak).toBe(defaultDevice().memory().peakLiveBytes);
    expect(plan.weights + plan.gradients + plan.moments).toBeLessThan(plan.peak);
    optimizer.dispose();
    model.dispose();
  });
});

test("recomputing layers is foreseen to take less memory and more work", async () => {
  const stored = await planTraining(
    { config, compute: "f32" },
    "pretraining",
    { sequences },
    { ...loss, microBatchTokens: 1000 },
  );
  const recomputed = await planTraining(
    { config, compute: "f32" },
    "pretraining",
    { sequences },
    { ...loss, microBatchTokens: 1000, recomputeLayers: true },
  );
  expect(recomputed.peak).toBeLessThan(stored.peak);
  expect(recomputed.flops).toBeGreaterThan(stored.flops);
});

test("a plan of sampling foresees the peak within a twentieth", async () => {
  const sizes = { maxSequences: 6, promptTokens: 10, maxNewTokens: 20, trains: false };
  const plan = await planSampling({ config, compute: "f32" }, "rollouts", sizes);
  const model = createModel(config);
  const requests = Array.from({ length: 6 }, (_, seed) => ({
    prompt: new Int32Array(10).fill(1),
    seed,
    maxNewTokens: 20,
  }));
  await generate(model, requests, { maxSequences: 6, stopIds: [] });
  const measured = defaultDevice().memory().peakLiveBytes;
  expect(plan.peak / measured).toBeGreaterThan(0.95);
  expect(plan.peak / measured).toBeLessThan(1.05);
  model.dispose();
});

test("sampling whose cache alone is more than the memory is not tried out, and is told as it is", async () => {
  const startedMs = performance.now();
  const plan = await planSampling({ config, compute: "f32" }, "rollouts", {
    maxSequences: 100_000_000,
    promptTokens: 10,
    maxNewTokens: 20,
    trains: true,
  });
  expect(plan.cache).toBeGreaterThan(availableBytes());
  expect(plan.peak).toBeGreaterThanOrEqual(plan.cache);
  expect(performance.now() - startedMs).toBeLessThan(10_000);
});

test("parameters are counted as a model has them", () => {
  const model = createModel(config);
  expect(outlineOf({ config, compute: "f32" })).toMatchObject({
    total: model.parameters.numTrained,
    active: model.numActiveParameters,
  });
  model.dispose();
});

test(
  "planning touches no device but its own: neither memory, nor the work counted, nor what others " +
    "compute meanwhile",
  async () => {
    const before = defaultDevice().memory();
    const sampling = { maxSequences: 2, promptTokens: 4, maxNewTokens: 4, trains: false };
    const plans = [
      planTraining({ config, compute: "bf16" }, "a", { sequences }, { ...loss, microBatchTokens: 100 }),
      planSampling({ config, compute: "bf16" }, "b", sampling),
    ];
    let isPlanning = true;
    const planned = Promise.all(plans).finally(() => (isPlanning = false));
    let reads = 0;
    while (isPlanning) {
      const sum = await scopeAsync(async () => Array.from(await add(tensor([1, 2], [2]), tensor([2, 2], [2])).data()));
      expect(sum).toEqual([3, 4]);
      reads++;
      await new Promise(setImmediate);
    }
    await planned;
    expect(reads).toBeGreaterThan(1);
    expect(defaultDevice().memory()).toMatchObject({ liveBuffers: before.liveBuffers, liveBytes: before.liveBytes });
    expect(defaultDevice().memory().peakLiveBytes).toBeLessThanOrEqual(3 * 256);
    expect(defaultDevice().meter.calls).toBe(reads);
  },
);

test("a model of DeepSeek-V3's size is planned without its memory", async () => {
  const v3 = {
    ...{
      model_type: "deepseek_v3",
      vocab_size: 129280,
      hidden_size: 7168,
      intermediate_size: 18432,
      moe_intermediate_size: 2048,
      num_hidden_layers: 61,
    },
    ...{
      num_attention_heads: 128,
      n_routed_experts: 256,
      num_experts_per_tok: 8,
      first_k_dense_replace: 3,
      q_lora_rank: 1536,
      kv_lora_rank: 512,
    },
    ...{
      qk_nope_head_dim: 128,
      qk_rope_head_dim: 64,
      v_head_dim: 128,
      max_position_embeddings: 163840,
      num_nextn_predict_layers: 0,
    },
  };
  const { total, active } = outlineOf({ config: parseHfConfig(v3), compute: "bf16" });
  // The paper: 671B in all, 37B active.
  expect(total / 1e9).toBeCloseTo(671, 0);
  expect(active / 1e9).toBeGreaterThan(36);
  expect(active / 1e9).toBeLessThan(38.5);
});

describe("what will not fit", () => {
  const phase = (name: string, parts: Partial<PhaseMemory>): PhaseMemory => {
    const sizes = { weights: 0, gradients: 0, moments: 0, cache: 0, activations: 0, ...parts };
    return {
      name,
      flops: 0,
      host: 0,
      ...sizes,
      peak: sizes.weights + sizes.gradients + sizes.moments + sizes.cache + sizes.activations,
    };
  };
  const remedies = () => ({ model: "turn the model", activations: "turn the tokens", cache: "turn the sequences" });
  const GiB = 2 ** 30;

  test("is refused with the figures and the option to lower for the largest part", () => {
    const refuse = (parts: Partial<PhaseMemory>) => () =>
      refuseIfTooLarge([[phase("updates", parts)]], remedies, 4 * GiB);
    expect(refuse({ weights: GiB, activations: 8 * GiB })).toThrow(
      /about 10\.\d GiB is needed, but only 4\.0 GiB is free; updates: 9\.0 GiB .*turn the tokens/,
    );
    expect(refuse({ weights: GiB, cache: 8 * GiB })).toThrow("turn the sequences");
    expect(refuse({ weights: 2 * GiB, moments: 4 * GiB, activations: 3 * GiB })).toThrow("turn the model");
    expect(refuse({ weights: GiB })).not.toThrow();
  });
  test("phases of one stage add up but for what they share; stages do not", () => {
    const [a, b] = [
      phase("rollouts", { weights: GiB, cache: GiB }),
      phase("updates", { weights: GiB, activations: 2 * GiB }),
    ];
    expect(expectedBytes([[a, b]]) - expectedBytes([[b]])).toBeCloseTo(
      expectedBytes([[a]]) - expectedBytes([[phase("none", { weights: GiB })]]),
      -1,
    );
    expect(expectedBytes([[a], [b]])).toBe(expectedBytes([[b]]));
  });
  test("the plan names every part that takes room", () => {
    let printed = "";
    const progress = new Progress({ mode: "plain", stream: { write: (text) => (printed += text) } });
    const MiB = 2 ** 20;
    const updates = phase("updates", { weights: MiB, activations: 3 * MiB });
    printPlan(progress, [["model", "small"]], [[updates]], remedies);
    expect(printed).toMatch(/^ +model +small\n/);
    expect(printed).toMatch(/memory +about .* of .* free/);
    expect(printed).toMatch(/updates: 4\.0 MiB \(weights 1\.0 MiB, activations 3\.0 MiB\)/);
  });
});
