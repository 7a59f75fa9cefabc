// A run that was killed or stopped, and then resumed, leaves the same bits as one that was not: metrics, samples,
// weights, moments.
import { closeSync, ftruncateSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { checkpointBytes, luciole, settings, start, succeed, temporaryFolder, untimedLog } from "./command.js";
import { resumeThroughKills, stopAt } from "./interruption.js";

// A machine that is busy with other tests takes its time.
const LIMIT_MS = 240_000;
vi.setConfig({ testTimeout: LIMIT_MS });

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(() => folder.remove());

const zero = (out: string) => [
  ...["zero", "--preset", "smoke", "--seed", "2", "--json", "--out", at(out)],
  ...settings({ "pretrain.steps": 12, "pretrain.batchSequences": 8, "rl.steps": 6, checkpointSeconds: 0.1 }),
];
const ZERO_LAST = 18;
/**
 * A share of digits differs from sample to sample even in a model that knows nothing: reinforcement has something to
 * learn.
 */
const REWARD = `import { sampleReward } from "luciole/rl";
export default sampleReward("digits", ({ completion }) => (completion.match(/[0-9]/g) ?? []).length / 16);`;
const rl = (out: string) => [
  ...["rl", "--model", at("whole"), "--reward", at("reward.ts"), "--seed", "2", "--json", "--out", at(out)],
  ...settings({
    "rl.steps": 8,
    "rl.numPrompts": 4,
    "rl.numGenerations": 4,
    "rl.maxCompletionLength": 16,
    "rl.beta": 0.01,
    "rl.refRefreshSteps": 3,
  }),
  ...settings({ "rl.learningRate": 1e-3, "rl.routerBiasStep": 1e-3, checkpointSeconds: 0.1 }),
  ...settings({
    "evaluation.problems": 4,
    "evaluation.samplesPerProblem": 2,
    "evaluation.quickProblems": 2,
    "evaluation.everySteps": 3,
  }),
];
const RL_LAST = 8;

beforeAll(async () => {
  writeFileSync(at("reward.ts"), REWARD);
  await succeed(zero("whole"));
  await succeed(rl("rl-whole"));
}, LIMIT_MS);

function expectEqualRuns(run: string, whole: string, lastStep: number): void {
  expect(untimedLog(at(run))).toEqual(untimedLog(at(whole)));
  expect(untimedLog(at(run), "samples.jsonl")).toEqual(untimedLog(at(whole), "samples.jsonl"));
  expect(checkpointBytes(at(run), lastStep)).toEqual(checkpointBytes(at(whole), lastStep));
  const figures = (name: string) => {
    const { base, final, pretrainTokens, rlSteps } = JSON.parse(readFileSync(at(`${name}/summary.json`), "utf8"));
    return { base, final, pretrainTokens, rlSteps };
  };
  expect(figures(run)).toEqual(figures(whole));
}

test("the reinforcement compared here does change the model", () => {
  const steps = untimedLog(at("rl-whole")) as { phase: string; grad_norm: number; kl: number }[];
  const rounds = steps.filter(({ phase }) => phase === "rl");
  expect(rounds.every(({ grad_norm }) => grad_norm > 0)).toBe(true);
  expect(rounds.some(({ kl }) => kl > 0)).toBe(true);
});

test("kill -9 in pretraining, then at random moments", async () => {
  await stopAt(zero("killed"), at("killed"), "pretrain", 5, "SIGKILL");
  const delaysMs = [1, 2].map(() => 300 + Math.random() * 900);
  const { code, stderr } = await resumeThroughKills("zero", at("killed"), delaysMs);
  expect(code, `${stderr} after kills at ${delaysMs} ms`).toBe(0);
  expectEqualRuns("killed", "whole", ZERO_LAST);
});

test("kill -9 in reinforcement, then at random moments", async () => {
  await stopAt(rl("rl-killed"), at("rl-killed"), "rl", 4, "SIGKILL");
  const delaysMs = [1].map(() => 400 + Math.random() * 900);
  const { code, stderr } = await resumeThroughKills("rl", at("rl-killed"), delaysMs);
  expect(code, `${stderr} after kills at ${delaysMs} ms`).toBe(0);
  expectEqualRuns("rl-killed", "rl-whole", RL_LAST);
});

test("kill -9 before the first checkpoint: the run begins anew", async () => {
  const never = [...zero("early"), ...settings({ checkpointSeconds: 1000 })];
  await stopAt(never, at("early"), "pretrain", 3, "SIGKILL");
  expect(readdirSync(at("early/checkpoints"))).toEqual([]);
  await succeed(["zero", "--resume", at("early")]);
  expectEqualRuns("early", "whole", ZERO_LAST);
});

test.each([
  ["pretraining", "pretrain", 4],
  ["reinforcement", "rl", 2],
])("Ctrl-C in %s saves, says how to go on, and exits with 130", async (_, phase, steps) => {
  const name = `stopped-${phase}`;
  const stopped = await stopAt(
    [...zero(name), ...settings({ checkpointSeconds: 1000 })],
    at(name),
    phase,
    steps,
    "SIGINT",
  );
  expect(stopped).toMatchObject({ code: 130, stdout: "" });
  expect(stopped.stderr).toContain("Ctrl-C: saving and stopping");
  expect(stopped.stderr).toContain(`Resume with: npx luciole zero --resume ${at(name)}`);
  await succeed(["zero", "--resume", at(name)]);
  expectEqualRuns(name, "whole", ZERO_LAST);
});

test.each(["evaluate base", "evaluate final"])(
  "Ctrl-C while it is to %s: the resumed run evaluates anew",
  async (stage) => {
    const name = stage.replace(" ", "-");
    const { child, ended, saying } = start(zero(name));
    await saying(`\n${stage}\n`);
    child.kill("SIGINT");
    expect((await ended).code).toBe(130);
    await succeed(["zero", "--resume", at(name)]);
    expectEqualRuns(name, "whole", ZERO_LAST);
  },
);

test("pretraining on text and fine-tuning resume to the same bits", async () => {
  writeFileSync(
    at("book.txt"),
    Array.from({ length: 300 }, (_, i) => `Line ${i} of a small book, ${(i * 7) % 13} words long.\n`).join(""),
  );
  writeFileSync(
    at("pairs.jsonl"),
    Array.from({ length: 50 }, (_, i) => `{"prompt":"Line ${i}","completion":" of ${i % 7}"}\n`).join(""),
  );
  const model = {
    "model.hidden_size": 32,
    "model.num_hidden_layers": 2,
    "model.intermediate_size": 48,
    "model.max_position_embeddings": 64,
  };
  const shared = { batchSequences: 4, validationEverySteps: 4, checkpointSeconds: 0.1 };
  const pretrain = (out: string) => [
    ...[
      "pretrain",
      "--corpus",
      at("book.txt"),
      "--model",
      "llama-tiny",
      "--tokenizer",
      "bpe",
      "--json",
      "--out",
      at(out),
    ],
    ...settings({ ...model, ...shared, steps: 12, vocabSize: 300 }),
  ];
  const sft = (out: string) => [
    "sft",
    "--model",
    at("text-whole"),
    "--data",
    at("pairs.jsonl"),
    "--json",
    "--out",
    at(out),
    ...settings({ ...shared, steps: 12 }),
  ];
  for (const [verb, command, name] of [
    ["pretrain", pretrain, "text"],
    ["sft", sft, "tuned"],
  ] as const) {
    const { stdout } = await succeed(command(`${name}-whole`));
    expect(JSON.parse(stdout)).toMatchObject({ steps: 12 });
    await stopAt(command(`${name}-killed`), at(`${name}-killed`), verb, 5, "SIGKILL");
    await succeed([verb, "--resume", at(`${name}-killed`)]);
    expect(untimedLog(at(`${name}-killed`))).toEqual(untimedLog(at(`${name}-whole`)));
    expect(checkpointBytes(at(`${name}-killed`), 12)).toEqual(checkpointBytes(at(`${name}-whole`), 12));
  }
});

test("a corpus that changed under a run is refused", async () => {
  const changing = at("changing.txt");
  writeFileSync(changing, "one two three\n".repeat(50));
  const command = [
    "pretrain",
    "--corpus",
    changing,
    "--model",
    "llama-tiny",
    "--tokenizer",
    "byte",
    "--out",
    at("changed"),
    ...settings({ steps: 500, context: 32 }),
  ];
  await stopAt(command, at("changed"), "pretrain", 1, "SIGKILL");
  writeFileSync(changing, "another book");
  const refused = await luciole(["pretrain", "--resume", at("changed")]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/changing\.txt has changed since the run started/);
});

test("an evaluation killed in between counts the same as one in one go", async () => {
  const evaluate = (out: string) => [
    "eval",
    at("whole"),
    "--problems",
    "6",
    "--samples",
    "2",
    "--max-sequences",
    "2",
    "--max-tokens",
    "24",
    "--json",
    "--out",
    at(out),
  ];
  const whole = JSON.parse((await succeed(evaluate("eval-whole"))).stdout);
  await succeed(evaluate("eval-cut"));
  const file = at("eval-cut/sampled.jsonl");
  const descriptor = openSync(file, "r+");
  ftruncateSync(descriptor, Math.floor(statSync(file).size / 2)); // half the file, a line torn in the middle
  closeSync(descriptor);
  const resumed = JSON.parse((await succeed(["eval", at("whole"), "--resume", at("eval-cut"), "--json"])).stdout);
  const { tokensPerSecond: _, outDir: __, ...figures } = whole;
  expect(resumed).toMatchObject(figures);
  for (const name of ["evaluation.json", "sampled.jsonl"])
    expect(readFileSync(at(`eval-cut/${name}`), "utf8")).toBe(readFileSync(at(`eval-whole/${name}`), "utf8"));
});
