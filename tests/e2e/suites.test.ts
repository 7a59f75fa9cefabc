// `luciole eval --suite` from outside: several suites in one go, data from the hub's cache or a file of one's own, what
// is kept, and every refusal in one line.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { buildProgram } from "../../src/cli/program.js";
import type { EvaluationRecord } from "../../src/eval/evaluation-record.js";
import type { KeptSample } from "../../src/eval/evaluation-run.js";
import { DATA_GRADERS } from "../../src/tasks/data-task.js";
import { SUITE_NAMES } from "../../src/tasks/suites/index.js";
import { settings, temporaryFolder } from "./command.js";
import { inProcess } from "./in-process.js";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });
const folder = temporaryFolder();
const errorLine = (stderr: string) => stderr.split("\n").find((line) => line.startsWith("error:"));
const at = (name: string) => join(folder.path, name);

const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
const GSM8K = Array.from({ length: 4 }, (_, i) => ({ question: `What is ${i} + ${i}?`, answer: `so\n#### ${2 * i}` }));
const AIME = [{ id: "0", problem: "Find 2+2.", answer: "4" }];
const AIME_COMMIT = "563bb8404243c5f09de6ec262f2db674fe5bce9b";

beforeAll(async () => {
  writeFileSync(at("gsm8k.jsonl"), lines(GSM8K));
  writeFileSync(at("book.txt"), "a line of a small book\n".repeat(200));
  const snapshot = at(`hub/datasets--math-ai--aime25/snapshots/${AIME_COMMIT}`);
  mkdirSync(snapshot, { recursive: true });
  writeFileSync(join(snapshot, "test.jsonl"), lines(AIME));
  const sizes = {
    ...{ "model.hidden_size": 32, "model.num_hidden_layers": 2, "model.intermediate_size": 48 },
    ...{ "model.max_position_embeddings": 256, steps: 1, batchSequences: 2 },
  };
  const shape = ["--model", "llama-tiny", "--tokenizer", "byte", "--out", at("model"), ...settings(sizes)];
  const { code, stderr } = await inProcess(["pretrain", "--corpus", at("book.txt"), "--json", ...shape]);
  expect(code, stderr).toBe(0);
});

afterAll(folder.remove);

const evaluate = (...args: string[]) =>
  inProcess(["eval", at("model"), "--template", "plain", "--json", ...args], { HF_HUB_CACHE: at("hub") });
const OWN = ["--suite-data", `gsm8k=${"{file}"}`];
const own = (name = "gsm8k.jsonl") => OWN.map((arg) => arg.replace("{file}", at(name)));

test("several suites are measured in one go, and all that was counted is kept", async () => {
  const sizes = ["--samples", "3", "--max-tokens", "12", "--out", at("run")];
  const { code, stdout, stderr } = await evaluate("--suite", "gsm8k,aime-2025", ...own(), "--protocol", "r1", ...sizes);
  expect(code, stderr).toBe(0);
  const record = JSON.parse(readFileSync(at("run/evaluation.json"), "utf8")) as EvaluationRecord;
  const { tokensPerSecond: _, outDir: __, ...printed } = JSON.parse(stdout);
  expect(printed).toEqual(record);
  expect(record).toMatchObject({
    protocol: "r1",
    temperature: 0.6,
    topP: 0.95,
    topK: 0,
    maxNewTokens: 12,
    grader: "1",
  });
  const [gsm8k, aime] = record.evaluations;
  expect(gsm8k).toMatchObject({ task: "gsm8k", title: "GSM8K", problems: 4, samplesPerProblem: 3, grader: "math" });
  expect(gsm8k.source).toEqual({
    files: [{ path: at("gsm8k.jsonl"), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }],
  });
  expect(aime.source).toMatchObject({ repo: "math-ai/aime25", revision: AIME_COMMIT });
  expect(gsm8k.questions.map(({ question, gold }) => [question, gold])).toEqual(
    GSM8K.map(({ question }, i) => [question, `${2 * i}`]),
  );
  const kept = readFileSync(at("run/sampled.jsonl"), "utf8").trim().split("\n");
  const samples = kept.map((line) => JSON.parse(line) as KeptSample);
  expect(samples.map(({ part, index, sample }) => `${part} ${index} ${sample}`)).toEqual([
    ...[0, 1, 2, 3].flatMap((index) => [0, 1, 2].map((sample) => `gsm8k ${index} ${sample}`)),
    ...[0, 1, 2].map((sample) => `aime-2025 0 ${sample}`),
  ]);
  for (const { text, decidedBy, numTokens } of samples)
    expect([typeof text, typeof decidedBy, numTokens > 0]).toEqual(["string", "string", true]);

  // A part of the samples gone, the last line torn, the rest in another order: the same bytes in the end.
  const whole = readFileSync(at("run/sampled.jsonl"), "utf8");
  const bytes = readFileSync(at("run/evaluation.json"), "utf8");
  writeFileSync(at("run/sampled.jsonl"), `${[kept[7], kept[2], kept[14]].join("\n")}\n${kept[9].slice(0, 40)}`);
  const resumed = await inProcess(["eval", at("model"), "--resume", at("run"), "--json"]);
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(readFileSync(at("run/sampled.jsonl"), "utf8")).toBe(whole);
  expect(readFileSync(at("run/evaluation.json"), "utf8")).toBe(bytes);
});

