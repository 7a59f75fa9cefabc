// Claims about direct preference optimisation: it begins exactly at its reference, makes better answers likelier than
// worse ones against it, does not depend on micro-batches, and goes on to the same bits.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { isAdapterDirectory } from "../checkpoint/index.js";
import { openModel } from "../inference/opening/open-model.js";
import type { LanguageModel } from "../models/language-model.js";
import { dpoObjective, type ReferencedPair, referenceLogProbs } from "../preference/dpo-objective.js";
import { DPO_LOSSES } from "../preference/losses.js";
import { dpoOptions } from "../preference/options.js";
import { readPairs } from "../preference/preference-data.js";
import { contextOf, tinyPairs, tokenizer, writeRows, writeTinyModel } from "../preference/tiny-preferences.fixture.js";
import type { TrainingSummary } from "../run/records.js";
import { readRun } from "../run/run-directory.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { Progress } from "../terminal/progress.js";
import { Interrupted } from "../train/interrupted.js";
import { trainDpo } from "./train-dpo.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-dpo-"));
const at = (name: string) => join(folder, name);
const options = dpoOptions({
  ...{ steps: 12, batchRows: 8, learningRate: 0.005, warmupSteps: 0, validationFraction: 0.3, validationEverySteps: 6 },
});
const run = (name: string, more: object = {}, context = {}): Promise<TrainingSummary> =>
  trainDpo(contextOf(at(name), context), {
    model: at("base"),
    data: [at("pairs.jsonl")],
    options: { ...options, ...more },
    seed: 1,
  });
const checkpointOf = (name: string) => join(at(name), "checkpoints", "step-12");

let summary: TrainingSummary;
beforeAll(async () => {
  setDefaultDevice(new Device(createReferenceBackend()));
  await writeTinyModel(at("base"));
  writeRows(folder, "pairs.jsonl", tinyPairs(80));
  summary = await run("tuned");
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

it("begins at its reference to the bit, and ends with better answers gained on it", () => {
  const { metrics } = readRun(at("tuned"));
  const [first] = metrics;
  expect(first).toMatchObject({ phase: "dpo", step: 1, "rewards/margins": 0, "rewards/chosen": 0, loss: Math.LN2 });
  expect(summary.validation?.["rewards/accuracies"]).toBe(1);
  expect(summary.validation?.["rewards/margins"]).toBeGreaterThan(0.3);
  const last = metrics.findLast((line) => "rewards/chosen" in line);
  expect(last?.["rewards/chosen"]).toBeGreaterThan(last?.["rewards/rejected"] as number);
});

it("stopped in the reference and in training, it goes on to the same bits", async () => {
  for (const stage of ["reference", "train"]) {
    const controller = new AbortController();
    const progress = new Progress({ mode: "silent" });
    let isIn = "";
    progress.stage = (name: string) => void (isIn = name === "reference" ? name : "train");
    progress.update = (step: number) => void (isIn === stage && step >= 5 && controller.abort());
    const name = `stopped in ${stage}`;
    await expect(run(name, {}, { signal: controller.signal, progress })).rejects.toThrow(Interrupted);
    expect(existsSync(join(at(name), "summary.json"))).toBe(false);
    const { validation } = await run(name, {}, { resumes: true });
    expect(validation).toEqual(summary.validation);
    const weights = (of: string) => readFileSync(join(checkpointOf(of), "model.safetensors"));
    expect(weights(name).equals(weights("tuned"))).toBe(true);
  }
});

it("trains an adapter, whose base is the reference", async () => {
  const { validation } = await run("adapter", {
    lora: { rank: 4, alpha: 8, rsLora: false, targets: "all-linear", dropout: 0 },
  });
  expect(readRun(at("adapter")).metrics[0]).toMatchObject({ step: 1, "rewards/margins": 0 });
  expect(isAdapterDirectory(checkpointOf("adapter"))).toBe(true);
  expect(validation?.["rewards/margins"]).toBeGreaterThan(0.01);
});

it("label smoothing without effect is refused", () => {
  expect(() => run("idle", { labelSmoothing: 0.1, lossType: "ipo" })).toThrow(
    "labelSmoothing has no effect with lossType ipo; leave it out",
  );
});

describe.each(DPO_LOSSES)("%s", (lossType) => {
  it("gives the same gradients in one micro-batch and in many, and the slope of its loss", async () => {
    const { model } = await openModel(at("base"), { compute: "f32" });
    const { train } = await readPairs([at("pairs.jsonl")], tokenizer, { heldOutFraction: 0, maxTokens: 32 });
    const pairs = train.slice(0, 4);
    const references = await referenceLogProbs(model, pairs, 1000);
    expect(await referenceLogProbs(model, pairs, 1)).toEqual(references);
    const referenced = pairs.map((pair, i): ReferencedPair => {
      const [chosen, rejected] = references[i];
      return { ...pair, reference: [chosen + 0.3, rejected - 0.2] };
    });
    const objective = dpoObjective({ lossType, beta: 0.5, labelSmoothing: lossType === "robust" ? 0.1 : 0 });
    const gradients = async (micros: readonly (readonly ReferencedPair[])[]) => {
      const numbers: number[] = [];
      for (const micro of micros) numbers.push(...(await objective.learn(model, micro, referenced)));
      const gradient = (await model.parameters.master(WEIGHT).grad!.data()) as Float32Array;
      model.parameters.clearGrads();
      return { numbers, gradient };
    };
    const whole = await gradients([referenced]);
    const parts = await gradients(referenced.map((pair) => [pair]));
    expect(parts.numbers).toEqual(whole.numbers);
    whole.gradient.forEach((value, i) => {
      expect(Math.abs(value - parts.gradient[i])).toBeLessThan(1e-5);
    });
    const largest = whole.gradient.reduce(
      (best, value, i) => (Math.abs(value) > Math.abs(whole.gradient[best]) ? i : best),
      0,
    );
    expect(whole.gradient[largest]).not.toBe(0);
    const slope = await slopeOf(model, largest, async () => {
      const numbers = await objective.measure(model, referenced, referenced);
      return objective.figures(referenced, numbers).loss;
    });
    expect(slope).toBeCloseTo(whole.gradient[largest], 3);
    model.dispose();
  });
});

const WEIGHT = "model.norm.weight";

/** The slope of a loss for one number of a weight, by finite differences. */
async function slopeOf({ parameters }: LanguageModel, index: number, loss: () => Promise<number>): Promise<number> {
  const values = ((await parameters.master(WEIGHT).data()) as Float32Array).slice();
  const step = 1e-2;
  const lossAt = (shift: number) => {
    const moved = values.slice();
    moved[index] += shift;
    parameters.write(WEIGHT, 0, [moved.length], new Uint8Array(moved.buffer));
    return loss();
  };
  return ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
}
