// The report of a run is there whenever a person looks: while it is under way, after it was stopped, after a run of the
// library.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createReferenceBackend } from "../../src/backends/reference.js";
import { createModel, parseHfConfig } from "../../src/models/index.js";
import { MODEL_PRESETS } from "../../src/models/presets.js";
import { RunDirectory } from "../../src/run/index.js";
import { runEntry } from "../../src/run/run-list.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { Progress } from "../../src/terminal/progress.js";
import { createByteTokenizer } from "../../src/tokenizer/byte-tokenizer.js";
import { trainRun } from "../../src/train/train-run.js";
import { pretrainOptions } from "../../src/train/training-options.js";
import { luciole, start, succeed, temporaryFolder } from "./command.js";
import { makeSmallModel, reinforce } from "./small-runs.js";

const LIMIT_MS = 240_000;
vi.setConfig({ testTimeout: LIMIT_MS });
const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
const OWN =
  `export default function digits({ completion, log }) { log("letters", completion.length); return ` +
  "(completion.match(/[^a-z]/g) ?? []).length / 16; }";
beforeAll(async () => {
  await makeSmallModel(folder.path);
  writeFileSync(at("reward.ts"), OWN);
}, LIMIT_MS);
afterAll(() => folder.remove());
const page = (run: string) => readFileSync(at(`${run}/report.html`), "utf8");

test("it is refreshed at checkpoints, and on request while the run is under way, which tells its steps", async () => {
  const command = start(reinforce(folder.path, "reward.ts", "run", { "rl.steps": 100_000, checkpointSeconds: 0.2 }));
  await command.saying("reinforce: 100,000 steps");
  while (!existsSync(at("run/report.html"))) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(page("run")).toMatch(/This run has not finished: rl, step [\d,]+\./);
  expect(await runEntry(folder.path, "run")).toMatchObject({ state: "running", plan: { phase: "rl", steps: 100_000 } });
  rmSync(at("run/report.html"));
  const { stdout } = await succeed(["report", at("run"), "--json"]);
  expect(JSON.parse(stdout)).toEqual({ report: at("run/report.html") });
  for (const shown of [
    "letters",
    "Rewards",
    "Gradient norm",
    "Learning rate",
    "Clipped tokens",
    "Step time",
    '<table class="rollouts">',
  ])
    expect(page("run")).toContain(shown);
  command.child.kill("SIGINT");
  expect((await command.ended).code).toBe(130);
  expect((await runEntry(folder.path, "run")).state).toBe("stopped");
  expect((await runEntry(folder.path, "model")).plan).toEqual({ phase: "pretrain", steps: 2 });
});

test("it is refused in one line where there is no run", async () => {
  const { code, stderr } = await luciole(["report", at("nowhere")]);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^error: .*nowhere: expected a run directory/)]);
});

test.each([
  [["report", "a", "b"], 2, /^error: the report of several runs needs a place: name the page with --out/],
  [["report", "a", "--out", "page.html"], 2, /^error: --out is for several runs/],
  [["report", "no/a", "no/b", "--out", "page.html"], 2, /^error: .*no\/a: expected a run directory/],
])("several runs: %j is refused in one line", async (args, status, message) => {
  const { code, stderr } = await luciole(args);
  expect([code, stderr]).toEqual([status, expect.stringMatching(message)]);
});

test("a run of the library writes its summary and its report", async () => {
  setDefaultDevice(new Device(createReferenceBackend()));
  const tokenizer = createByteTokenizer({ bos: "<bos>", eos: "<eos>" });
  const config = parseHfConfig({
    ...MODEL_PRESETS["llama-tiny"],
    hidden_size: 16,
    num_hidden_layers: 1,
    intermediate_size: 16,
    num_attention_heads: 2,
    num_key_value_heads: 2,
    vocab_size: tokenizer.vocabSize,
  });
  const run = RunDirectory.create({ verb: "pretrain", path: at("library"), seed: 1, options: {}, isa: "reference" });
  const sequences = (_: number, count: number) =>
    Array.from({ length: count }, () => ({ ids: tokenizer.encode("a small book") }));
  const around = { run, seed: 1, progress: new Progress({ mode: "silent" }), peakFlops: 0 };
  await trainRun({
    ...around,
    phase: "pretrain",
    model: createModel(config),
    tokenizer,
    data: { sequences },
    validation: [],
    steps: 2,
    options: pretrainOptions({ batchSequences: 2 }),
  });
  run.close();
  expect(JSON.parse(readFileSync(at("library/summary.json"), "utf8"))).toMatchObject({ steps: 2 });
  expect(page("library")).toMatch(/Trained on [\d,]+ tokens/);
});
