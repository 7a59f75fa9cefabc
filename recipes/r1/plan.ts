// What a run of the R1 recipe will take, worked out before its first step: parameters, tokens, memory.

import { formatPercent } from "../../src/number-text.js";
import { rewardModelOptions } from "../../src/preference/options.js";
import { planRewardTraining, planScores } from "../../src/preference/plan.js";
import { planReinforcement, reinforcementRemedies } from "../../src/rl/memory-plan.js";
import type { Progress } from "../../src/terminal/progress.js";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.js";
import type { TrainingData } from "../../src/train/loop.js";
import {
  type BatchToPlan,
  batchToPlan,
  type MemoryRemedies,
  type PhaseMemory,
  type PlannedModel,
  planTraining,
  type StageMemory,
  withBeside,
} from "../../src/train/memory-plan.js";
import { count, modelRow, type PlanRow, printPlan } from "../../src/train/plan-lines.js";
import { R1_STAGES, type R1Options, type R1StageName } from "./options.js";
import { hasRewardModels, JUDGED, judgeTraining } from "./preferences.js";
import type { Worlds } from "./worlds.js";

/** Phases of the reward models. */
const REWARD_TRAINING = "reward-model training";
const JUDGING = "judging";

/** What a run works on. */
export interface R1Work {
  readonly model: PlannedModel;
  readonly tokenizer: Tokenizer;
  readonly corpus: TrainingData;
  readonly worlds: Worlds;
  readonly seed: number;
}

/**
 * What each stage will take in memory. Fine-tuning takes no more than pretraining, whose micro-batches it shares. The
 * reward models are trained one by one, beside the run's own model; later both judge while that one learns.
 */
export async function planR1Stages(
  options: R1Options,
  work: R1Work,
  batch: BatchToPlan = firstBatch(options, work),
): Promise<StageMemory[]> {
  const { pretrain, evaluation } = options;
  const grpo = { ...options.rl, steps: 1 };
  const { model, worlds } = work;
  const pretraining = await planTraining(model, "pretraining", batch, pretrain);
  const planned = { ...work, task: worlds.whole.task, template: "dialogue" as const, grpo, evaluation };
  const [evaluated, reinforced] = await planReinforcement(model, planned);
  if (!options.stages.includes("all") || !hasRewardModels(options, worlds))
    return [[pretraining], evaluated, reinforced];
  const training = await planRewardTraining(model, REWARD_TRAINING, rewardModelOptions(judgeTraining(options)));
  const scores = await planScores(model, JUDGING);
  const judges = JUDGED.length * scores.weights;
  const [{ weights, moments }] = reinforced;
  return [
    [pretraining],
    evaluated,
    [withBeside(training, evaluated[0].weights)],
    [
      ...reinforced.map((phase) => withBeside(phase, judges)),
      withBeside(scores, judges - scores.weights + weights + moments),
    ],
  ];
}

const firstBatch = ({ pretrain }: R1Options, { corpus }: R1Work): BatchToPlan =>
  batchToPlan(corpus, pretrain, "pretrain.batchSequences");

/** Prints the plan. Throws BackendError, naming the option to lower, when the run will not fit into the free memory. */
export async function planR1(options: R1Options, work: R1Work, progress: Progress): Promise<void> {
  const { pretrain } = options;
  const { model, worlds } = work;
  const batch = firstBatch(options, work);
  const stages = await planR1Stages(options, work, batch);
  const tokens = count(batch.numTargets * pretrain.steps);
  const rows: PlanRow[] = [
    modelRow(model),
    options.base === null
      ? ["pretrain", `${count(pretrain.steps)} steps, about ${tokens} tokens`]
      : ["base", options.base],
    ...R1_STAGES.filter((name) => options.stages.includes(name)).map(
      (name): PlanRow => [name, stageRow(options, name) + (name === "all" ? judgedPart(options, worlds) : "")],
    ),
  ];
  printPlan(progress, rows, stages, (phase) => remedies(options, phase));
}

/** Who judges general prompts in the last stage, and from when on. */
function judgedPart(options: R1Options, worlds: Worlds): string {
  if (!hasRewardModels(options, worlds)) return "";
  return `; after ${formatPercent(options.rewardModels.from)} of them, ${JUDGED.length} reward models judge general prompts`;
}

function stageRow(options: R1Options, name: R1StageName): string {
  const { numPrompts, numGenerations, maxCompletionLength } = options.rl;
  if (name === "cold" || name === "rejection") {
    const { data, problems, samplesPerProblem, epochs } = options[name];
    const rows =
      data?.join(", ") ?? `right and readable ones of ${count(problems)} problems x ${samplesPerProblem} answers`;
    return `the base fine-tuned on ${rows}, ${epochs} epochs`;
  }
  if (name === "students") {
    const { names, pretrainSteps, problems, samplesPerProblem, epochs } = options.students;
    const answers = `right answers to ${count(problems)} problems x ${samplesPerProblem}, ${epochs} epochs`;
    const before = pretrainSteps > 0 ? `pretrained for ${count(pretrainSteps)} steps; ` : "";
    return `${names.join(", ")}: ${before}${answers}`;
  }
  return (
    `${count(options[name].steps)} steps of ${numPrompts} problems x ${numGenerations} completions of up to ` +
    `${maxCompletionLength} tokens`
  );
}

function remedies({ pretrain, rl, rewardModels, evaluation }: R1Options, phase: PhaseMemory): MemoryRemedies {
  const model = "choose a smaller model: lower model.hidden_size, model.num_hidden_layers or model.n_routed_experts";
  const activations = `lower pretrain.microBatchTokens (now ${pretrain.microBatchTokens})`;
  if (phase.name === "pretraining") return { model, activations, cache: model };
  const withoutJudges = "leave the reward models out with rewardModels.weight=0";
  if (phase.name === REWARD_TRAINING)
    return { model, activations: `lower rewardModels.batchRows (now ${rewardModels.batchRows})`, cache: model };
  if (phase.name === JUDGING) return { model: withoutJudges, activations: withoutJudges, cache: withoutJudges };
  return { ...reinforcementRemedies(phase, { ...rl, steps: 1 }, evaluation), model };
}
