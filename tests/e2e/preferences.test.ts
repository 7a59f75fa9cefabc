// Claims about preferences at the command line: a reward model is trained, tells how far it can be trusted and rewards
// a run, which goes on to the same bits; dpo tunes; what is wrong with a row or a model is one line.
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { checkpointBytes, luciole, settings, succeed, temporaryFolder, untimedLog } from "./command.js";
import { makeSmallModel, ROUNDS } from "./small-runs.js";

const LIMIT_MS = 240_000;
vi.setConfig({ testTimeout: LIMIT_MS });
const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(() => folder.remove());

const rows = Array.from({ length: 40 }, (_, i) => ({
  prompt: `${i} and ${i}?`,
  chosen: "a".repeat(1 + (i % 3)),
  rejected: "b".repeat(1 + (i % 2)),
}));
const write = (name: string, of: readonly object[]) =>
  writeFileSync(at(name), of.map((row) => `${JSON.stringify(row)}\n`).join(""));
const train = (verb: "reward-model" | "dpo", out: string, data = "pairs.jsonl", values = {}) => [
  ...[verb, "--model", at("model"), "--data", at(data), "--out", at(out), "--json"],
  ...settings({ steps: 12, batchRows: 8, learningRate: 0.01, warmupSteps: 0, validationFraction: 0.3, ...values }),
];
const rewarded = (out: string, ...more: string[]) => [
  ...["rl", "--model", at("model"), "--data", at("task.jsonl"), "--out", at(out), "--json"],
  ...["--reward", `rm:${at("helpful")}:0.5`],
  ...settings({
    ...ROUNDS,
    "rl.steps": 4,
    checkpointSeconds: 0.001,
    template: "plain",
    "rewards.rm.reads": "completion",
    "rewards.rm.from": 0.5,
  }),
  ...more,
];
beforeAll(async () => {
  await makeSmallModel(folder.path);
  write("pairs.jsonl", rows);
  await succeed(train("reward-model", "helpful"));
}, LIMIT_MS);

test("reward-model tells accuracy with its standard error, and what length has to do with it", async () => {
  const { stdout } = await succeed(["reward-model", "--resume", at("helpful")]);
  expect(stdout).toMatch(/^accuracy 100\.0% ± 0\.0% on \d+ held-out rows: .*the shorter one \(\d+ rows\)/m);
  expect(stdout).toMatch(/^correlation of score and length -?[01]\.\d\d$/m);
  expect(stdout).toContain(`--reward rm:${at("helpful")}`);
  expect(readFileSync(at("helpful/report.html"), "utf8")).toContain("<h2>Reward model</h2>");
});

test("a reward model rewards a run from its share of the steps on, and the run goes on to the same bits", async () => {
  await succeed(rewarded("whole"));
  const steps = (untimedLog(at("whole")) as Record<string, unknown>[]).filter(({ phase }) => phase === "rl");
  expect(steps.map((line) => "rewards/rm_helpful/mean" in line)).toEqual([false, false, true, true]);
  const rewards = steps[2]["rewards/rm_helpful/mean"] as number;
  expect(steps[2].reward).toBeCloseTo(0.5 * rewards, 6);
  cpSync(at("whole"), at("again"), { recursive: true });
  for (const later of ["again/summary.json", "again/checkpoints/step-4"]) rmSync(at(later), { recursive: true });
  await succeed(["rl", "--resume", at("again"), "--json"]);
  expect(checkpointBytes(at("again"), 4)).toEqual(checkpointBytes(at("whole"), 4));
  expect(untimedLog(at("again"))).toEqual(untimedLog(at("whole")));
});

test("dpo tunes the model, over an adapter too", async () => {
  const whole = JSON.parse((await succeed(train("dpo", "tuned"))).stdout);
  expect(whole.validation["rewards/accuracies"]).toBe(1);
  await succeed(train("dpo", "adapted", "pairs.jsonl", { "lora.rank": 4 }));
  const { stdout } = await succeed(["run", at("adapted"), "3 and 3?", "--raw", "--max-tokens", "4", "--json"]);
  expect(JSON.parse(stdout).numTokens).toBe(4);
});

test("inspect describes a reward model", async () => {
  const { stdout } = await succeed(["inspect", at("helpful")]);
  expect(stdout).toMatch(/^use +a reward model/m);
  expect(stdout).toMatch(/^ +score head +32 /m);
});

describe("one line says what is wrong", () => {
  const errorOf = async (args: string[]) => {
    const { code, stderr } = await luciole(args);
    expect(code).not.toBe(0);
    const errors = stderr.split("\n").filter((line) => line.startsWith("error:"));
    expect(errors).toHaveLength(1);
    return errors[0].replaceAll(`${folder.path}/`, "");
  };

  test("with a row", async () => {
    write("equal.jsonl", [...rows, { prompt: "1", chosen: "a", rejected: "a" }]);
    write("lacking.jsonl", [{ prompt: "1", chosen: "a" }]);
    write("empty.jsonl", [{ prompt: "1", chosen: "", rejected: "b" }]);
    write("label.jsonl", [{ prompt: "1", completion: "a", label: true }]);
    for (const verb of ["reward-model", "dpo"] as const) {
      expect(await errorOf(train(verb, "refused", "equal.jsonl"))).toBe(
        "error: equal.jsonl:41: chosen and rejected are equal, so there is nothing to prefer; remove the row",
      );
      expect(await errorOf(train(verb, "refused", "lacking.jsonl"))).toBe(
        'error: lacking.jsonl:1: expected a column "rejected"; the row has: prompt, chosen',
      );
      expect(await errorOf(train(verb, "refused", "empty.jsonl"))).toBe(
        'error: empty.jsonl:1: column "chosen" must be a text or a number, got an empty text',
      );
    }
    expect(await errorOf(train("dpo", "refused", "label.jsonl"))).toContain('label.jsonl:1: expected columns "chosen"');
  });

  test("with a model or an option", async () => {
    expect(await errorOf(["run", at("helpful"), "hello"])).toContain(
      "this is a reward model: it scores texts and writes",
    );
    expect(await errorOf(["convert", at("helpful"), at("x.gguf")])).toContain("a reward model cannot be converted");
    expect(await errorOf(rewarded("refused", "--reward", `rm:${at("model")}`))).toContain(
      "this model has no score head",
    );
    expect(await errorOf(rewarded("refused", "--reward", `rm:${at("nowhere")}`))).toContain("nowhere");
    expect(await errorOf(rewarded("refused", "--set", "rewards.rm.limit=0"))).toContain("limit");
    expect(await errorOf(train("dpo", "refused", "pairs.jsonl", { lossType: "ipo", labelSmoothing: 0.1 }))).toContain(
      "labelSmoothing has no effect with lossType ipo",
    );
  });
});
