// The plan of reward models against what really happens: the same on a backend that computes.
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { openBackend } from "../backends/open.js";
import { trainRewardModel } from "../library/train-reward-model.js";
import { createModel } from "../models/create.js";
import { withScoreHead } from "../models/families.js";
import { AdamW } from "../optim/adamw.js";
import { Device, defaultDevice, setDefaultDevice } from "../tensor/device.js";
import { trainStep } from "../train/step.js";
import { rewardModelOptions } from "./options.js";
import { planRewardTraining, planScores } from "./plan.js";
import { openRewardModel, SCORING_TOKENS } from "./reward-model.js";
import { rewardObjective } from "./reward-objective.js";
import { config, contextOf, tinyPairs, writeRows, writeTinyModel } from "./tiny-preferences.fixture.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-preference-plan-"));
const backend = await openBackend();
beforeEach(() => setDefaultDevice(new Device(backend)));
afterAll(() => rmSync(folder, { recursive: true }));

test.each(["f32", "bf16"] as const)(
  "foresees what a reward model takes that is open and scores, in %s",
  async (compute) => {
    const path = join(folder, compute);
    const request = {
      model: await writeTinyModel(join(folder, "base")),
      data: [writeRows(folder, "pairs.jsonl", tinyPairs(20))],
      options: rewardModelOptions({ compute, steps: 1 }),
      seed: 0,
    };
    await trainRewardModel(contextOf(path), request);
    setDefaultDevice(new Device(backend));
    const scorer = await openRewardModel(path);
    const plan = await planScores({ config, compute }, "judging");
    // What is neither packed nor decoded lies in the mapped file, and is counted all the same.
    const { liveBytes } = defaultDevice().memory();
    const [step] = readdirSync(join(path, "checkpoints"));
    expect(plan.weights).toBeGreaterThanOrEqual(liveBytes);
    expect(plan.weights).toBeLessThan(statSync(join(path, "checkpoints", step, "model.safetensors")).size);
    const long = "A".repeat(config.max_position_embeddings);
    await scorer.score(Array.from({ length: SCORING_TOKENS / long.length }, () => ({ prompt: "", answer: long })));
    expect(plan.peak - plan.weights).toBe(defaultDevice().memory().peakLiveBytes - liveBytes);
    expect(plan.activations).toBeGreaterThan(0);
    scorer.dispose();
  },
);

test("foresees the peak of training on the longest pairs to the byte", async () => {
  const options = rewardModelOptions({ batchRows: 6, microBatchTokens: 128 });
  const plan = await planRewardTraining({ config, compute: "f32" }, "training", options);
  const model = createModel(withScoreHead(config));
  const optimizer = new AdamW(model.trainable.trained(), {});
  const answer = { ids: new Int32Array(config.max_position_embeddings).fill(3), learnFrom: 1 };
  const rows = Array.from({ length: 6 }, () => ({ chosen: answer, rejected: answer }));
  await trainStep(model, optimizer, rows, { ...options, objective: rewardObjective(options), lr: 1e-3 });
  expect(plan.peak).toBe(defaultDevice().memory().peakLiveBytes);
  model.dispose();
});