test("kept evaluations have pages, and are compared", async () => {
  expect(readFileSync(at("run/report.html"), "utf8")).toContain("GSM8K: the hardest questions");
  rmSync(at("run/report.html"));
  const again = await inProcess(["report", at("run"), "--json"]);
  expect(JSON.parse(again.stdout), again.stderr).toEqual({ report: at("run/report.html") });
  const sizes = ["--samples", "2", "--max-tokens", "8", "--temperature", "1", "--out", at("other")];
  const { code, stderr } = await evaluate("--suite", "gsm8k", ...own(), ...sizes);
  expect(code, stderr).toBe(0);
  const both = ["eval", "compare", at("run"), at("other"), "--out", at("compared.html")];
  const { stdout } = await inProcess([...both, "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({
    comparisons: [{ runs: [at("run"), at("other")], task: "gsm8k", questions: 4, unpaired: 0 }],
    report: at("compared.html"),
  });
  expect(readFileSync(at("compared.html"), "utf8")).toContain("4 questions in common");
  expect((await inProcess(both)).stdout).toMatch(/^GSM8K: 4 questions in common\n {2}run: pass@1 \d/);
});

test.each([
  ["one evaluation", ["{at}/run"], 2, /a comparison needs two evaluations or more/],
  [
    "no evaluation",
    ["{at}/run", "{at}/model"],
    1,
    /model: expected an evaluation, found no evaluation\.json; make one/,
  ],
  ["no run", ["{at}/run", "{at}/none"], 1, /none: expected an evaluation/],
  ["a flag of eval", ["{at}/run", "{at}/other", "--samples", "2"], 2, /unknown option '--samples'/],
])("a comparison with %s is refused in one line", async (_, args, status, message) => {
  const { code, stderr } = await inProcess(["eval", "compare", ...args.map((arg) => arg.replace("{at}", folder.path))]);
  expect([code, errorLine(stderr)]).toEqual([status, expect.stringMatching(message)]);
});

test("the help names every suite and every grader", () => {
  const help = buildProgram()
    .commands.find((command) => command.name() === "eval")
    ?.helpInformation()
    .replaceAll(/\s+/g, " ");
  for (const name of [...SUITE_NAMES, ...DATA_GRADERS]) expect(help).toContain(name);
});

test("for a person it tells each suite's counts, and what of its questions stands in training data", async () => {
  writeFileSync(at("train.jsonl"), lines([{ text: "They ask: what is 2 + 2? And more." }]));
  const { code, stdout, stderr } = await inProcess([
    ...["eval", at("model"), "--template", "plain", "--suite", "gsm8k", ...own(), "--samples", "2"],
    ...["--max-tokens", "8", "--contamination", at("train.jsonl")],
  ]);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^GSM8K: 4 distinct held-out problems x 2 samples, ± one standard error\n/);
  for (const label of ["pass@1", "pass@2", "cons@2", "cut off"]) expect(stdout).toContain(label);
  expect(stdout).toMatch(/contaminated +25\.0% of the questions/);
});

test.each([
  ["an unknown suite", ["--suite", "gsm9k"], /--suite gsm9k: expected one of aime-2024, .*did you mean "gsm8k"/],
  [
    "data that is not there",
    ["--suite", "math-500"],
    /math-500: its data is not there; pull it with: .*pull --dataset HuggingFaceH4\/MATH-500@6e4ed1a\w+:test, or name a/,
  ],
  ["data of another suite", ["--suite", "aime-2025", "--suite-data", "gsm8k=x"], /expected NAME=file, .* aime-2025$/],
  [
    "a context too short for the protocol",
    ["--suite", "gsm8k", ...OWN, "--protocol", "r1"],
    /r1 samples up to 32768 new tokens behind prompts of up to \d+, but the model's context is 256; set --max-tokens/,
  ],
  ["a task beside a suite", ["--suite", "gsm8k", ...OWN, "--task", "countdown"], /--task has no effect with --suite/],
  ["data without a suite", ["--suite-data", "gsm8k=x"], /--suite-data has no effect without --suite/],
  ["a grader without data", ["--grader", "math"], /--grader has no effect without --data/],
])("%s is refused in one line", async (_, args, message) => {
  const { code, stderr } = await evaluate(...args.map((arg) => arg.replace("{file}", at("gsm8k.jsonl"))));
  expect(code).toBe(2);
  expect(errorLine(stderr)).toMatch(message);
});

test.each([
  [
    "a missing column",
    { frage: "?", answer: "#### 1" },
    /bad\.jsonl:5: expected a column "question".*has: frage, answer/,
  ],
  ["an empty answer", { question: "?", answer: "" }, /bad\.jsonl:5: column "answer" must be a text or a number/],
])("a row with %s is named", async (_, row, message) => {
  writeFileSync(at("bad.jsonl"), lines([...GSM8K, row]));
  const { code, stderr } = await evaluate("--suite", "gsm8k", ...own("bad.jsonl"));
  expect(code).toBe(1);
  expect(errorLine(stderr)).toMatch(message);
});
