// Several devices at work in one process, step by step in turn: training on one, decoding on another, a memory plan on
// shapes between, each with the results that it has alone; and every buffer goes back to the pool it came from.
import { describe, expect, it } from "vitest";
import { createShapesDevice } from "../../src/backends/shapes.js";
import { Engine } from "../../src/inference/runtime/engine.js";
import { PagedRunner } from "../../src/inference/runtime/paged-runner.js";
import { createModel } from "../../src/models/create.js";
import { parseHfConfig } from "../../src/models/hf-config.js";
import { AdamW } from "../../src/optim/adamw.js";
import type { Backend } from "../../src/tensor/backend.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { planTraining } from "../../src/train/memory-plan.js";
import { trainStep } from "../../src/train/step.js";
import { backends, fastestBackend } from "./backends.js";

const config = parseHfConfig({
  model_type: "deepseek_v3",
  vocab_size: 23,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  max_position_embeddings: 128,
  moe_intermediate_size: 8,
  n_routed_experts: 4,
  num_experts_per_tok: 2,
  n_shared_experts: 1,
  n_group: 1,
  topk_group: 1,
  first_k_dense_replace: 1,
  num_nextn_predict_layers: 1,
  q_lora_rank: null,
  kv_lora_rank: 8,
  qk_nope_head_dim: 8,
  qk_rope_head_dim: 4,
  v_head_dim: 8,
});
const sequences = Array.from({ length: 4 }, (_, s) => ({ ids: Array.from({ length: 9 }, (_, i) => (3 * s + i) % 23) }));
const stepOptions = { lr: 1e-2, microBatchTokens: 16, routerBiasStep: 1e-3, mtpWeight: 0.3, balanceAlpha: 1e-3 };
const NUM_STEPS = 5;

/** A piece of work on one device, told what it found after each step; frees all it made at the end. */
type Work = AsyncGenerator<unknown, void>;

async function* training(device: Device): Work {
  const model = createModel(config, { seed: 3, device });
  const optimizer = new AdamW(model.parameters.trained());
  for (let step = 0; step < NUM_STEPS; step++) {
    const { loss, gradNorm, expertLoad } = await trainStep(model, optimizer, sequences, stepOptions);
    yield { loss, gradNorm, expertLoad };
  }
  yield [...(await model.parameters.read()).values()].map(({ data }) => data);
  optimizer.dispose();
  model.dispose();
}

async function* decoding(device: Device): Work {
  const model = createModel(config, { seed: 4, device });
  const runner = new PagedRunner(model, {
    cacheKind: "latent",
    cacheType: "f32",
    cacheTokens: 256,
    usesDrafts: true,
  });
  const engine = new Engine({ runner });
  for (let step = 0; step < NUM_STEPS; step++) {
    const requests = [0, 1].map((seed) =>
      engine.submit({ prompt: [1, 2, 3, 4 + step], maxNewTokens: 6, sampling: { temperature: 1, seed } }),
    );
    yield await Promise.all(requests.map(({ result }) => result.then(({ ids, logProbs }) => ({ ids, logProbs }))));
  }
  await engine.close();
  runner.dispose();
  model.dispose();
}

async function* planning(device: Device): Work {
  const { lr: _, ...options } = stepOptions;
  for (let step = 0; step < NUM_STEPS; step++)
    yield await planTraining({ config, compute: "f32", device }, "training", { sequences }, options);
}

/** What some works find, taking turns by step. */
async function inTurns(works: readonly Work[]): Promise<unknown[][]> {
  const found = works.map((): unknown[] => []);
  for (let running = works.length; running > 0; ) {
    running = 0;
    for (const [i, work] of works.entries()) {
      const { done, value } = await work.next();
      if (done) continue;
      found[i].push(value);
      running++;
    }
  }
  return found;
}

/** What some works find when nobody waits for anybody. */
const atOnce = (works: readonly Work[]): Promise<unknown[][]> =>
  Promise.all(works.map(async (work) => (await inTurns([work]))[0]));

const kinds = [training, decoding, planning];
const [reference] = backends;
const [best] = fastestBackend;

describe.each<[string, readonly Backend[]]>([
  ["training natively, decoding on the reference", [best, reference, best]],
  ["training on the reference, decoding natively", [reference, best, reference]],
  ["two native devices", [best, best, best]],
])("%s, and a memory plan", (_, chosen) => {
  it.each([
    ["step by step in turn", inTurns],
    ["all at once", atOnce],
  ])("%s, find what they find alone, and leave each pool as it was", async (_, together) => {
    // What is created without a device would show here.
    const elsewhere = createShapesDevice();
    setDefaultDevice(elsewhere);
    const alone: unknown[][] = [];
    const flops: number[] = [];
    for (const [i, kind] of kinds.entries()) {
      const device = new Device(chosen[i]);
      alone.push(...(await inTurns([kind(device)])));
      flops.push(device.meter.flops);
    }
    const devices = chosen.map((backend) => new Device(backend));
    const found = await together(kinds.map((kind, i) => kind(devices[i])));
    for (const [i, each] of found.entries()) expect(each, kinds[i].name).toEqual(alone[i]);
    expect(devices.map(({ meter }) => meter.flops)).toEqual(flops);
    for (const device of devices) expect(device.memory()).toMatchObject({ liveBuffers: 0, liveBytes: 0 });
    expect(elsewhere.meter.calls).toBe(0);
    expect(elsewhere.memory().peakLiveBytes).toBe(0);
  });
});
