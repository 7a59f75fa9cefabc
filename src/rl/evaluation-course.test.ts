// Claims about the quick evaluations of a reinforcement: the best model is kept, a run that gets no better ends, and a
// run that was stopped goes on to the same end.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { loadLatest } from "../checkpoint/index.js";
import { createModel } from "../models/create.js";
import { oneLayerLlama } from "../models/one-layer-llama.fixture.js";
import { RunDirectory } from "../run/run-directory.js";
import { createArithmeticTask } from "../tasks/arithmetic.js";
import { sampleReward } from "../tasks/reward.js";
import type { Task } from "../tasks/task.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { Progress } from "../terminal/progress.js";
import { createCharTokenizer } from "../tokenizer/char-tokenizer.js";
import { Interrupted } from "../train/interrupted.js";
import { loraSchema, trainedAdapters } from "../train/lora-options.js";
import { savedState } from "../train/saved-state.js";
import type { TrainingSession } from "../train/session.js";
import { followCourse, freshCourse, hasStalled } from "./evaluation-course.js";
import type { QuickFigures } from "./evaluation-stage.js";
import { rlRunOptions } from "./rl-options.js";
import { reinforceRun } from "./rl-run.js";

const tokenizer = createCharTokenizer("0123456789+-*/=:; \nQA", { bos: "<bos>", eos: "<eos>" });
const config = oneLayerLlama(tokenizer.vocabSize);

const folder = mkdtempSync(join(tmpdir(), "luciole-course-"));
beforeAll(() => setDefaultDevice(new Device(createReferenceBackend())));
afterAll(() => rmSync(folder, { recursive: true }));

const PROBLEMS = 2;

/** A task that tells when the problems of an evaluation are asked for; the one before the run is the 0th. */
function task(first: number, onEvaluation: (evaluation: number) => void): Task {
  const arithmetic = createArithmeticTask({ maxDigits: 1 }) as unknown as Task;
  let evaluation = first - 1;
  const generate: Task["generate"] = (seed, index, split) => {
    if (split === "heldout" && index === 0) onEvaluation(++evaluation);
    return arithmetic.generate(seed, index, split);
  };
  return { ...arithmetic, generate };
}

const varied = sampleReward("varied", ({ completionIds }) =>
  Array.from(completionIds).reduce((sum, id, i) => sum + id * (i + 1), 0),
);

interface Course {
  readonly patience: number;
  readonly steps?: number;
  /** The evaluation in which the run is stopped. */
  readonly stopIn?: number;
  /** Evaluations before this part of the run. */
  readonly first?: number;
  /** Whether an adapter is trained, against the model without it as the reference. */
  readonly isLora?: boolean;
}

/** Runs to the end, or to the stop; a run that is there goes on. Gives what was noted. */
async function perform(
  name: string,
  { patience, steps = 6, stopIn, first = 0, isLora = false }: Course,
): Promise<string[]> {
  const path = join(folder, name);
  const checkpoint = await loadLatest(join(path, "checkpoints"));
  const run = checkpoint
    ? RunDirectory.resume(path, savedState(checkpoint).log)
    : RunDirectory.create({ verb: "rl", path, seed: 1, options: {}, isa: "reference" });
  const controller = new AbortController();
  const notes: string[] = [];
  const progress = new Progress({ mode: "silent" });
  progress.note = (line) => notes.push(line);
  const { rl: grpo, evaluation } = rlRunOptions({
    rl: { steps, numPrompts: 2, numGenerations: 2, maxCompletionLength: 3, learningRate: 1e-3, beta: isLora ? 0.1 : 0 },
    evaluation: {
      problems: PROBLEMS,
      samplesPerProblem: 1,
      quickProblems: PROBLEMS,
      everySteps: 1,
      keepBest: true,
      patience,
    },
  });
  const stop = (evaluation: number) => evaluation === stopIn && controller.abort();
  const adapters = isLora ? trainedAdapters(loraSchema.parse({ rank: 2 }), 3) : [];
  const model = createModel(config, { seed: 5, trains: isLora ? "none" : "all", adapters });
  const policy = { model, tokenizer, template: "compact" as const, stopIds: [1] };
  const base = isLora ? "/some/base" : undefined;
  const parts = { run, seed: 1, progress, signal: controller.signal, peakFlops: 0, checkpointSeconds: 1000, base };
  try {
    await reinforceRun({ ...parts, policy, task: task(first, stop), rewards: [varied], grpo, evaluation, checkpoint });
  } finally {
    run.close();
  }
  return notes;
}

