// Claims about the curriculum: levels that are solved half of the time come most often, results are remembered with
// decay and in the trainer's state, and a task of one level is refused.
import { afterEach, beforeEach, expect, it } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import type { Trajectory } from "../eval/trajectory.js";
import { createModel } from "../models/create.js";
import { oneLayerLlama } from "../models/one-layer-llama.fixture.js";
import { Random } from "../random.js";
import { createArithmeticTask } from "../tasks/arithmetic.js";
import { createDataTask } from "../tasks/data-task.js";
import { createTask } from "../tasks/registry.js";
import { sampleReward } from "../tasks/reward.js";
import type { Problem, Task } from "../tasks/task.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { createCharTokenizer } from "../tokenizer/char-tokenizer.js";
import { type GrpoOptions, parseGrpoOptions } from "./config.js";
import { accuracyAt, levelOf, refuseOneLevel, takeOne, withResults } from "./curriculum.js";
import { freshGrpoState, type GrpoState, GrpoTrainer } from "./grpo-trainer.js";

const problemOf = (difficulty: number): Problem => ({
  ...({ id: `${difficulty}`, split: "train", fields: {}, answer: "1", difficulty, meta: {} } as const),
});
const task = createArithmeticTask({ maxDigits: 3 }) as unknown as Task;

it("takes levels in proportion to the variance of their results, and no less than the floor", () => {
  // Accuracies 0, 1/2, 3/4 and, untried, 1/2; (right + 1/2) / (seen + 1)
  const levels = { 1: { right: 0, seen: 1e9 }, 2: { right: 4.5, seen: 9 }, 3: { right: 7, seen: 9 } };
  const random = new Random(3);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 20_000; i++) counts[takeOne([1, 2, 3, 4].map(problemOf), levels, 0.25, random).difficulty - 1]++;
  const weights = [0.25, 1, 0.75, 1];
  counts.forEach((count, i) => {
    expect(count / 20_000).toBeCloseTo(weights[i] / 3, 1.8);
  });
});

it("remembers the accuracy of groups at their level, later ones with more weight", () => {
  const answered = (difficulty: number, answer: string | null): Trajectory =>
    ({ problem: problemOf(difficulty), response: { answer } }) as unknown as Trajectory;
  const verify: Task["verify"] = ({ answer }, given) => Number(answer === given);
  const groups = [
    answered(1, "1"),
    answered(1, null),
    answered(2, "1"),
    answered(2, "1"),
    answered(1, "2"),
    answered(1, "2"),
  ];
  const levels = withResults({}, { ...task, verify }, groups, 2, 0.5);
  expect(levels).toEqual({ 1: { right: 0.25, seen: 1.5 }, 2: { right: 1, seen: 1 } });
  expect(accuracyAt(levels, "1")).toBe(0.75 / 2.5);
  expect(accuracyAt(levels, "9")).toBe(0.5);
  expect(withResults(levels, { ...task, verify, hasVerifier: () => false }, groups, 2, 0.5)).toEqual(levels);
});

it("has the difficulties of a mix on their tasks' own scales", () => {
  const mix = createTask("mix", { weights: { arithmetic: 1, countdown: 1 } });
  const levels = new Set(Array.from({ length: 40 }, (_, i) => levelOf(mix.generate(0, i, "train"))));
  expect([...levels].sort()).toEqual(["arithmetic/1", "arithmetic/2", "arithmetic/3", "countdown/3"]);
});

it("refuses a task of one level, and takes a data set's levels from a column", () => {
  const rows = ["Level 1", 2, "3", "Level 4"].map((level, i) => ({
    row: { prompt: `${i}`, answer: "1", level },
    where: `a.jsonl:${i + 1}`,
  }));
  const open = { heldOutFraction: 0 };
  expect(() => refuseOneLevel(createDataTask(rows, open), 0)).toThrow(
    /rl\.curriculum has no effect: all problems of task data are of one difficulty \(0\).*task\.difficultyColumn/,
  );
  const levelled = createDataTask(rows, { ...open, difficultyColumn: "level" });
  expect(() => refuseOneLevel(levelled, 0)).not.toThrow();
  expect([0, 1, 2, 3].map((i) => levelled.generate(0, i, "train").difficulty).sort()).toEqual([1, 2, 3, 4]);
  const bad = [...rows, { row: { prompt: "x", answer: "1", level: "hard" }, where: "a.jsonl:5" }];
  expect(() => createDataTask(bad, { ...open, difficultyColumn: "level" })).toThrow(
    'a.jsonl:5: column "level": expected a number, or a text that ends in one, got "hard"',
  );
});

const tokenizer = createCharTokenizer("0123456789+-*/=:; \nQA", { bos: "<bos>", eos: "<eos>" });
const config = oneLayerLlama(tokenizer.vocabSize);
beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));
const open: GrpoTrainer[] = [];
afterEach(() => {
  for (const trainer of open.splice(0)) {
    trainer.dispose();
    trainer.policy.model.dispose();
  }
});

function trainerOf(state: GrpoState, options: GrpoOptions = {}): GrpoTrainer {
  const policy = { model: createModel(config, { seed: 1 }), tokenizer, template: "compact" as const, stopIds: [1] };
  const small = { numPrompts: 4, numGenerations: 2, maxCompletionLength: 3, curriculum: {} };
  const reward = sampleReward("varied", ({ completionIds }) => Array.from(completionIds).reduce((a, b) => a + b, 0));
  open.push(new GrpoTrainer(policy, task, [reward], parseGrpoOptions({ ...small, ...options }), 7, state));
  return open[open.length - 1];
}

it("chooses from the state that is saved, draws candidates anew in each step, and tells of the levels", async () => {
  const state = freshGrpoState();
  const trainer = trainerOf(state);
  const first = await trainer.runStep();
  expect(state.nextProblem).toBe(16);
  expect(Object.keys(state.levels).sort()).toEqual(
    [...new Set(first.trajectories.map(({ problem }) => levelOf(problem)))].sort(),
  );
  expect(first.metrics["curriculum/difficulty"]).toBeGreaterThanOrEqual(1);
  for (const level of Object.keys(state.levels))
    expect(first.metrics[`curriculum/accuracy/${level}`]).toBe(accuracyAt(state.levels, level));
  const chosen = async (levels: GrpoState["levels"]) => {
    const other = trainerOf({ ...structuredClone(state), levels });
    const { trajectories } = await other.runStep();
    return trajectories.map(({ problem }) => problem.id);
  };
  const saved = JSON.parse(JSON.stringify(state.levels));
  expect(await chosen(saved)).toEqual((await trainer.runStep()).trajectories.map(({ problem }) => problem.id));
  const never = { right: 0, seen: 1e9 };
  const onlyHard = { 1: never, 2: never, 3: { right: 4.5, seen: 9 } };
  const ids = await chosen(onlyHard);
  expect(ids).not.toEqual(await chosen(saved));
});

it("off, takes the problems as they come", async () => {
  const state = freshGrpoState();
  const { trajectories, metrics } = await trainerOf(state, { curriculum: null }).runStep();
  expect(trajectories.map(({ problem }) => problem.id)).toEqual(
    [0, 0, 1, 1, 2, 2, 3, 3].map((i) => task.generate(7, i, "train").id),
  );
  expect([state.nextProblem, state.levels, metrics["curriculum/difficulty"]]).toEqual([4, {}, undefined]);
});
