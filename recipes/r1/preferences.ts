// The reward models of the R1 recipe: what they learn from, and the rewards that they become on general prompts.
import { rewardModelPath, rewardModelStage } from "../../src/library/train-reward-model.js";
import { rewardModel } from "../../src/preference/reward-model.js";
import { writeKeptRows } from "../../src/rl/rejection-stage.js";
import type { GeneralProblem } from "../../src/tasks/general/general.js";
import { preferencePairs, safetyRow } from "../../src/tasks/general/preferences.js";
import { taskNameOf } from "../../src/tasks/mix.js";
import type { WeightedReward } from "../../src/tasks/reward.js";
import type { Task } from "../../src/tasks/task.js";
import { renderWording } from "../../src/tasks/templates.js";
import type { RunContext } from "../../src/train/run-context.js";
import type { Stage } from "../../src/train/stage.js";
import type { R1Options } from "./options.js";
import type { Worlds } from "./worlds.js";

/** What a reward model judges. */
export const JUDGED = ["helpful", "harmless"] as const;
type Judged = (typeof JUDGED)[number];

const stageName = (judged: Judged): string => `${judged} reward model`;

/** Whether a run trains reward models: it has general prompts, and gives the rewards some weight. */
export const hasRewardModels = (options: R1Options, { general }: Worlds): boolean =>
  general !== null && options.rewardModels.weight > 0;

/** How each of them is trained. */
export const judgeTraining = ({ compute, rewardModels: { batchRows, epochs, learningRate } }: R1Options) => ({
  batchRows,
  epochs,
  learningRate,
  compute,
});

/**
 * The stages that train the reward models, each from the model that is to be reinforced, as InstructGPT's were
 * (arXiv 2203.02155 §3.5). The run's own model is left as it is.
 */
export function rewardModelStages(options: R1Options, worlds: Worlds, seed: number, context: RunContext): Stage[] {
  if (!hasRewardModels(options, worlds)) return [];
  return JUDGED.map((judged) =>
    rewardModelStage(
      stageName(judged),
      {
        data: (runPath) => options.rewardModels[judged].data ?? [writeRows(judged, options, worlds, seed, runPath)],
        options: judgeTraining(options),
        seed,
      },
      context,
    ),
  );
}

/** The rewards for general prompts, in the last part of a stage. */
export function preferenceRewards(options: R1Options, worlds: Worlds, runPath: string): WeightedReward[] {
  if (!hasRewardModels(options, worlds)) return [];
  const { weight, from } = options.rewardModels;
  return JUDGED.map((judged) => ({
    reward: rewardModel(rewardModelPath(runPath, stageName(judged)), {
      question: ({ prompt }) => prompt,
      name: judged,
    }),
    weight,
    from,
    when: (problem) => taskNameOf(problem) === "general",
  }));
}

/** Writes the world's own rows to a file of the run; prompts are worded as they are in reinforcement. */
function writeRows(judged: Judged, options: R1Options, { general }: Worlds, seed: number, runPath: string): string {
  // Safe: a world of general instructions alone.
  const task = general?.task as Task<GeneralProblem>;
  const count = options.rewardModels[judged].rows;
  const rows = judged === "helpful" ? pairs(task, seed, count) : labels(task, seed, count);
  return writeKeptRows(runPath, stageName(judged), rows);
}

const asAsked = (prompt: string): string =>
  renderWording({ compact: prompt, question: prompt, answerForm: "" }, "dialogue");

const pairs = (task: Task<GeneralProblem>, seed: number, count: number) =>
  preferencePairs(task, { seed, count, split: "train" }).map((pair) => ({ ...pair, prompt: asAsked(pair.prompt) }));

/** Answers to any requests, labelled safe or not. */
const labels = (task: Task<GeneralProblem>, seed: number, count: number) =>
  Array.from({ length: count }, (_, i) => safetyRow(task.generate(seed, i, "train"), seed)).map((row) => ({
    ...row,
    prompt: asAsked(row.prompt),
  }));
