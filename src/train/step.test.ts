// The training step at its edges: micro-batch splits, and numbers that are not finite.
import { beforeEach, describe, expect, test } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { createModel } from "../models/create.js";
import { parseHfConfig } from "../models/hf-config.js";
import type { LanguageModel } from "../models/language-model.js";
import { AdamW } from "../optim/adamw.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { splitMicroBatches, trainStep } from "./step.js";

const deepseek = {
  model_type: "deepseek_v3",
  vocab_size: 7,
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  max_position_embeddings: 16,
  moe_intermediate_size: 4,
  n_routed_experts: 4,
  num_experts_per_tok: 2,
  n_group: 1,
  topk_group: 1,
  first_k_dense_replace: 1,
  q_lora_rank: null,
  kv_lora_rank: 4,
  qk_nope_head_dim: 4,
  qk_rope_head_dim: 2,
  v_head_dim: 4,
};
const config = parseHfConfig(deepseek);
const sequences = [{ ids: [1, 2, 3, 4, 5] }, { ids: [2, 3, 4, 5, 6] }];
const ofLengths = (...lengths: number[]) => lengths.map((n) => ({ ids: new Int32Array(n) }));
const lengthsOf = (batches: { ids: Int32Array }[][]) => batches.map((b) => b.map((s) => s.ids.length));

beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));

describe("micro-batches", () => {
  test("keep the order and stay within the limit", () => {
    expect(lengthsOf(splitMicroBatches(ofLengths(3, 3, 4, 1), 7))).toEqual([
      [3, 3],
      [4, 1],
    ]);
  });
  test("hold a sequence longer than the limit alone", () => {
    expect(lengthsOf(splitMicroBatches(ofLengths(2, 9, 2), 4))).toEqual([[2], [9], [2]]);
  });
  test("are one without a limit, and none without sequences", () => {
    expect(lengthsOf(splitMicroBatches(ofLengths(2, 9, 2), Number.POSITIVE_INFINITY))).toEqual([[2, 9, 2]]);
    expect(splitMicroBatches([], Number.POSITIVE_INFINITY)).toEqual([]);
  });
});

/** The stored bytes of all parameters and router biases, and of the moments. */
async function bitsOf(model: LanguageModel, optimizer: AdamW): Promise<Uint8Array[]> {
  const parameters = [...(await model.parameters.read()).values()].map(({ data }) => data);
  return [...parameters, ...(await Promise.all([...optimizer.state().values()].map((t) => t.bytes())))];
}

describe("expert shares", () => {
  const options = { lr: 1e-3, microBatchTokens: 100, routerBiasStep: 0 };
  const shares = async (mtpWeight: number) => {
    const model = createModel(parseHfConfig({ ...deepseek, num_nextn_predict_layers: 1 }), { seed: 3 });
    const optimizer = new AdamW(model.parameters.trained());
    const { expertLoad } = await trainStep(model, optimizer, sequences, { ...options, mtpWeight });
    optimizer.dispose();
    model.dispose();
    return expertLoad;
  };

  test("are named by the layer's number in the model, the prediction block apart", async () => {
    const load = await shares(0.3);
    expect(Object.keys(load)).toEqual(["1", "mtp1"]);
    for (const each of Object.values(load)) expect(each.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
  });

  test("are absent for a block that was not run", async () => {
    expect(Object.keys(await shares(0))).toEqual(["1"]);
  });
});

describe("a step whose numbers are not finite", () => {
  const step = (model: LanguageModel, optimizer: AdamW) =>
    trainStep(model, optimizer, sequences, { lr: 0.1, microBatchTokens: 100, routerBiasStep: 0.5, balanceAlpha: 1e-4 });

  test("leaves parameters, moments and router biases as they were", async () => {
    const model = createModel(config, { seed: 1 });
    const optimizer = new AdamW(model.parameters.trained());
    await step(model, optimizer);
    const norm = model.parameters.specs.find((s) => s.name === "model.norm.weight");
    model.parameters.write(
      "model.norm.weight",
      0,
      norm!.shape,
      new Uint8Array(new Float32Array(8).fill(Number.NaN).buffer),
    );
    const before = await bitsOf(model, optimizer);
    const result = await step(model, optimizer);
    expect(result.loss).toBeNaN();
    expect(result.gradNorm).toBeNaN();
    expect(await bitsOf(model, optimizer)).toEqual(before);
    expect(optimizer.stepCount).toBe(1);
    expect(model.parameters.trained().every((p) => p.grad === null)).toBe(true);
  });

  test("is told from one with finite numbers, which moves all three", async () => {
    const model = createModel(config, { seed: 1 });
    const optimizer = new AdamW(model.parameters.trained());
    const before = await bitsOf(model, optimizer);
    const { loss, gradNorm } = await step(model, optimizer);
    expect(Number.isFinite(loss) && Number.isFinite(gradNorm)).toBe(true);
    const after = await bitsOf(model, optimizer);
    const names = [...model.parameters.storedParts().map(({ part }) => part.name), ...optimizer.state().keys()];
    const same = names.filter((_, i) => Buffer.compare(before[i], after[i]) === 0);
    expect(
      same.some((name) => name.includes("e_score_correction_bias") || name.includes("lm_head") || name.endsWith(".m")),
    ).toBe(false);
  });
});
