// Files that differ from what we write and are sound all the same: each opens, and computes what transformers would.
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createReferenceBackend } from "../../backends/reference.js";
import {
  convertToGguf,
  convertToHuggingFace,
  type HostTensor,
  hostTensor,
  openModelTensors,
  readAllTensors,
  writeSafetensors,
} from "../../checkpoint/index.js";
import { Device, setDefaultDevice } from "../../tensor/device.js";
import { createByteTokenizer } from "../../tokenizer/byte-tokenizer.js";
import { modelLocation } from "./model-location.js";
import { openFiles } from "./model-source.js";
import { openForInference } from "./open-for-inference.js";
import { openModel } from "./open-model.js";
import { samplingDefaults } from "./sampling-defaults.js";

let directory: string;
beforeAll(async () => {
  setDefaultDevice(new Device(createReferenceBackend()));
  directory = await mkdtemp(join(tmpdir(), "luciole-sound-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const tokenizer = createByteTokenizer();
let copies = 0;

/** A copy of a golden model with a tokenizer, its tensors and configuration changed. */
async function copyOf(
  name: string,
  change: (tensors: Map<string, HostTensor>, config: Record<string, unknown>) => void = () => {},
): Promise<string> {
  const path = join(directory, `${name}-${copies++}`);
  await cp(fileURLToPath(new URL(`../../../tests/golden/cases/${name}`, import.meta.url)), path, { recursive: true });
  const source = await openModelTensors(path);
  const tensors = await readAllTensors(source);
  await source.close();
  const config = JSON.parse(await readFile(join(path, "config.json"), "utf8"));
  change(tensors, config);
  await rm(join(path, "model.safetensors"));
  await writeSafetensors(join(path, "model.safetensors"), tensors);
  await writeFile(join(path, "config.json"), JSON.stringify(config));
  await writeFile(join(path, "tokenizer.json"), JSON.stringify(tokenizer.toJSON()));
  return path;
}

/** Opens for training and for running, which must agree on the configuration. */
async function configOf(path: string) {
  const trained = await openModel(path);
  const run = await openForInference(path);
  expect(run.config).toEqual(trained.config);
  const names = new Set(trained.model.parameters.storedParts().map(({ part }) => part.name));
  trained.model.dispose();
  run.model.dispose();
  return { config: run.config, names };
}

describe("tied embeddings with a stored head", () => {
  const head = "lm_head.weight";
  test("that is the embedding stay tied", async () => {
    const path = await copyOf("qwen2-tied", (tensors) => tensors.set(head, tensors.get("model.embed_tokens.weight")!));
    const { config, names } = await configOf(path);
    expect([config.tie_word_embeddings, names.has(head)]).toEqual([true, false]);
  });

  test("that is another are untied, as in transformers", async () => {
    const path = await copyOf("qwen2-tied", (tensors) =>
      tensors.set(head, hostTensor(new Float32Array(64 * 32).fill(0.5), [64, 32])),
    );
    const { config, names } = await configOf(path);
    expect([config.tie_word_embeddings, names.has(head)]).toEqual([false, true]);
  });
});

describe("what a configuration or an index names and the weights do not have", () => {
  const withoutMtp = () =>
    copyOf("deepseek-v3-mtp-post-norm", (tensors) => {
      for (const name of [...tensors.keys()]) if (name.startsWith("model.layers.2.")) tensors.delete(name);
    });

  test("layers of multi-token prediction are done without, in training too", async () => {
    const { config } = await configOf(await withoutMtp());
    expect(config.num_nextn_predict_layers).toBe(0);
  });

  test("entries of an index that the model does not need are passed over, others are named", async () => {
    const path = await withoutMtp();
    const source = await openModelTensors(path);
    const names = source.names;
    await source.close();
    const index = async (more: Record<string, string>) => {
      const map = { ...Object.fromEntries(names.map((name) => [name, "weights.safetensors"])), ...more };
      await writeFile(join(path, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
    };
    await cp(join(path, "model.safetensors"), join(path, "weights.safetensors"));
    await rm(join(path, "model.safetensors"));
    await index({
      "model.layers.2.eh_proj.weight": "more.safetensors",
      "model.layers.2.enorm.weight": "weights.safetensors",
    });
    expect((await configOf(path)).config.num_nextn_predict_layers).toBe(0);
    await index({ "model.norm.weight": "more.safetensors" });
    await expect(openModel(path)).rejects.toThrow(
      "tensor model.norm.weight should be in more.safetensors but is not there; download both again",
    );
    await expect(openForInference(path)).rejects.toThrow("tensor model.norm.weight should be in more.safetensors");
  });
});

test("a model without shared experts opens, with the empty tensors that transformers writes or without", async () => {
  for (const keepsEmpty of [true, false]) {
    const path = await copyOf("deepseek-v3-yarn", (tensors, config) => {
      config.n_shared_experts = 0;
      for (const name of [...tensors.keys()].filter((each) => each.includes("shared_experts"))) {
        const [rows, columns] = tensors.get(name)!.shape;
        tensors.delete(name);
        if (keepsEmpty)
          tensors.set(name, hostTensor(new Float32Array(0), name.includes("down") ? [rows, 0] : [0, columns]));
      }
    });
    expect((await configOf(path)).config.n_shared_experts).toBe(0);
  }
});

test("FP8 directories are trained and evaluated from their decoded weights", async () => {
  const source = await openFiles(await copyOf("deepseek-v3-yarn"));
  const path = join(directory, "fp8");
  await convertToHuggingFace(path, { config: source.config, weights: source.opened.weights }, "e4m3", {
    files: { "tokenizer.json": JSON.stringify(tokenizer.toJSON()) },
  });
  await source.opened.close();
  expect((await configOf(path)).config.quantization_config).toMatchObject({ quant_method: "fp8" });
});

test("__metadata__ may be null", async () => {
  const path = await copyOf("qwen2-tied");
  const file = join(path, "model.safetensors");
  const bytes = await readFile(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
  const text = Buffer.from(JSON.stringify({ ...header, __metadata__: null }).padEnd(length));
  await writeFile(file, Buffer.concat([bytes.subarray(0, 8), text.subarray(0, length), bytes.subarray(8 + length)]));
  expect(text.length).toBe(length);
  await configOf(path);
});

test("vLLM's top_k −1 is no cut", () => {
  expect(samplingDefaults({ top_k: -1 }, tokenizer).topK).toBe(0);
});

describe("one file in the place of a directory", () => {
  test("weights, index and config.json stand for the directory they lie in", async () => {
    const path = await copyOf("qwen2-tied");
    for (const file of ["model.safetensors", "config.json"]) {
      expect(modelLocation(join(path, file))).toBe(path);
      (await openModel(join(path, file))).model.dispose();
      (await openForInference(join(path, file))).model.dispose();
    }
  });

  test("a directory of one GGUF file is that file; of several, they are named", async () => {
    const source = await openFiles(await copyOf("qwen2-tied"));
    const folder = await mkdtemp(join(directory, "gguf-"));
    await convertToGguf(
      join(folder, "model.gguf"),
      { config: source.config, weights: source.opened.weights },
      "f32",
      [],
    );
    await source.opened.close();
    await writeFile(join(folder, "mmproj-f16.gguf"), "");
    (await openForInference(folder)).model.dispose();
    await expect(openModel(folder)).rejects.toThrow("the file carries no tokenizer");
    await cp(join(folder, "model.gguf"), join(folder, "other-00001-of-00002.gguf"));
    await cp(join(folder, "model.gguf"), join(folder, "other-00002-of-00002.gguf"));
    await expect(openForInference(folder)).rejects.toThrow(
      "contains several GGUF files; choose one: model.gguf, other-00001-of-00002.gguf",
    );
  });
});
