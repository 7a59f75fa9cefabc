// Claims about the state of a run in a checkpoint: read as it was written, and as runs wrote it before it had stages.
import { expect, test } from "vitest";
import type { JsonObject, LoadedCheckpoint } from "../checkpoint/index.js";
import { CheckpointError } from "../errors.js";
import { savedState } from "./saved-state.js";

const checkpoint = (state: JsonObject, step = 7) =>
  ({ directory: "step-7", step, trainer: { state } }) as unknown as LoadedCheckpoint;

const common = { totalSeconds: 12, optimizerSteps: 3, log: { metrics: 40, samples: 0 } };
const work = { tokens: 5, flops: 6, seconds: 7 };

test("what is written is what is read", () => {
  const state = {
    ...common,
    stage: "sft",
    stages: { pretrain: { step: 4, work }, sft: { step: 3, extra: [1, null] } },
  };
  expect(savedState(checkpoint(state))).toEqual(state);
});

test("training without stages had one", () => {
  const { stage, stages } = savedState(checkpoint({ ...common, step: 3, work, loss: 2, valLoss: null }));
  expect({ stage, stages }).toEqual({ stage: "train", stages: { train: { step: 3, work, loss: 2, valLoss: null } } });
});

const counters = { nextProblem: 8, stepsWithoutSignal: 1, numTokens: 99, rollout: work, train: work };

test("reinforcement without stages had been evaluated before", () => {
  const base = { pass1: 0.5 };
  const { stage, stages } = savedState(checkpoint({ ...common, step: 7, ...counters, base }));
  expect(stage).toBe("reinforce");
  expect(stages).toEqual({
    "evaluate base": { step: 0, evaluation: base },
    reinforce: { step: 7, ...counters },
  });
});

test("the recipe named the stage that it was in, and counted its steps from the stage's beginning", () => {
  const recipe = { ...common, ...counters, pretrain: work };
  const early = savedState(checkpoint({ ...recipe, stage: "pretrain", step: 7, base: null }));
  expect(early).toMatchObject({ stage: "pretrain", stages: { pretrain: { step: 7, work } } });
  expect(Object.keys(early.stages)).toEqual(["pretrain"]);
  const late = savedState(checkpoint({ ...recipe, stage: "rl", step: 2, base: { pass1: 0 } }));
  expect(late.stage).toBe("reinforce");
  expect(late.stages.pretrain).toMatchObject({ step: 5, work });
  expect(late.stages.reinforce).toEqual({ step: 2, ...counters });
});

test("what is no state is refused by the field that is wrong", () => {
  expect(() => savedState(checkpoint({ ...common, stage: "sft", stages: { sft: { step: -1 } } }))).toThrow(
    CheckpointError,
  );
  expect(() => savedState(checkpoint({ ...common, stage: "sft", stages: { sft: { step: -1 } } }))).toThrow(
    /^step-7: trainer\.json: state\.stages\.sft\.step: /,
  );
});
