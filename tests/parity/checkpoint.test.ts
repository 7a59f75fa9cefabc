// Weights through files: what transformers saved is what we save, and a model loaded again is the same to the bit.

import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/checkpoint/index.js";
import { type WritableTensor, writeModelDirectory } from "../../src/checkpoint/index.js";
import { createModel } from "../../src/models/create.js";
import { toHfConfigJson } from "../../src/models/hf-config.js";
import type { LanguageModel } from "../../src/models/language-model.js";
import { storedWeights } from "../../src/models/weights.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { fastestBackend } from "./backends.js";
import { forwardLogits } from "./full-forward.js";
import { goldenPath, loadModel, readCase, readModel } from "./golden-case.js";
import { parametersOf, train } from "./training-run.js";

const caseNames = readdirSync(goldenPath("cases"));
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "luciole-parity-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe.each(fastestBackend)("on the $name backend", (backend) => {
  beforeAll(() => setDefaultDevice(new Device(backend)));

  test.each(caseNames)("%s: loaded and saved again, every tensor keeps its name, shape and bytes", async (name) => {
    const golden = await readCase(name);
    const model = await loadModel(golden);
    const saved = await storedWeights(model.parameters);
    model.dispose();
    expect([...saved.keys()].sort()).toEqual([...golden.weights.keys()].sort());
    for (const [tensorName, { shape, data }] of saved) {
      expect(shape).toEqual(golden.weights.get(tensorName)?.shape);
      expect(Buffer.compare(data, golden.weights.get(tensorName)?.data as Uint8Array)).toBe(0);
    }
  });

  test.each(["qwen2-tied", "deepseek-v3-mtp-post-norm"])(
    "%s: a trained model written to a directory and read back is the same to the bit",
    async (name) => {
      const { config, sequences } = await readCase(name);
      const model = createModel(config, { seed: 1, compute: "bf16" });
      await train(model, sequences, 3);
      const path = join(directory, "model");
      await save(model, path);
      const read = await readModel(path);
      const loaded = await loadModel(read, { seed: 2, compute: "bf16" });
      const ids = sequences.map((s) => Array.from(s.ids));
      expect(await parametersOf(loaded)).toEqual(await parametersOf(model));
      // The bf16 copies that compute must have followed the masters.
      expect(await forwardLogits(loaded, ids)).toEqual(await forwardLogits(model, ids));
      expect(read.weights.has("lm_head.weight")).toBe(!config.tie_word_embeddings);
      for (const m of [model, loaded]) m.dispose();
    },
  );
});

async function save(model: LanguageModel, path: string): Promise<void> {
  const weights = new Map<string, WritableTensor>();
  for (const [name, stored] of await storedWeights(model.parameters)) weights.set(name, { dtype: "f32", ...stored });
  await writeModelDirectory(path, { config: toHfConfigJson(model.config) as JsonObject, weights });
}
