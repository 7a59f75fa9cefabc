// Claims about what an evaluation takes over from the run it evaluates.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { evaluationOfRun } from "./eval-defaults.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-eval-defaults-"));
afterAll(() => rmSync(folder, { recursive: true }));

function run(name: string, options: object): string {
  const path = join(folder, name);
  mkdirSync(join(path, "checkpoints"), { recursive: true });
  writeFileSync(join(path, "config.json"), JSON.stringify({ verb: "rl", seed: 3, options, machine: {} }));
  return path;
}
const evaluation = {
  problems: "all",
  samplesPerProblem: 4,
  temperature: 0.6,
  topP: 0.95,
  maxSequences: 8,
  everySteps: 5,
  quickProblems: 2,
};

it("problems, samples, sampling, token limit, seed and data are the run's", () => {
  const path = run("own-data", {
    evaluation,
    rl: { maxCompletionLength: 48 },
    source: { task: "jsonl", data: "/data/own.jsonl" },
  });
  expect(evaluationOfRun(path)).toEqual({
    problems: "all",
    samplesPerProblem: 4,
    temperature: 0.6,
    topP: 0.95,
    maxNewTokens: 48,
    seed: 3,
    task: "data",
    data: ["/data/own.jsonl"],
  });
});

it("an option that the run left at its default is that default", () => {
  expect(evaluationOfRun(run("defaults", { evaluation, rl: {} }))).toMatchObject({ maxNewTokens: 256 });
});

it("a run without reinforcement and a model directory have none", () => {
  expect(evaluationOfRun(run("pretrained", { steps: 5 }))).toBeNull();
  expect(evaluationOfRun(folder)).toBeNull();
});
