// Claims about learning a teacher's distribution: a student that is the teacher has nothing to learn, what is said of a
// token lies with that token, and the distribution teaches faster than the tokens that were drawn from it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBackend } from "../backends/open.js";
import { generate } from "../inference/runtime/generate.js";
import { createModel } from "../models/create.js";
import { parseHfConfig } from "../models/hf-config.js";
import type { LanguageModel } from "../models/language-model.js";
import { MODEL_PRESETS } from "../models/presets.js";
import { AdamW } from "../optim/adamw.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import type { TrainSequence } from "../train/batch.js";
import { SequencesInMemory } from "../train/sequence-list.js";
import { evaluateExamples, trainStep } from "../train/step.js";
import { type DivergenceOptions, divergenceObjective } from "./divergence-objective.js";
import { type SoftTargets, softTargets, type TaughtSequence } from "./soft-targets.js";
import { holdsTargets, TaughtSequences, writeTargets } from "./taught-sequences.js";

const VOCABULARY = 24;
const small = {
  ...{ hidden_size: 32, num_hidden_layers: 2, intermediate_size: 48, max_position_embeddings: 64 },
  ...{ vocab_size: VOCABULARY, initializer_range: 0.2 },
};
const dense = parseHfConfig({ ...MODEL_PRESETS["llama-tiny"], ...small });
const experts = { moe_intermediate_size: 16, n_routed_experts: 4, kv_lora_rank: 16 };
const mixed = parseHfConfig({ ...MODEL_PRESETS["deepseek-tiny"], ...small, ...experts });

const folder = mkdtempSync(join(tmpdir(), "luciole-taught-"));
beforeAll(async () => setDefaultDevice(new Device(await openBackend())));
afterAll(() => rmSync(folder, { recursive: true }));

const forward: DivergenceOptions = { direction: "forward", temperature: 1, hardWeight: 0 };
const plain = { mtpWeight: 0, balanceAlpha: 0 };

/** Sequences that a model says after one token each. */
async function sayings(model: LanguageModel, count: number, seed: number): Promise<TrainSequence[]> {
  const requests = Array.from({ length: count }, (_, i) => ({
    ...{ prompt: [i % VOCABULARY, (i * 7) % VOCABULARY], seed: seed + i, maxNewTokens: 14 },
  }));
  const said = await generate(model, requests, { stopIds: [], maxSequences: 64 });
  return said.map(({ ids }, i) => ({ ids: Int32Array.from([...requests[i].prompt, ...ids]), learnFrom: 2 }));
}

async function taught(model: LanguageModel, sequences: readonly TrainSequence[], k: number): Promise<TaughtSequence[]> {
  const soft = await softTargets(model, sequences, { k, temperature: 1, microBatchTokens: 100 });
  return sequences.map((sequence, i) => ({ ...sequence, soft: soft[i] }));
}

test.each([
  ["dense", dense],
  ["with experts and multi-token prediction", mixed],
] as const)("a student that is the teacher has nothing to learn from it: %s", async (_, config) => {
  const model = createModel(config, { seed: 1 });
  const sequences = await sayings(model, 6, 0);
  for (const k of [1, 5, VOCABULARY]) {
    const examples = await taught(model, sequences, k);
    for (const direction of ["forward", "reverse"] as const) {
      const objective = divergenceObjective({ ...forward, direction }, plain);
      const optimizer = new AdamW(model.trainable.trained(), { maxNorm: 1, weightDecay: 0 });
      const options = { objective, ...plain, lr: 0, microBatchTokens: 40, routerBiasStep: 0 };
      const { figures, gradNorm } = await trainStep(model, optimizer, examples, options);
      expect(Math.abs(figures.teacher_kl)).toBeLessThan(2e-6);
      expect(gradNorm).toBeLessThan(1e-4);
      optimizer.dispose();
    }
  }
  const other = createModel(config, { seed: 2 });
  const objective = divergenceObjective(forward, plain);
  const examples = await taught(model, sequences, 5);
  expect((await evaluateExamples(other, examples, { objective, microBatchTokens: 40 })).teacher_kl).toBeGreaterThan(
    0.3,
  );
  for (const each of [model, other]) each.dispose();
});

test("what is said of each target lies at its place in the file; a file of another size does not count", async () => {
  const model = createModel(dense, { seed: 1 });
  const sequences = [...(await sayings(model, 3, 0)), { ids: Int32Array.from([1, 2, 3, 4]) }];
  const soft = await softTargets(model, sequences, { k: 4, temperature: 1, microBatchTokens: 20 });
  const path = join(folder, "targets.bin");
  await writeTargets(
    path,
    (async function* () {
      yield soft.slice(0, 2);
      yield soft.slice(2);
    })(),
  );
  const list = new TaughtSequences(path, new SequencesInMemory(sequences), 4);
  expect(list.numTargets).toBe(3 * 14 + 3);
  expect(Array.from({ length: 4 }, (_, i) => list.at(i))).toEqual(
    sequences.map((each, i) => ({ ...each, soft: soft[i] })),
  );
  expect([holdsTargets(path, 45, 4), holdsTargets(path, 44, 4), holdsTargets(path, 45, 3)]).toEqual([
    true,
    false,
    false,
  ]);
  // The likeliest tokens, likeliest first, and the rest of 1.
  const { tokens, logProbs }: SoftTargets = soft[0];
  expect(new Set(tokens.slice(0, 4)).size).toBe(4);
  const first = Array.from(logProbs.slice(0, 5), Math.exp);
  expect(first.reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 5);
  expect([...first.slice(0, 4)].sort((a, b) => b - a)).toEqual(first.slice(0, 4));
  model.dispose();
});

test("the distribution teaches faster than the tokens drawn from it: twice as near after as many steps", async () => {
  const teacher = createModel(dense, { seed: 1 });
  const [lessons, held] = [await sayings(teacher, 128, 0), await sayings(teacher, 64, 5000)];
  const examples = await taught(teacher, lessons, 8);
  const measured = { objective: divergenceObjective(forward, plain), microBatchTokens: 4096 };
  const asked = await taught(teacher, held, VOCABULARY);
  const distanceAfter = async (options: Partial<Parameters<typeof trainStep<TaughtSequence>>[3]>) => {
    const student = createModel(dense, { seed: 9 });
    const optimizer = new AdamW(student.trainable.trained(), { maxNorm: 1, weightDecay: 0 });
    const step = { lr: 3e-3, microBatchTokens: 4096, routerBiasStep: 0, ...plain, ...options };
    for (let n = 0; n < 60; n++) {
      const batch = Array.from({ length: 32 }, (_, i) => examples[(n * 32 + i) % examples.length]);
      await trainStep(student, optimizer, batch, step);
    }
    const { teacher_kl: distance } = await evaluateExamples(student, asked, measured);
    optimizer.dispose();
    student.dispose();
    return distance;
  };
  const [soft, hard] = [await distanceAfter(measured), await distanceAfter({})];
  expect(soft).toBeLessThan(hard / 2);
  teacher.dispose();
});
