// Claims about a step of on-policy distillation: a teacher that is the student has nothing to teach, another one moves
// the student towards itself, and each problem is judged by the teacher of its domain.
import { afterEach, beforeEach, expect, test } from "vitest";
import { openBackend } from "../backends/open.js";
import type { Policy } from "../eval/rollout.js";
import type { OpenedModel } from "../inference/opening/open-model.js";
import { createModel } from "../models/create.js";
import { oneLayerLlama } from "../models/one-layer-llama.fixture.js";
import { createArithmeticTask } from "../tasks/arithmetic.js";
import type { Problem, Task } from "../tasks/task.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { createCharTokenizer } from "../tokenizer/char-tokenizer.js";
import { OnPolicyTrainer } from "./on-policy-trainer.js";
import { distillOptions, onPolicyConfig } from "./options.js";
import { refuseOtherVocabulary } from "./same-vocabulary.js";
import { Teachers, teacherOf } from "./teachers.js";

const tokenizer = createCharTokenizer("0123456789+-*/=:; \nQA");
const task = createArithmeticTask({ maxDigits: 1 }) as unknown as Task;
const config = oneLayerLlama(tokenizer.vocabSize, { initializer_range: 0.3 });

const backend = await openBackend();
beforeEach(() => setDefaultDevice(new Device(backend)));
const open: OnPolicyTrainer[] = [];
afterEach(() => {
  for (const trainer of open.splice(0)) {
    trainer.dispose();
    trainer.policy.model.dispose();
  }
});

/** Opens a "path" that is the seed of a model. */
const openSeed = async (path: string) =>
  ({
    model: createModel(config, { seed: Number(path) }),
    tokenizer,
    stopIds: [0],
    generation: {},
  }) as unknown as OpenedModel;
const policyOf = (seed: number): Policy => ({
  ...{ model: createModel(config, { seed }), tokenizer, stopIds: [0] },
  template: "compact",
});

async function trainerOf(student: number, teachers: Record<string, number>, learningRate = 0.02, of = task) {
  const onPolicy = { steps: 60, numPrompts: 8, numGenerations: 2, learningRate };
  const sources = Object.entries(teachers).map(([domain, seed]) => ({
    domain: domain === "all" ? null : domain,
    path: `${seed}`,
  }));
  const opened = await Teachers.open(sources, of, "compact", openSeed);
  const options = onPolicyConfig(distillOptions({ method: "on-policy", onPolicy }), 6);
  open.push(new OnPolicyTrainer(policyOf(student), opened, of, options, 7));
  return open[open.length - 1];
}

const weightsOf = ({ policy }: OnPolicyTrainer) =>
  Promise.all(policy.model.parameters.trained().map(async (weight) => Array.from(await weight.data())));

test("a teacher that is the student gives every token an advantage of exactly zero, and nothing moves", async () => {
  const trainer = await trainerOf(1, { all: 1 });
  const before = await weightsOf(trainer);
  const { metrics, trajectories } = await trainer.runStep();
  expect(trajectories.length).toBe(16);
  expect(Math.abs(metrics.teacher_kl)).toBe(0);
  expect([metrics.loss, metrics.grad_norm]).toEqual([0, 0]);
  expect(await weightsOf(trainer)).toEqual(before);
});

test("the student comes nearer to another teacher: the reverse KL divergence falls by more than half", async () => {
  const trainer = await trainerOf(1, { all: 2 });
  const gaps: number[] = [];
  for (let step = 0; step < 60; step++) gaps.push((await trainer.runStep()).metrics.teacher_kl);
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  expect(mean(gaps.slice(0, 5))).toBeGreaterThan(0.3);
  expect(mean(gaps.slice(-5))).toBeLessThan(mean(gaps.slice(0, 5)) / 2);
});

test("each problem is judged by the teacher of its domain", async () => {
  const domains: Task = {
    ...task,
    generate: (seed, index, split) => {
      const problem = task.generate(seed, index, split);
      return { ...problem, meta: { ...problem.meta, task: index % 2 ? "odd" : "even" } };
    },
  };
  // The student is the teacher of the even ones: only the odd ones teach.
  const trainer = await trainerOf(1, { even: 1, odd: 2 }, 0.02, domains);
  const alone = await trainerOf(1, { all: 2 }, 0.02, domains);
  const [both, odd] = [await trainer.runStep(), await alone.runStep()];
  expect(both.trajectories.map(({ completion }) => completion)).toEqual(
    odd.trajectories.map((each) => each.completion),
  );
  expect(both.metrics.teacher_kl).toBeGreaterThan(0);
  expect(both.work.train.tokens).toBeLessThan(odd.work.train.tokens);
  const none = () => teacherOf([{ domain: "odd", path: "1" }], domains, domains.generate(0, 0, "train") as Problem);
  expect(none).toThrow('no teacher for "even", only for odd; add --teacher even=<model>');
});

test("another vocabulary is refused with what differs", () => {
  const other = createCharTokenizer("0123456789+-*/=:; \nQB!");
  const size = tokenizer.vocabSize;
  const refuse = () => refuseOtherVocabulary(tokenizer, other, "use method=sequence");
  expect(refuse).toThrow(
    `distill: the vocabularies of teacher (${size} tokens) and student (${size + 1}) differ: token ${size - 1} is "A" ` +
      `there and "B" here; ${size} is no token there and "!" here; use method=sequence`,
  );
  expect(() => refuseOtherVocabulary(tokenizer, createCharTokenizer("0123456789+-*/=:; \nQA"), "")).not.toThrow();
});
