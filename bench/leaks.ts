// Claim: after each of 200 training steps, sampling in between, as many buffers are live as before.
import { generate } from "../src/inference/runtime/generate.js";
import { createModel } from "../src/models/create.js";
import { parseHfConfig } from "../src/models/hf-config.js";
import { Device, defaultDevice, setDefaultDevice } from "../src/tensor/device.js";
import { nativeBackend } from "./ceilings.js";
import type { Claim } from "./claim.js";
import { shapes, TrainingWorkload } from "./workload.js";

const STEPS = 200;
const SAMPLE_EVERY = 20;

/** The DeepSeek shape made small: every kind of layer, a few thousand parameters. */
const small = {
  ...shapes.models.deepseek,
  vocab_size: 96,
  hidden_size: 32,
  intermediate_size: 48,
  moe_intermediate_size: 16,
  num_hidden_layers: 2,
  q_lora_rank: 16,
  kv_lora_rank: 16,
  qk_nope_head_dim: 8,
  qk_rope_head_dim: 8,
  v_head_dim: 8,
  n_routed_experts: 4,
  num_experts_per_tok: 2,
};

export const leaks: Claim = async ({ threads }) => {
  setDefaultDevice(new Device(nativeBackend(threads)));
  const model = createModel(parseHfConfig(small), { compute: "bf16", seed: 1 });
  const workload = new TrainingWorkload(model);
  const sequences = () => workload.nextBatch().map(({ ids }) => ({ ids: Array.from(ids).slice(0, 33) }));
  await workload.step(sequences());
  const before = defaultDevice().memory().liveBuffers;
  let most = before;
  for (let i = 1; i <= STEPS; i++) {
    await workload.step(sequences());
    if (i % SAMPLE_EVERY === 0)
      await generate(model, [{ prompt: [1, 2, 3], seed: i, maxNewTokens: 8 }], { stopIds: [] });
    most = Math.max(most, defaultDevice().memory().liveBuffers);
  }
  const note = `${before} live buffers before and ${defaultDevice().memory().liveBuffers} after ${STEPS} steps`;
  return [
    {
      claim: "leaks",
      what: `buffers gained in ${STEPS} steps`,
      unit: "buffers",
      ours: most - before,
      reached: most - before,
      target: { atMost: 0 },
      note,
    },
  ];
};
