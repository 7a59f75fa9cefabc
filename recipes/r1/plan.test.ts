// Claims about the plan of an R1 run: its reward models are counted where they are trained and where they judge.
import { beforeAll, expect, test } from "vitest";
import { openBackend } from "../../src/backends/open.js";
import { planScores } from "../../src/preference/plan.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { Progress } from "../../src/terminal/progress.js";
import type { StageMemory } from "../../src/train/memory-plan.js";
import { WorldCorpus, worldTokenizer } from "../../src/train/world-corpus.js";
import { modelConfig, R1_PRESETS, r1Options } from "./options.js";
import { planR1, planR1Stages } from "./plan.js";
import { worldsOf } from "./worlds.js";

beforeAll(async () => setDefaultDevice(new Device(await openBackend())));

function runOf(given: object = {}) {
  const options = r1Options({ ...R1_PRESETS.smoke, ...given });
  const worlds = worldsOf(options, 0);
  const tokenizer = worldTokenizer(worlds.whole, options.vocabSize);
  const model = { config: modelConfig(options, tokenizer), compute: options.compute };
  const work = { model, tokenizer, corpus: new WorldCorpus(worlds.whole, tokenizer), worlds, seed: 0 };
  return { options, work };
}
const withoutJudges = { rewardModels: { ...R1_PRESETS.smoke.rewardModels, weight: 0 } };
const phasesOf = (stages: readonly StageMemory[]) =>
  Object.fromEntries(stages.flat().map((phase) => [phase.name, phase]));
const planOf = async (given?: object) => {
  const { options, work } = runOf(given);
  return phasesOf(await planR1Stages(options, work));
};

test("counts both reward models beside the policy that they judge, and one that is trained beside it", async () => {
  const [judged, unjudged] = [await planOf(), await planOf(withoutJudges)];
  const { weights } = await planScores(runOf().work.model, "one");
  for (const name of ["rollouts", "updates"]) {
    expect(judged[name].weights - unjudged[name].weights).toBe(2 * weights);
    expect(judged[name].peak - unjudged[name].peak).toBe(2 * weights);
  }
  const { rollouts, evaluation, judging, "reward-model training": training } = judged;
  expect(judging.weights).toBe(rollouts.weights + rollouts.moments);
  expect(judging.activations).toBeGreaterThan(0);
  expect(training.weights).toBeGreaterThan(evaluation.weights);
  expect(training.moments).toBeGreaterThanOrEqual(2 * training.gradients);
});

test.each([
  ["whose rewards have no weight", withoutJudges],
  ["of a run without the stage that they judge in", { stages: ["zero", "reason"] }],
])("leaves out reward models %s", async (_, given) => {
  expect(Object.keys(await planOf(given))).toEqual(["pretraining", "evaluation", "rollouts", "updates"]);
});

test("is told with the reward models by name", async () => {
  let told = "";
  const progress = new Progress({ mode: "plain", stream: { write: (text) => (told += text) } });
  const { options, work } = runOf();
  await planR1(options, work, progress);
  expect(told).toMatch(/^ +all +2 steps of .*; after 50\.0% of them, 2 reward models judge general prompts$/m);
  expect(told).toMatch(/^ +reward-model training: .* \(weights .*, gradients .*, moments .*, activations .*\)$/m);
  expect(told).toMatch(/^ +judging: .* \(weights .*, activations .*\)$/m);
});
