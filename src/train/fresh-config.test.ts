// Claims about architectures by name: a preset takes its tokenizer's vocabulary, a released shape keeps its own and has
// the numbers that were released, and training it is planned without its weights.
import { beforeAll, describe, expect, test } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { freshConfig, isShape } from "./fresh-config.js";
import { outlineOf, planTraining } from "./memory-plan.js";

const tokenizer = { vocabSize: 1000, bosId: 1, eosId: 2, padId: 0 };
const context = { verb: "distill", flag: "--student" };
const fresh = (name: string, fields: object = {}, vocabSize = 1000) =>
  freshConfig(name, { ...fields }, { ...tokenizer, vocabSize }, context);

beforeAll(() => setDefaultDevice(new Device(createReferenceBackend())));

/** Numbers of the models as they were released (model.safetensors.index.json of deepseek-ai/DeepSeek-R1-Distill-*). */
const RELEASED = [
  ["r1-distill-qwen-1.5b", 1_777_088_000, 151_936],
  ["r1-distill-qwen-7b", 7_615_616_512, 152_064],
  ["r1-distill-qwen-14b", 14_770_033_664, 152_064],
  ["r1-distill-qwen-32b", 32_763_876_352, 152_064],
  ["r1-distill-llama-8b", 8_030_261_248, 128_256],
  ["r1-distill-llama-70b", 70_553_706_496, 128_256],
] as const;

describe.each(RELEASED)("%s", (name, numbers, vocabulary) => {
  test("is a student's shape with the released numbers, whatever part of the vocabulary a tokenizer uses", async () => {
    expect(isShape(name)).toBe(true);
    const config = fresh(name);
    expect([config.vocab_size, config.eos_token_id]).toEqual([vocabulary, 2]);
    const model = { config, compute: "f32" as const };
    expect(outlineOf(model).total).toBe(numbers);
    const options = { microBatchTokens: 8, routerBiasStep: 0 };
    const { weights, gradients, moments } = await planTraining(
      model,
      "training",
      { sequences: [{ ids: [1, 2, 3] }] },
      options,
    );
    expect(gradients).toBe(4 * numbers);
    // Buffers have sizes of the pool, which are up to an eighth larger.
    for (const [planned, bytes] of [
      [weights, 4 * numbers],
      [moments, 8 * numbers],
    ]) {
      expect(planned).toBeGreaterThanOrEqual(bytes);
      expect(planned).toBeLessThan(1.125 * bytes);
    }
  });
});

test("a preset takes the tokenizer's vocabulary, and fields put onto it", () => {
  expect(fresh("llama-tiny", { num_hidden_layers: 2 })).toMatchObject({ vocab_size: 1000, num_hidden_layers: 2 });
});

test("what cannot be is refused by name", () => {
  expect(() => fresh("llama-tny")).toThrow(
    /--student llama-tny: expected deepseek-tiny, .*did you mean "llama-tiny"\?/,
  );
  expect(() => fresh("llama-tiny", { layers: 2 })).toThrow('distill: unknown option "model.layers"');
  expect(() => fresh("llama-tiny", { vocab_size: 2 })).toThrow("model.vocab_size has no effect: it follows from the");
  expect(() => fresh("r1-distill-qwen-1.5b", {}, 200_000)).toThrow(
    "the shape has 151936 tokens, but the tokenizer has 200000; choose a preset",
  );
});
