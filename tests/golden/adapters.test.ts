// Adapters of PEFT over our models: logits, gradients of A and B and 50 AdamW steps as PEFT has them; merged weights
// give what the adapter gives; off, the base is left. peft_vectors.py writes the files.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { float32Values, type HostTensor, openModelDirectory, storedValues } from "../../src/checkpoint/index.js";
import { fillAdapters, openAdapter, refuseUnfit } from "../../src/inference/opening/adapter-files.js";
import { convertModel } from "../../src/library/convert.js";
import { adapterConfigJson, parseAdapterConfig } from "../../src/models/adapter-config.js";
import { createModel } from "../../src/models/create.js";
import type { LanguageModel } from "../../src/models/language-model.js";
import { loadWeights, storedWeights } from "../../src/models/weights.js";
import { AdamW } from "../../src/optim/adamw.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { scopeAsync } from "../../src/tensor/engine.js";
import { withTape } from "../../src/tensor/tape.js";
import { countTargets, makeTrainBatch, type TrainSequence } from "../../src/train/batch.js";
import { languageModelLoss } from "../../src/train/loss.js";
import { trainStep } from "../../src/train/step.js";
import { backends } from "../parity/backends.js";
import {
  asFloats,
  type GoldenCase,
  goldenPath,
  loadModel,
  meanDifference,
  readCase,
  readJson,
  readTensors,
  relativeDifference,
} from "../parity/golden-case.js";

interface AdapterRecord {
  readonly case: string;
  readonly loss: number;
  readonly learningRate: number;
  readonly losses: readonly number[];
}

interface Adapted {
  readonly model: LanguageModel;
  readonly golden: GoldenCase;
  readonly record: AdapterRecord;
  readonly expected: ReadonlyMap<string, HostTensor>;
}

const names = readdirSync(goldenPath("adapters"));
const place = (name: string): string => goldenPath(`adapters/${name}`);
const folder = mkdtempSync(join(tmpdir(), "luciole-adapters-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(backends)("on the $name backend", (backend) => {
  beforeAll(() => setDefaultDevice(new Device(backend)));

  test.each(names)("%s: logits equal PEFT's, and with the adapter off the base's to the bit", async (name) => {
    await withAdapter(name, async ({ model, golden, expected }) => {
      expect(relativeDifference(await logitsOf(model, golden.sequences), floats(expected, "logits"), 1)).toBeLessThan(
        1e-5,
      );
      model.parameters.adapters.active = null;
      const base = await loadModel(golden);
      expect(await logitsOf(model, golden.sequences)).toEqual(await logitsOf(base, golden.sequences));
      base.dispose();
    });
  });

  test.each(names)("%s: loss and the gradients of A and B equal PyTorch's", async (name) => {
    await withAdapter(name, async ({ model, golden, record, expected }) => {
      expect(Math.abs((await lossAndGradients(model, golden.sequences)) - record.loss)).toBeLessThan(5e-6);
      const gradients = await model.trainable.read((parameter) => parameter.grad);
      expect([...gradients.keys()].sort()).toEqual(
        [...expected.keys()].flatMap((key) => (key.startsWith("grad.") ? [key.slice(5)] : [])).sort(),
      );
      for (const [key, { data }] of gradients)
        expect(relativeDifference(asFloats(data), floats(expected, `grad.${key}`)), key).toBeLessThan(2e-5);
    });
  });

  test.each(names)("%s: 50 AdamW steps give PEFT's losses within 1e-3", async (name) => {
    await withAdapter(name, async ({ model, golden, record }) => {
      const optimizer = new AdamW(model.trainable.trained(), { maxNorm: Number.POSITIVE_INFINITY, weightDecay: 0 });
      const options = { lr: record.learningRate, microBatchTokens: 1000, routerBiasStep: 0 };
      for (const [step, expected] of record.losses.entries()) {
        const { loss } = await trainStep(model, optimizer, golden.sequences, options);
        expect(Math.abs(loss - expected), `step ${step}`).toBeLessThan(1e-3);
      }
      optimizer.dispose();
    });
  });

  test.each(names)("%s: merged, the model gives what the adapter gives", async (name) => {
    await withAdapter(name, async ({ model, golden, record }) => {
      const expected = await logitsOf(model, golden.sequences);
      const logitsMerged = async (type: "f32" | "bf16") => {
        const to = join(folder, `${backend.name}-${name}-${type}`);
        await convertModel(goldenPath(`cases/${record.case}`), to, { type, adapter: place(name) });
        const [files, merged] = [await openModelDirectory(to), createModel(golden.config)];
        await loadWeights(merged.parameters, (key) => storedValues(files.weights, key));
        await files.close();
        const logits = await logitsOf(merged, golden.sequences);
        merged.dispose();
        return logits;
      };
      expect(relativeDifference(await logitsMerged("f32"), expected, 1)).toBeLessThan(1e-5);
      // Near a routing tie a rounding takes a token to another expert: the mean is the measure.
      expect(meanDifference(await logitsMerged("bf16"), expected)).toBeLessThan(0.03);
    });
  });
});

