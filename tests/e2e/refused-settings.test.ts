// Settings that ask for more memory than there is, or that would change nothing: refused by name before any run is
// begun.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { completionBytes, refuseHostNeed } from "../../src/train/host-memory.js";
import { settings, temporaryFolder } from "./command.js";
import { inProcess } from "./in-process.js";
import { BYTES_REWARD, makeSmallModel, pretrain, reinforce } from "./small-runs.js";

const LIMIT_MS = 240_000;
vi.setConfig({ testTimeout: LIMIT_MS });
const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
beforeAll(async () => {
  await makeSmallModel(folder.path);
  writeFileSync(at("reward.ts"), BYTES_REWARD);
}, LIMIT_MS);
afterAll(() => folder.remove());

const train = (values: object) => pretrain(at("book.txt"), at("never"), { ...values });
const rl = (values: object) => reinforce(folder.path, "reward.ts", "never", { ...values });
const zero = (values: Record<string, unknown>) => [
  "zero",
  "--preset",
  "smoke",
  "--out",
  at("never"),
  ...settings(values),
];
const evaluate = (...flags: string[]) => [
  "eval",
  at("model"),
  "--data",
  at("task.jsonl"),
  "--set",
  "heldOutFraction=1",
  ...flags,
];
const traces = (...flags: string[]) => ["pretrain", "--traces", "countdown", "--out", at("never"), ...flags];
const sft = (values: Record<string, unknown>) => [
  "sft",
  "--model",
  at("model"),
  "--data",
  at("pairs.jsonl"),
  "--out",
  at("never"),
  ...settings(values),
];

async function expectRefused(args: readonly string[], message: RegExp, code: number): Promise<void> {
  const startedMs = performance.now();
  const ended = await inProcess([...args, "--json"]);
  expect([ended.code, ended.stdout], ended.stderr).toEqual([code, ""]);
  expect(ended.stderr.split("\n").find((line) => line.startsWith("error:"))).toMatch(message);
  expect(existsSync(at("never"))).toBe(false);
  expect(performance.now() - startedMs).toBeLessThan(60_000);
}

const FIGURES = "about [\\d,.]+ [GT]iB of host memory, but only [\\d.]+ [GM]iB is (free|allowed by Node.*)";
test.each([
  [
    "rl.numPrompts",
    () => rl({ "rl.numPrompts": 100_000_000 }),
    "rollouts keeps 400,000,000 completions of up to 8 tokens",
    "lower rl\\.numPrompts \\(now 100000000\\)",
  ],
  [
    "rl.dynamicSamplingRounds",
    () => rl({ "rl.dynamicSamplingRounds": 1e9 }),
    "rollouts keeps 8,000,000,008 completions",
    "lower rl\\.numPrompts",
  ],
  [
    "evaluation.samplesPerProblem",
    () => rl({ "evaluation.samplesPerProblem": 1e9 }),
    "evaluation keeps 1,000,000,000 completions",
    "lower evaluation\\.problems",
  ],
  [
    "zero's rl.numPrompts",
    () => zero({ "rl.numPrompts": 100_000_000 }),
    "rollouts keeps 400,000,000 completions of up to 48 tokens",
    "lower rl\\.numPrompts",
  ],
  [
    "zero's evaluation.quickProblems",
    () => zero({ "evaluation.quickProblems": 1e9 }),
    "evaluation keeps 1,000,000,000 completions",
    "lower evaluation\\.quickProblems",
  ],
  [
    "zero's pretrain.batchSequences",
    () => zero({ "pretrain.batchSequences": 1e9 }),
    "training keeps 1,000,000,000 sequences",
    "lower pretrain\\.batchSequences",
  ],
  [
    "batchSequences",
    () => train({ batchSequences: 1e9 }),
    "training keeps 1,000,000,000 sequences of about \\d+ tokens",
    "lower batchSequences \\(now 1000000000\\)",
  ],
  [
    "--samples",
    () => evaluate("--samples", "100000000"),
    "the evaluation keeps [\\d,]+ completions",
    "lower --problems or --samples",
  ],
])("too much of %s for the host's memory is refused with figures", async (_, args, what, mend) => {
  await expectRefused(args(), new RegExp(`not enough memory: ${what}.*, ${FIGURES}; ${mend}`), 1);
});

test("objects are held against what Node allows, however much memory is free", () => {
  const need = { name: "rollouts", what: "many completions", bytes: completionBytes(1_000_000, 8), mend: "lower it" };
  const free = { all: 2 ** 40, objects: 2 ** 32 };
  expect(() => refuseHostNeed(need, free)).toThrow(
    /about 7\.6 GiB .* but only 4\.0 GiB is allowed by Node \(raise it with NODE_OPTIONS=--max-old-space-size=MiB\); lower it/,
  );
  expect(() => refuseHostNeed({ ...need, bytes: completionBytes(100_000, 8) }, free)).not.toThrow();
});

describe("a setting without effect is refused by name", () => {
  writeFileSync(at("pairs.jsonl"), '{"prompt":"a","completion":"b"}\n{"prompt":"c","completion":"d"}\n');
  test.each([
    [
      "model.vocab_size",
      () => train({ "model.vocab_size": 2_000_000_000 }),
      /pretrain: model\.vocab_size has no effect: it follows from the tokenizer; leave it out/,
    ],
    [
      "model.torch_dtype",
      () => train({ "model.torch_dtype": "bfloat16" }),
      /model\.torch_dtype has no effect: .*use compute to set the type/,
    ],
    ["zero's model.vocab_size", () => zero({ "model.vocab_size": 50 }), /zero: model\.vocab_size has no effect/],
    ["vocabSize", () => train({ vocabSize: 500 }), /vocabSize has no effect: it is the size of a bpe tokenizer/],
    ["task.maxNumber", () => train({ "task.maxNumber": 9 }), /task has no effect: it applies to --traces only/],
    ["context of traces", () => traces("--set", "context=64"), /context has no effect: it applies to --corpus only/],
    ["--tokenizer of traces", () => traces("--tokenizer", "byte"), /--tokenizer has no effect with --traces/],
    [
      "mtpWeight",
      () => train({ mtpWeight: 0.1 }),
      /mtpWeight has no effect: the model has no multi-token prediction layer/,
    ],
    ["epochs", () => sft({ epochs: 3, steps: 1 }), /epochs has no effect: steps says how long the run is/],
    ["balanceAlpha", () => sft({ balanceAlpha: 0.1 }), /balanceAlpha has no effect: the model has no experts/],
    [
      "rl.refRefreshSteps",
      () => rl({ "rl.refRefreshSteps": 5 }),
      /rl\.refRefreshSteps has no effect: with rl\.beta=0 there is no reference/,
    ],
  ])("%s", async (_, args, message) => {
    await expectRefused(args(), message, 2);
  });
});
