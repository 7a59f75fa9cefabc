// What a run of the R1 recipe will take, worked out before its first step: parameters, tokens, memory.
import { planReinforcement, reinforcementRemedies } from "../../src/rl/memory-plan.js";
import type { Progress } from "../../src/terminal/progress.js";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.js";
import type { TrainingData } from "../../src/train/loop.js";
import {
  batchToPlan,
  type MemoryRemedies,
  type PhaseMemory,
  type PlannedModel,
  planTraining,
} from "../../src/train/memory-plan.js";
import { count, modelRow, type PlanRow, printPlan } from "../../src/train/plan-lines.js";
import { R1_STAGES, type R1Options, type R1StageName } from "./options.js";
import type { Worlds } from "./worlds.js";

/** What a run works on. */
export interface R1Work {
  readonly model: PlannedModel;
  readonly tokenizer: Tokenizer;
  readonly corpus: TrainingData;
  readonly worlds: Worlds;
  readonly seed: number;
}

/**
 * Prints the plan. Fine-tuning takes no more than pretraining, whose micro-batches it shares. Throws BackendError,
 * naming the option to lower, when the run will not fit into the free memory.
 */
export async function planR1(options: R1Options, work: R1Work, progress: Progress): Promise<void> {
  const { pretrain, evaluation } = options;
  const grpo = { ...options.rl, steps: 1 };
  const { model, corpus, worlds } = work;
  const batch = batchToPlan(corpus, pretrain, "pretrain.batchSequences");
  const { task } = worlds.whole;
  const stages = [
    [await planTraining(model, "pretraining", batch, pretrain)],
    ...(await planReinforcement(model, { ...work, task, template: "dialogue", grpo, evaluation })),
  ];
  const tokens = count(batch.numTargets * pretrain.steps);
  const rows: PlanRow[] = [
    modelRow(model),
    options.base === null
      ? ["pretrain", `${count(pretrain.steps)} steps, about ${tokens} tokens`]
      : ["base", options.base],
    ...R1_STAGES.filter((name) => options.stages.includes(name)).map(
      (name): PlanRow => [name, stageRow(options, name)],
    ),
  ];
  printPlan(progress, rows, stages, (phase) => remedies(options, phase));
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

function remedies({ pretrain, rl, evaluation }: R1Options, phase: PhaseMemory): MemoryRemedies {
  const model = "choose a smaller model: lower model.hidden_size, model.num_hidden_layers or model.n_routed_experts";
  const activations = `lower pretrain.microBatchTokens (now ${pretrain.microBatchTokens})`;
  return phase.name === "pretraining"
    ? { model, activations, cache: model }
    : { ...reinforcementRemedies(phase, { ...rl, steps: 1 }, evaluation), model };
}
