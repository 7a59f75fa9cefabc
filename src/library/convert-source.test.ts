// What a conversion to GGUF keeps of end tokens, and what it says of llama.cpp.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { ggufLayout } from "../checkpoint/gguf-layout.js";
import { convertToGguf, convertToHuggingFace, hostTensor, type TensorSource } from "../checkpoint/index.js";
import { openForInference } from "../inference/opening/open-for-inference.js";
import { parseHfConfig } from "../models/hf-config.js";
import { publishedConfig } from "../models/published.js";
import { Device } from "../tensor/device.js";
import { createByteTokenizer } from "../tokenizer/byte-tokenizer.js";
import { type ConvertibleModel, ggufExtras, ggufWarnings, openConvertible } from "./convert-source.js";

const device = new Device(createReferenceBackend());
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "luciole-convert-source-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const ENDS = ["<|end_of_text|>", "<|eom_id|>", "<|eot_id|>", "<a>", "<b>"];
const sizes = {
  hidden_size: 8,
  intermediate_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  max_position_embeddings: 16,
};
const config = parseHfConfig({ model_type: "llama", vocab_size: 261, ...sizes, eos_token_id: 256 });

/** Llama 3's ends: one in config.json, three in generation_config.json. */
function model(ends: readonly number[]): ConvertibleModel {
  const tokenizer = JSON.stringify(createByteTokenizer({ tags: ENDS }).toJSON());
  const shapes = new Map(
    ggufLayout(config).flatMap(({ sources }) => sources.map(({ name, shape }) => [name, shape] as const)),
  );
  const read = async (name: string) =>
    hostTensor(new Float32Array(shapes.get(name)!.reduce((n, d) => n * d, 1)), shapes.get(name)!);
  const info = (name: string) => ({
    dtype: "f32" as const,
    shape: shapes.get(name)!,
    sizeBytes: 4 * shapes.get(name)!.reduce((n, d) => n * d, 1),
  });
  const weights = {
    metadata: {},
    names: [...shapes.keys()],
    has: (name: string) => shapes.has(name),
    info,
    placement: () => null,
    read,
    close: async () => {},
  };
  const files = { "tokenizer.json": tokenizer, "tokenizer_config.json": '{"eos_token": "<|eot_id|>"}' };
  return {
    name: "m",
    config,
    weights: weights as TensorSource,
    files,
    generationConfig: { eos_token_id: ends },
    close: async () => {},
  };
}

test("a list of ends goes into a GGUF file and comes back", async () => {
  const source = model([256, 257, 258]);
  const extras = ggufExtras(source);
  const ids = Object.fromEntries(
    extras.flatMap(([key, , value]) => (/e\w\w_token_id$/.test(key) ? [[key.split(".")[2], value]] : [])),
  );
  expect(ids).toEqual({ eos_token_id: 258, eom_token_id: 257, eot_token_id: 256 });
  expect(ggufWarnings(source, extras)).toEqual([]);
  const path = join(directory, "ends.gguf");
  await convertToGguf(path, source, "f32", extras);
  const back = await openConvertible(path);
  expect(back.config.eos_token_id).toEqual([258, 256, 257]);
  expect(back.generationConfig).toEqual({ eos_token_id: [258, 256, 257] });
  const folder = join(directory, "ends");
  await convertToHuggingFace(folder, back, "f32", back);
  await back.close();
  for (const each of [path, folder]) {
    const opened = await openForInference(each, { device });
    expect([...opened.stopIds].sort()).toEqual([256, 257, 258]);
    opened.model.dispose();
  }
});

test("ends that neither a key nor their text keeps are named", () => {
  const source = model([256, 257, 258, 259, 260]);
  expect(ggufWarnings(source, ggufExtras(source))).toEqual([
    "a GGUF file can name up to three end tokens; left out: 259, 260",
  ]);
});

test("what llama.cpp computes otherwise is said", () => {
  const warnings = (changes: object, shape = "v2") =>
    ggufWarnings({ ...model([]), config: parseHfConfig({ ...publishedConfig(shape), ...changes }) }, []).join("\n");
  expect(warnings({ eos_token_id: [] })).toContain(
    "llama.cpp chooses expert groups by the sum of their two best experts",
  );
  expect(warnings({ eos_token_id: [] }, "v3")).toBe("");
  expect(warnings({ eos_token_id: [], rms_norm_eps: 1e-5 }, "v3")).toContain(
    "rms_norm_eps 0.00001 for the latent norms, where this model uses 1e-6",
  );
  expect(warnings({ eos_token_id: [], n_shared_experts: 0 }, "v3")).toContain("n_shared_experts 0");
  expect(warnings({ eos_token_id: [], num_hidden_layers: 27 }, "v3")).toContain("which has no q_lora_rank");
});