test.each(names)("%s: what we write of it is what PEFT wrote", async (name) => {
  await withAdapter(name, async ({ model, record }) => {
    const written = await storedWeights(model.trainable);
    const theirs = await readTensors(join(place(name), "adapter_model.safetensors"));
    expect([...written.keys()].sort()).toEqual([...theirs.keys()].sort());
    for (const [key, { shape, data }] of written) {
      expect(shape).toEqual(theirs.get(key)?.shape);
      expect(asFloats(data)).toEqual(floats(theirs, key));
    }
    const config = adapterConfigJson(model.parameters.adapters.all[0], `tests/golden/cases/${record.case}`);
    const read = await readJson<Record<string, unknown>>(join(place(name), "adapter_config.json"));
    expect(parseAdapterConfig(config, "ours")).toEqual(parseAdapterConfig(read, "PEFT's"));
  });
});

test("an adapter for another base is refused with names and shapes", async () => {
  const adapter = await openAdapter(place("qwen2-all-linear"));
  const { config } = await readCase("deepseek-v3-q-lora-groups");
  expect(() => refuseUnfit(config, adapter)).toThrow(
    /does not fit this model: .*base_model\.model\.model\.layers\.0\.\S+lora_[AB]\.weight.* trained over tests\/golden\/cases\/qwen2-untied/,
  );
  const wider = { ...(await readCase("qwen2-untied")).config, intermediate_size: 96 };
  expect(() => refuseUnfit(wider, adapter)).toThrow(/down_proj\.lora_A\.weight.* are \[4,\d+\], expected \[4,96\]/);
  await adapter.close();
});

test("a setting that would change the result is refused by name", async () => {
  const config = JSON.parse(readFileSync(join(place("qwen2-all-linear"), "adapter_config.json"), "utf8"));
  for (const [key, value] of Object.entries({
    use_dora: true,
    bias: "all",
    rank_pattern: { q_proj: 8 },
    modules_to_save: ["lm_head"],
    init_lora_weights: "pissa",
    peft_type: "IA3",
    r: 0,
  })) {
    const at = join(folder, key);
    mkdirSync(at);
    copyFileSync(join(place("qwen2-all-linear"), "adapter_model.safetensors"), join(at, "adapter_model.safetensors"));
    writeFileSync(join(at, "adapter_config.json"), JSON.stringify({ ...config, [key]: value }));
    await expect(openAdapter(at), key).rejects.toThrow(`adapter_config.json: ${key}`);
  }
});

async function withAdapter(name: string, body: (adapted: Adapted) => Promise<void>): Promise<void> {
  const record = await readJson<AdapterRecord>(join(place(name), "golden.json"));
  const golden = await readCase(record.case);
  const adapter = await openAdapter(place(name));
  // With a seed the model is one that trains: its head is numbers.
  const model = await loadModel(golden, { trains: "none", adapters: [{ ...adapter.spec, seed: 1 }] });
  try {
    await fillAdapters(model, [adapter]);
    const expected = await readTensors(join(place(name), "golden.safetensors"));
    await body({ model, golden, record, expected });
  } finally {
    model.dispose();
    await adapter.close();
  }
}

const floats = (tensors: ReadonlyMap<string, HostTensor>, name: string): Float32Array =>
  float32Values(tensors.get(name) as HostTensor);

async function lossAndGradients(model: LanguageModel, sequences: readonly TrainSequence[]): Promise<number> {
  return scopeAsync(async () => {
    const total = withTape((tape) => {
      const batch = makeTrainBatch(sequences, 0, countTargets(sequences));
      const { total: loss } = languageModelLoss(model, batch, {});
      tape.backward(loss);
      return loss;
    });
    return total.item();
  });
}

async function logitsOf(model: LanguageModel, sequences: readonly TrainSequence[]): Promise<Float32Array> {
  return scopeAsync(async () => {
    const { hidden } = model.forward(makeTrainBatch(sequences, 0, 1).inputs);
    return Float32Array.from(await model.logits(hidden).data());
  });
}
