// The routed experts of every layer held by several models, against one model with all of them: the same bits in
// training and in steps over a cache.
import { beforeAll, describe, expect, test } from "vitest";
import { createModel } from "../../src/models/create.js";
import { parseHfConfig } from "../../src/models/hf-config.js";
import type { LanguageModel, ModelOptions } from "../../src/models/language-model.js";
import type { ExpertExchange } from "../../src/nn/routed-experts.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import { add } from "../../src/tensor/ops/elementwise.js";
import type { TrainSequence } from "../../src/train/batch.js";
import { backends } from "./backends.js";
import { steppedLogits } from "./paged-stepping.js";
import {
  bytesOf,
  differingBits,
  floatsOf,
  fullLoss,
  gradientsOf,
  type NamedNumbers,
  parametersOf,
} from "./training-run.js";

const computeTypes: readonly ComputeType[] = ["f32", "bf16"];

/** Four experts a token: the order in which their outputs and gradients are added shows in the bits. */
const sizes = {
  vocab_size: 40,
  hidden_size: 24,
  intermediate_size: 20,
  moe_intermediate_size: 9,
  num_hidden_layers: 3,
  num_experts_per_tok: 4,
  max_position_embeddings: 64,
  initializer_range: 0.3,
};
const deepseek = {
  model_type: "deepseek_v3",
  first_k_dense_replace: 1,
  num_attention_heads: 2,
  q_lora_rank: null,
  kv_lora_rank: 8,
  qk_nope_head_dim: 6,
  qk_rope_head_dim: 4,
  v_head_dim: 6,
  n_routed_experts: 8,
  n_shared_experts: 1,
  n_group: 4,
  topk_group: 3,
  num_nextn_predict_layers: 1,
};
const qwen = { model_type: "qwen3_moe", num_attention_heads: 2, num_key_value_heads: 1, head_dim: 8, num_experts: 8 };
const configs = { deepseek, qwen };

const sequences: TrainSequence[] = [
  [3, 17, 5, 5, 39, 8, 21, 0, 2],
  [30, 31, 32, 33, 1],
  [9, 8, 9, 8, 7, 12, 13],
].map((ids) => ({ ids }));

/** Models of which each holds a range of the experts. All but the first compute for it. */
function divided(make: (options: ModelOptions) => LanguageModel, cuts: readonly number[]): LanguageModel[] {
  const models: LanguageModel[] = [];
  // What a network would carry stays where it is: every holder gets all rows and leaves zeros where they are not its.
  const exchange: ExpertExchange = (rows, offsets, own) =>
    models
      .flatMap(({ moeLayers }) => moeLayers.filter(({ prefix }) => prefix === own.prefix))
      .map(({ routed }) => routed.compute(rows, { offsets: routed.ownOffsets(offsets) }))
      .reduce(add);
  for (const [i, end] of cuts.slice(1).entries()) models.push(make({ experts: { range: [cuts[i], end], exchange } }));
  return models;
}

async function withModels(
  name: keyof typeof configs,
  compute: ComputeType,
  cuts: readonly number[],
  body: (whole: LanguageModel, parts: LanguageModel[]) => Promise<void>,
): Promise<void> {
  const config = parseHfConfig({ ...sizes, ...configs[name] });
  const make = (options: ModelOptions = {}) => createModel(config, { ...options, compute, seed: 4 });
  const whole = make();
  const parts = divided(make, cuts);
  await body(whole, parts);
  for (const model of [whole, ...parts]) model.dispose();
}

const gradientsIn = ({ parameters }: LanguageModel): Promise<NamedNumbers> => floatsOf(parameters.read((p) => p.grad));

describe.each(backends)("on the $name backend", (backend) => {
  beforeAll(() => setDefaultDevice(new Device(backend)));

  describe.each(computeTypes)("in %s", (compute) => {
    describe.each(["deepseek", "qwen"] as const)("%s", (name) => {
      test.each([
        [[0, 4, 8], false],
        [[0, 1, 8], false],
        [[0, 3, 5, 8], true],
      ])(
        "experts cut at %s: loss, every gradient and the loads equal the whole's, to the bit (recomputed: %s)",
        async (cuts, recomputeLayers) => {
          await withModels(name, compute, cuts, async (whole, [first, ...others]) => {
            const options = { ...fullLoss, recomputeLayers };
            const expected = await gradientsOf(whole, [sequences.slice(0, 2), sequences.slice(2)], options);
            const actual = await gradientsOf(first, [sequences.slice(0, 2), sequences.slice(2)], options);
            const elsewhere = await Promise.all(others.map(gradientsIn));
            const gradients = new Map([actual.gradients, ...elsewhere].flatMap((part) => [...part]));
            expect(differingBits(gradients, expected.gradients)).toEqual([]);
            expect([actual.loss, actual.loads]).toEqual([expected.loss, expected.loads]);
            for (const part of elsewhere)
              for (const tensor of part.keys()) expect(tensor).toMatch(/\.mlp\.experts\.\d+\./);
          });
        },
      );

      test("steps over a cache equal the whole's, to the bit", async () => {
        await withModels(name, compute, [0, 3, 8], async (whole, [first]) => {
          const ids = sequences.map(({ ids }) => Array.from(ids));
          const plan = { promptLengths: [1, 5, 4], chunk: 3, stagger: 1, kind: "heads" } as const;
          const expected = await steppedLogits(whole, ids, plan);
          expect(bytesOf(await steppedLogits(first, ids, plan)).equals(bytesOf(expected))).toBe(true);
        });
      });
    });
  });

  test("parts hold the whole's initial numbers between them, and count them", async () => {
    await withModels("deepseek", "f32", [0, 3, 8], async (whole, parts) => {
      const held = await Promise.all(parts.map(parametersOf));
      expect(differingBits(new Map(held.flatMap((part) => [...part])), await parametersOf(whole))).toEqual([]);
      const experts = held.map((part) => [...part.keys()].filter((tensor) => tensor.includes(".mlp.experts.")).length);
      expect(experts).toEqual([3 * 3 * 3, 5 * 3 * 3]);
    });
  });
});
