// How models are sampled by default.
import { expect, test } from "vitest";
import { createByteTokenizer } from "../../tokenizer/byte-tokenizer.js";
import { samplingDefaults } from "./sampling-defaults.js";

const plain = createByteTokenizer();
const r1 = Object.assign(Object.create(createByteTokenizer({ tags: ["<｜Assistant｜>"] })), {
  config: { chat_template: "{{ x.split('</think>') }}" },
});

test("what generation_config.json says comes first, then DeepSeek's advice for its R1 family, then nothing", () => {
  expect(samplingDefaults({}, plain)).toEqual({ temperature: 1, topP: 1, topK: 0 });
  expect(samplingDefaults({}, r1)).toEqual({ temperature: 0.6, topP: 0.95, topK: 0 });
  expect(samplingDefaults({ temperature: 0.3, top_k: 20 }, r1)).toEqual({ temperature: 0.3, topP: 0.95, topK: 20 });
  expect(samplingDefaults({ do_sample: false }, plain).temperature).toBe(0);
});