const weights = (name: string, path: string, file = "model") =>
  readFileSync(join(folder, name, path, `${file}.safetensors`));
const lines = (name: string) =>
  readFileSync(join(folder, name, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .map(({ phase, step, pass1, loss, model }) => ({ phase, step, pass1, loss, model }));

it("a new best replaces the one before, an equal one does not, and the count begins anew", async () => {
  const { evaluation } = rlRunOptions({ evaluation: { bestMetric: "format_rate", keepBest: true, patience: 2 } });
  const kept: string[] = [];
  const notes: string[] = [];
  const session = {
    mark: { stage: "zero" },
    keepModel: async (name: string) => kept.push(name),
    parts: { progress: { note: (line: string) => notes.push(line) } },
  } as unknown as TrainingSession;
  const course = freshCourse();
  const follow = (step: number, format_rate: number) =>
    followCourse(session, course, evaluation, step, { format_rate, pass1: -format_rate } as QuickFigures);
  for (const [i, value] of [0.1, 0.1, 0.4, 0.3].entries()) await follow(i + 1, value);
  expect(course).toEqual({ step: 4, best: { step: 3, value: 0.4 }, sinceBest: 1 });
  expect(kept).toEqual([join("best", "zero"), join("best", "zero")]);
  expect(hasStalled(course, evaluation)).toBe(false);
  expect(notes).toEqual([]);
  await follow(5, 0.4);
  expect(hasStalled(course, evaluation)).toBe(true);
  expect(notes).toEqual([
    "rl step 5: format_rate has not risen above 0.400 (step 3) in 2 quick evaluations; reinforcement stops " +
      "(evaluation.patience)",
  ]);
});

// This model never answers: every evaluation is as good as the first.
it("reinforcement ends after so many evaluations without a new best, and the best model is kept", async () => {
  const notes = await perform("whole", { patience: 3 });
  expect(notes.filter((note) => note.startsWith("rl step 4: pass1 has not risen above 0.000 (step 1)"))).toHaveLength(
    1,
  );
  expect(lines("whole").filter(({ phase }) => phase === "rl")).toHaveLength(4);
  await perform("one", { patience: 0, steps: 1 });
  expect(weights("whole", "best")).toEqual(weights("one", "checkpoints/step-1"));
  expect(weights("whole", "best")).not.toEqual(weights("whole", "checkpoints/step-4"));
});

it("without patience it goes on to the last step", async () => {
  await perform("patient", { patience: 0 });
  expect(lines("patient").filter(({ phase }) => phase === "rl")).toHaveLength(6);
});

it.each([1, 2, 3, 4])("stopped in evaluation %i, a run goes on to the same end", async (stopIn) => {
  const name = `stopped-${stopIn}`;
  await expect(perform(name, { patience: 3, stopIn })).rejects.toThrow(Interrupted);
  await perform(name, { patience: 3, first: stopIn });
  expect(lines(name)).toEqual(lines("whole"));
  expect(weights(name, "best")).toEqual(weights("whole", "best"));
  for (const file of ["model", "trainer"])
    expect(weights(name, "checkpoints/step-4", file)).toEqual(weights("whole", "checkpoints/step-4", file));
});

it("a run that ended early is resumed without another step or evaluation", async () => {
  const before = lines("whole");
  await perform("whole", { patience: 3, first: 6 });
  expect(lines("whole")).toEqual(before);
  expect(lines("whole").filter(({ phase }) => phase === "rl")).toHaveLength(4);
  expect(existsSync(join(folder, "whole", "checkpoints", "step-5"))).toBe(false);
});

it("an adapter that is reinforced goes on to the same bits after a stop", async () => {
  await perform("adapter", { patience: 0, steps: 4, isLora: true });
  await expect(perform("adapter-stopped", { patience: 0, steps: 4, stopIn: 2, isLora: true })).rejects.toThrow(
    Interrupted,
  );
  await perform("adapter-stopped", { patience: 0, steps: 4, first: 2, isLora: true });
  expect(lines("adapter-stopped")).toEqual(lines("adapter"));
  for (const file of ["adapter_model", "trainer"])
    expect(weights("adapter-stopped", "checkpoints/step-4", file)).toEqual(
      weights("adapter", "checkpoints/step-4", file),
    );
  expect(weights("adapter", "checkpoints/step-4", "adapter_model")).not.toEqual(
    weights("adapter", "best", "adapter_model"),
  );
});
