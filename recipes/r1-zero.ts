// R1-Zero from nothing: build a DeepSeek-V3-architecture model, pretrain it on searches right and wrong, measure it,
// reinforce it with verifiable rewards alone, measure again. This file is the list of its stages.
import { createModel } from "../src/models/create.js";
import { evaluatedReinforcement, summariseReinforcement } from "../src/rl/rl-run.js";
import type { RunSummary } from "../src/run/records.js";
import { createTask } from "../src/tasks/registry.js";
import { accuracyReward, formatReward } from "../src/tasks/rewards.js";
import { type RunContext, withRun } from "../src/train/run-context.js";
import { performStages } from "../src/train/stage.js";
import { TraceCorpus, traceTokenizer } from "../src/train/trace-corpus.js";
import { type TrainingStage, trainingStage } from "../src/train/training-stage.js";
import { modelConfig, type ZeroOptions } from "./r1-zero/options.js";
import { planZero } from "./r1-zero/plan.js";

export { ZERO_PRESETS, type ZeroOptions, type ZeroPreset, zeroOptions } from "./r1-zero/options.js";

/**
 * Runs the recipe, or goes on with a run bit for bit as if it had not stopped. Throws BackendError when it will not fit
 * into memory, Interrupted (state saved) when the signal fires.
 */
export function runZero(options: ZeroOptions, seed: number, context: RunContext): Promise<RunSummary> {
  return withRun("zero", context, async ({ checkpoint, begin }) => {
    const { compute, evaluation, rl: grpo, checkpointSeconds } = options;
    const tokenizer = traceTokenizer();
    const config = modelConfig(options, tokenizer);
    const corpus = new TraceCorpus(tokenizer, options.task, options.traces, seed);
    const task = createTask("countdown", options.task);
    await planZero(options, { model: { config, compute }, tokenizer, corpus, task, seed }, context.progress);
    const run = begin({ seed, options, compute });
    const model = createModel(config, { compute, seed });
    const policy = { model, tokenizer, template: "compact" as const, stopIds: [tokenizer.eosId as number] };
    const generation = {
      prompt_template: "compact",
      task: "countdown",
      task_options: options.task,
      temperature: evaluation.temperature,
      top_p: evaluation.topP,
      max_new_tokens: grpo.maxCompletionLength,
    };
    // Rewarded for right answers and for the form, for nothing else; no supervised step.
    const rewards = [accuracyReward(task), formatReward()];

    const pretrain = pretraining(options, corpus);
    const reinforcement = evaluatedReinforcement({ policy, task, rewards, grpo, evaluation });
    const { base, reinforce, final } = reinforcement;
    return performStages(
      { ...run, model, tokenizer, generation, checkpointSeconds },
      [pretrain, base, reinforce, final],
      checkpoint,
      (session) => summariseReinforcement(session, reinforcement, evaluation, pretrain.state.work),
    );
  });
}

/** Builds the base model by next-token and multi-token prediction. Nothing tells it which searches are right. */
function pretraining({ pretrain }: ZeroOptions, corpus: TraceCorpus): TrainingStage {
  return trainingStage("pretrain", corpus, {
    ...pretrain,
    phase: "pretrain",
    finalFraction: 0.05,
    maxGradNorm: 1,
    validation: corpus.sequences(0, pretrain.batchSequences, "heldout"),
    validationEverySteps: 50,
    learningRateName: "pretrain.learningRate",
  });
}
