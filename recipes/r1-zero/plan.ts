// What a run of the recipe will take, worked out before its first step: parameters, tokens, memory.
import { planReinforcement, reinforcementRemedies, reinforcementRow } from "../../src/rl/memory-plan.js";
import type { Task } from "../../src/tasks/task.js";
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
import type { ZeroOptions } from "./options.js";

/** What a run works on. */
export interface ZeroWork {
  readonly model: PlannedModel;
  readonly tokenizer: Tokenizer;
  readonly corpus: TrainingData;
  readonly task: Task;
  readonly seed: number;
}

/** Prints the plan. Throws BackendError, naming the option to lower, when the run will not fit into the free memory. */
export async function planZero(options: ZeroOptions, work: ZeroWork, progress: Progress): Promise<void> {
  const { pretrain, rl: grpo, evaluation } = options;
  const { model, corpus } = work;
  const batch = batchToPlan(corpus, pretrain, "pretrain.batchSequences");
  const stages = [
    [await planTraining(model, "pretraining", batch, pretrain)],
    ...(await planReinforcement(model, { ...work, template: "compact", grpo, evaluation })),
  ];
  const tokens = count(batch.numTargets * pretrain.steps);
  const pretraining: PlanRow = ["pretrain", `${count(pretrain.steps)} steps, about ${tokens} tokens`];
  printPlan(progress, [modelRow(model), pretraining, reinforcementRow(grpo)], stages, (phase) =>
    remedies(options, phase),
  );
}

function remedies({ pretrain, rl, evaluation }: ZeroOptions, phase: PhaseMemory): MemoryRemedies {
  const model = "choose a smaller model: lower model.hidden_size, model.num_hidden_layers or model.n_routed_experts";
  const activations = `lower pretrain.microBatchTokens (now ${pretrain.microBatchTokens})`;
  return phase.name === "pretraining"
    ? { model, activations, cache: model }
    : { ...reinforcementRemedies(phase, rl, evaluation), model };
}
