// `luciole rl --reward code`: rows carry tests, and what the programs of replies pass of them is the reward.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { luciole, succeed, temporaryFolder } from "./command.js";
import { BYTES_REWARD, makeSmallModel, ROUNDS } from "./small-runs.js";

const LIMIT_MS = 300_000;
const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(() => folder.remove());

const rowOf = (n: number, tests: readonly object[]) => ({ prompt: `print ${n}`, answer: `console.log(${n})`, tests });
const settings = (values: object) => Object.entries(values).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
const rl = (data: string, out: string) => [
  ...[
    "rl",
    "--model",
    at("model"),
    "--data",
    at(data),
    "--reward",
    "code",
    "--reward",
    at("bytes.ts"),
    "--out",
    at(out),
  ],
  ...settings({
    template: "plain",
    ...ROUNDS,
    "rl.steps": 2,
    "rewards.code.language": "javascript",
    "rewards.code.counts": "share",
  }),
];

beforeAll(async () => {
  await makeSmallModel(folder.path);
  writeFileSync(at("bytes.ts"), BYTES_REWARD);
}, LIMIT_MS);

test(
  "a run whose rows have tests is rewarded for what replies pass",
  async () => {
    const rows = [1, 2, 3, 4].map((n) => rowOf(n, [{ input: "", output: `${n}` }]));
    writeFileSync(at("rows.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    await succeed(rl("rows.jsonl", "out"));
    const steps = readFileSync(at("out/metrics.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const means = steps.map((step) => step["rewards/code_reward/mean"]).filter((mean) => mean !== undefined);
    expect(means).toHaveLength(2);
    for (const mean of means) expect(mean).toBe(0); // a model of two steps writes no program
  },
  LIMIT_MS,
);

test(
  "a test in no known form is refused by file, line and form",
  async () => {
    const rows = [1, 2, 3, 4].map((n) => rowOf(n, [{ stdin: "", stdout: "1" }]));
    writeFileSync(at("bad.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const { code, stderr } = await luciole(rl("bad.jsonl", "bad"));
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/bad\.jsonl:\d: column "tests": test 1: expected \{input, output\}/);
  },
  LIMIT_MS,
);
