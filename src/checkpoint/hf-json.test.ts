// Written configurations: every float carries a point, every whole number none, and the values are the same.
import { expect, test } from "vitest";
import { CheckpointError } from "../errors.js";
import { parseHfConfig, toHfConfigJson } from "../models/hf-config.js";
import { PUBLISHED_SHAPES, publishedConfig } from "../models/published.js";
import { FLOAT_KEYS, hfJson } from "./hf-json.js";

/** Lines `"key": number` of a written text, by key. */
const numbersOf = (text: string) =>
  [...text.matchAll(/^\s*"(\w+)": (-?[\d.e+-]+),?$/gm)].map(([, key, number]) => ({ key, number }));

test.each(PUBLISHED_SHAPES)(
  "%s: floats are written as floats, counts as counts, and all reads back the same",
  (name) => {
    const config = { ...publishedConfig(name), attention_dropout: 0 };
    const text = hfJson(toHfConfigJson(config), "config");
    expect(JSON.parse(text)).toEqual(toHfConfigJson(config));
    expect(parseHfConfig(JSON.parse(text))).toMatchObject(config);
    const numbers = numbersOf(text);
    expect(numbers.length).toBeGreaterThan(10);
    for (const { key, number } of numbers)
      expect({ key, isFloat: /[.e]/.test(number) }).toEqual({ key, isFloat: FLOAT_KEYS.has(key) });
  },
);

test("the numbers of DeepSeek-V2 that transformers takes as floats alone", () => {
  const text = hfJson(toHfConfigJson(publishedConfig("v2")), "config");
  expect(text).toContain('"routed_scaling_factor": 16.0,');
  expect(text).toContain('"n_routed_experts": 160,');
  expect(text).toContain('"mscale_all_dim": 1.0');
});

test("lists of floats, small and large numbers, and texts that look like numbers", () => {
  const value = {
    short_factor: [1, 1.5],
    temperature: 1e-7,
    rope_theta: 1e21,
    name: "12",
    eos_token_id: [1, 2],
    factor: -3,
    deeper: { top_p: 1 },
  };
  const text = hfJson(value, "config");
  expect(text.replaceAll(/\s/g, "")).toBe(
    '{"short_factor":[1.0,1.5],"temperature":1e-7,"rope_theta":1e+21,"name":"12","eos_token_id":[1,2],"factor":-3.0,"deeper":{"top_p":1.0}}',
  );
  expect(() => hfJson({ factor: Number.NaN }, "config")).toThrow(CheckpointError);
});

test("the caps of Gemma 2's scores and logits are floats", () => {
  const text = hfJson(
    { final_logit_softcapping: 30, attn_logit_softcapping: 50, query_pre_attn_scalar: 256 },
    "config",
  );
  expect(text).toContain('"final_logit_softcapping": 30.0,');
  expect(text).toContain('"attn_logit_softcapping": 50.0,');
  expect(text).toContain('"query_pre_attn_scalar": 256');
  expect(text).not.toContain("256.0");
});
