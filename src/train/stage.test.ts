// Claims about runs of several stages: stopped in the middle of any of them they go on to the same bits, and a stage
// may begin with the weights of one that is not just before it.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { listSteps, loadLatest } from "../checkpoint/index.js";
import { createModel } from "../models/create.js";
import { oneLayerLlama } from "../models/one-layer-llama.fixture.js";
import { RunDirectory } from "../run/run-directory.js";
import { createArithmeticTask } from "../tasks/arithmetic.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { Progress } from "../terminal/progress.js";
import { createCharTokenizer } from "../tokenizer/char-tokenizer.js";
import { Interrupted } from "./interrupted.js";
import { savedState } from "./saved-state.js";
import { performStages, type Stage } from "./stage.js";
import { trainingStage } from "./training-stage.js";

const tokenizer = createCharTokenizer("0123456789+-*/=:; \nQA", { bos: "<bos>", eos: "<eos>" });
const config = oneLayerLlama(tokenizer.vocabSize, { max_position_embeddings: 32 });
const STEPS = 2;

const folder = mkdtempSync(join(tmpdir(), "luciole-stages-"));
beforeAll(() => setDefaultDevice(new Device(createReferenceBackend())));
afterAll(() => rmSync(folder, { recursive: true }));

/** Counts the steps of all stages, and stops the run in the middle of one. */
class Stop {
  readonly controller = new AbortController();
  private steps = 0;

  constructor(private readonly inStep: number) {}

  step(): void {
    if (++this.steps === this.inStep) this.controller.abort();
  }
}

function stage(name: string, stop: Stop, options: { from?: string; optimizer?: "adamw" | "muon" } = {}): Stage {
  const task = createArithmeticTask({ maxDigits: 1 });
  const sequences = (from: number, count: number) => {
    stop.step();
    return Array.from({ length: count }, (_, i) => {
      const problem = task.generate(name.length, from + i, "train");
      return { ids: tokenizer.encode(`${task.renderPrompt(problem, "compact")}${problem.answer}`) };
    });
  };
  const { from, optimizer = "adamw" } = options;
  const trained = trainingStage(
    name,
    { sequences },
    {
      phase: "sft",
      steps: STEPS,
      batchSequences: 4,
      optimizer,
      learningRate: 1e-2,
      warmupSteps: 0,
      finalFraction: 1,
      weightDecay: 0,
      maxGradNorm: 1,
      microBatchTokens: 16,
      routerBiasStep: 0,
      validation: [],
      validationEverySteps: 1,
      learningRateName: "learningRate",
    },
  );
  return from === undefined ? trained : { ...trained, from };
}

/** Three stages, the last from the first: its optimiser and its weights are its own. */
const three = (stop: Stop) => [
  stage("base", stop),
  stage("between", stop, { optimizer: "muon" }),
  stage("tuned", stop, { from: "base" }),
];

/** Runs to the end, or to the stop; a run that is there goes on. */
async function perform(name: string, stages: readonly Stage[], signal?: AbortSignal): Promise<void> {
  const path = join(folder, name);
  const checkpoint = await loadLatest(join(path, "checkpoints"));
  const run = checkpoint
    ? RunDirectory.resume(path, savedState(checkpoint).log)
    : RunDirectory.create({ verb: "sft", path, seed: 1, options: {}, isa: "reference" });
  const progress = new Progress({ mode: "silent" });
  const parts = { run, seed: 1, progress, signal, peakFlops: 0, tokenizer, checkpointSeconds: 1000 };
  try {
    await performStages({ ...parts, model: createModel(config, { seed: 5 }) }, stages, checkpoint, () => SUMMARY);
  } finally {
    run.close();
  }
}

const SUMMARY = {
  ...{ steps: 0, tokens: 0, loss: 0, valLoss: null, seed: 1, params: 0, activeParams: 0, wallSeconds: 0 },
  ...{ peakRssBytes: 0, tokensPerSecond: { train: null }, mfu: null, runDir: "" },
};

const weights = (name: string, step: number, file = "model") =>
  readFileSync(join(folder, name, "checkpoints", `step-${step}`, `${file}.safetensors`));
const losses = (name: string) =>
  readFileSync(join(folder, name, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).loss);

it("stopped in the middle of any step of any stage, a run goes on to the same bits", async () => {
  await perform("whole", three(new Stop(0)));
  expect(losses("whole")).toHaveLength(3 * STEPS);
  for (let at = 1; at <= 3 * STEPS; at++) {
    const stop = new Stop(at);
    await expect(perform(`stopped-${at}`, three(stop), stop.controller.signal)).rejects.toThrow(Interrupted);
    expect(await listSteps(join(folder, `stopped-${at}`, "checkpoints"))).toContain(at - 1);
    await perform(`stopped-${at}`, three(new Stop(0)));
    expect(losses(`stopped-${at}`)).toEqual(losses("whole"));
    for (const file of ["model", "trainer"])
      expect(weights(`stopped-${at}`, 3 * STEPS, file)).toEqual(weights("whole", 3 * STEPS, file));
  }
});

it("a stage that begins from an earlier one sees nothing of those between", async () => {
  const none = new Stop(0);
  await perform("direct", [stage("base", none), stage("tuned", none)]);
  expect(weights("direct", 2 * STEPS)).toEqual(weights("whole", 3 * STEPS));
  expect(weights("direct", 2 * STEPS)).not.toEqual(weights("whole", 2 * STEPS));
});

it("names that do not fit are refused", async () => {
  const stop = new Stop(0);
  await expect(perform("twice", [stage("a", stop), stage("a", stop)])).rejects.toThrow('two stages are called "a"');
  await expect(perform("later", [stage("a", stop, { from: "b" }), stage("b", stop)])).rejects.toThrow(
    'stage "a" begins from "b", which must be one before it: there is none',
  );
});

it("a checkpoint of other stages is refused by name", async () => {
  await expect(perform("whole", [stage("other", new Stop(0))])).rejects.toThrow(
    'the checkpoint stands in a stage "tuned", but this run has: other',
  );
});
