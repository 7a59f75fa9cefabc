// Numbers that are none: a request on damaged weights, or on a layer that overflows, ends with an error that names it;
// nothing else is sampled for it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  float32Values,
  hostTensor,
  openModelDirectory,
  readAllTensors,
  writeModelDirectory,
} from "../../src/checkpoint/index.js";
import { openForInference, runnerOf } from "../../src/inference/index.js";
import { Engine } from "../../src/inference/runtime/engine.js";
import { FakeRunner } from "../../src/inference/runtime/fake-runner.fixture.js";
import { createModel } from "../../src/models/create.js";
import { parseHfConfig } from "../../src/models/hf-config.js";
import type { LanguageModel } from "../../src/models/language-model.js";
import { refuseNonFiniteWeight } from "../../src/models/non-finite.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { encodeBytes } from "../../src/tensor/dtype.js";
import { tensor } from "../../src/tensor/engine.js";
import { backends } from "./backends.js";
import { goldenPath } from "./golden-case.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-non-finite-"));
afterAll(() => rmSync(folder, { recursive: true }));
const CASE = "deepseek-v3-q-lora-groups";
/** With what is sampled after it, long enough that every expert is chosen. */
const prompt = Int32Array.from({ length: 40 }, (_, i) => (7 * i) % 31);

/** A golden case with one tensor's numbers changed, matrices in `dtype`. */
async function damaged(name: string, change: (values: Float32Array) => void, dtype: "f32" | "bf16"): Promise<string> {
  const opened = await openModelDirectory(goldenPath(`cases/${CASE}`));
  const weights = await readAllTensors(opened.weights);
  const values = float32Values(weights.get(name)!).slice();
  change(values);
  weights.set(name, hostTensor(values, weights.get(name)!.shape));
  for (const [key, { shape }] of weights)
    if (dtype === "bf16" && shape.length === 2)
      weights.set(key, { dtype, shape, data: encodeBytes(float32Values(weights.get(key)!), dtype) });
  const path = join(folder, `${name}-${dtype}`);
  await writeModelDirectory(path, { config: opened.config, weights });
  await opened.close();
  return path;
}

async function failureOf(path: string): Promise<string> {
  const opened = await openForInference(path);
  const runner = runnerOf(opened);
  const engine = new Engine({ runner });
  const error = await engine.submit({ prompt, maxNewTokens: 60, loop: false }).result.then(
    () => "no error",
    (e: Error) => e.message,
  );
  await engine.close();
  runner.dispose();
  opened.model.dispose();
  return error;
}

const second = (value: number) => (values: Float32Array) => {
  values[1] = value;
};

describe.each(backends)("on the $name backend", (backend) => {
  beforeAll(() => setDefaultDevice(new Device(backend)));

  test.each([
    ["model.embed_tokens.weight", "bf16"],
    ["model.layers.1.input_layernorm.weight", "f32"],
    ["model.layers.0.self_attn.o_proj.weight", "f32"],
    ["model.layers.1.mlp.experts.2.up_proj.weight", "bf16"],
    ["model.layers.1.mlp.experts.1.down_proj.weight", "f32"],
    ["model.norm.weight", "bf16"],
    ["lm_head.weight", "bf16"],
  ] as const)("NaN throughout %s, stored in %s, is named", async (name, dtype) => {
    const path = await damaged(name, (values) => values.fill(Number.NaN), dtype);
    expect(await failureOf(path)).toBe(`the next token cannot be sampled: weight ${name} contains NaN or infinity`);
  });

  test("a single infinity in a matrix is named", async () => {
    const name = "model.layers.0.self_attn.o_proj.weight";
    expect(await failureOf(await damaged(name, second(Number.POSITIVE_INFINITY), "bf16"))).toContain(
      `weight ${name} contains`,
    );
  });

  test("a layer that overflows is named", async () => {
    const path = await damaged("model.layers.0.mlp.down_proj.weight", (values) => values.fill(3e38), "bf16");
    expect(await failureOf(path)).toContain(
      "the output of model.layers.0 contains NaN or infinity, although all weights are finite",
    );
  });

  test("a model to be trained is checked by the same names", async () => {
    const opened = await openModelDirectory(goldenPath(`cases/${CASE}`));
    const model: LanguageModel = createModel(parseHfConfig(opened.config), { seed: 1 });
    await expect(refuseNonFiniteWeight(model, "pretrain step 1")).resolves.toBeUndefined();
    const { spec, part, elementOffset } = model.parameters
      .storedParts()
      .find((each) => each.part.name.endsWith("layers.1.mlp.experts.3.gate_proj.weight"))!;
    expect(spec.name).not.toBe(part.name);
    const bytes = new Uint8Array(Float32Array.from({ length: part.shape[0] * part.shape[1] }, () => Number.NaN).buffer);
    model.parameters.write(spec.name, elementOffset, part.shape, bytes);
    await expect(refuseNonFiniteWeight(model, "pretrain step 1")).rejects.toThrow(
      `pretrain step 1: weight ${part.name} contains NaN or infinity`,
    );
    model.dispose();
    await opened.close();
  });
});

test("a request whose logits are NaN fails alone", async () => {
  setDefaultDevice(new Device(backends[0]));
  const runner = new FakeRunner();
  const sound = runner.step.bind(runner);
  runner.step = (plan) => {
    const logits = sound(plan);
    if (!plan.ids.includes(36)) return logits;
    const row = plan.logitRows.findIndex((at) => plan.ids.slice(0, at + 1).includes(36));
    const values = new Float32Array(plan.logitRows.length * runner.vocabSize).fill(0);
    values.fill(Number.NaN, row * runner.vocabSize, (row + 1) * runner.vocabSize);
    return tensor(values, [plan.logitRows.length, runner.vocabSize]);
  };
  const engine = new Engine({ runner, speculation: "none" });
  const bad = engine.submit({ prompt: Int32Array.of(36), maxNewTokens: 4, loop: false });
  const good = engine.submit({ prompt: Int32Array.of(2), maxNewTokens: 4, loop: false });
  await expect(bad.result).rejects.toThrow("the next token cannot be sampled: its logits contain NaN");
  expect((await good.result).ids.length).toBe(4);
  expect(engine.stats().blocksUsed).toBe(0);
  await engine.close();
});
