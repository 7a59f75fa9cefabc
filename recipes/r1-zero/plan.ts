// What a run of the recipe will take, worked out before its first step: parameters, tokens, memory.
import { parseGrpoOptions } from "../../src/rl/config.js";
import { planReinforcement, reinforcementKnobs } from "../../src/rl/memory-plan.js";
import { createCountdownTask } from "../../src/tasks/countdown.js";
import type { Task } from "../../src/tasks/task.js";
import {
  batchToPlan,
  type MemoryKnobs,
  outlineOf,
  type PhaseMemory,
  planLines,
  planTraining,
  refuseIfTooLarge,
} from "../../src/train/memory-plan.js";
import { TraceCorpus, traceTokenizer } from "../../src/train/trace-corpus.js";
import { modelConfig, type ZeroOptions } from "./options.js";

/**
 * Lines that tell the plan. Throws BackendError, naming the knob to turn, when the run will not fit into the free
 * memory.
 */
export async function planZero(options: ZeroOptions, seed: number): Promise<string[]> {
  const { pretrain, evaluation } = options;
  const tokenizer = traceTokenizer();
  const model = { config: modelConfig(options, tokenizer), compute: options.compute };
  const batch = batchToPlan(
    new TraceCorpus(tokenizer, options.task, options.traces, seed),
    pretrain,
    "pretrain.batchSequences",
  );
  const task = createCountdownTask(options.task) as unknown as Task;
  const stages = [
    [await planTraining(model, "pretraining", batch, pretrain)],
    ...(await planReinforcement(model, {
      tokenizer,
      template: "compact",
      task,
      seed,
      options: options.rl,
      evaluation,
    })),
  ];
  refuseIfTooLarge(stages, (phase) => knobs(options, phase));
  const { total, active } = outlineOf(model);
  const count = (n: number) => Math.round(n).toLocaleString("en-US");
  const rl = parseGrpoOptions(options.rl);
  return planLines(
    [
      [
        "model",
        `${count(total)} parameters, ${count(active)} active per token (${model.config.model_type}, ${model.compute})`,
      ],
      ["pretrain", `${count(pretrain.steps)} steps, about ${count(batch.numTargets * pretrain.steps)} tokens`],
      [
        "reinforce",
        `${count(rl.steps)} steps of ${rl.numPrompts} problems x ${rl.numGenerations} completions of up to ` +
          `${rl.maxCompletionLength} tokens`,
      ],
    ],
    stages,
  );
}

function knobs({ pretrain, rl, evaluation }: ZeroOptions, phase: PhaseMemory): MemoryKnobs {
  const model = "choose a smaller model: lower model.hidden_size, model.num_hidden_layers or model.n_routed_experts";
  const activations = `lower pretrain.microBatchTokens (now ${pretrain.microBatchTokens})`;
  return phase.name === "pretraining"
    ? { model, activations, cache: model }
    : { ...reinforcementKnobs(phase, rl, evaluation), model };
}
