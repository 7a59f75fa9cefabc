// The whole of R1 from nothing (arXiv 2501.12948 §2.3): a base; R1-Zero by reinforcement alone; the base fine-tuned on
// readable chains; reinforced for reasoning in one language; the base fine-tuned on right and readable answers with
// general material; reinforced for all scenarios; and the small students that it teaches. Each is measured. This file
// is the list of its stages.
import type { JsonObject } from "../src/checkpoint/index.js";
import { openModel, readModelFacts } from "../src/inference/opening/open-model.js";
import { createModel } from "../src/models/create.js";
import { fingerprintsOf } from "../src/run/fingerprints.js";
import { accuracyReward, formatReward, languageConsistencyReward } from "../src/tasks/rewards.js";
import { type RunContext, withRun } from "../src/train/run-context.js";
import { performStages, type Stage } from "../src/train/stage.js";
import { WorldCorpus, worldTokenizer } from "../src/train/world-corpus.js";
import { modelConfig, type R1Options, type R1StageName } from "./r1/options.js";
import { planR1 } from "./r1/plan.js";
import { preferenceRewards, rewardModelStages } from "./r1/preferences.js";
import { rewrittenChain } from "./r1/readable.js";
import { R1Stages } from "./r1/stages.js";
import { studentStages } from "./r1/students.js";
import { type R1Summary, summariseR1 } from "./r1/summary.js";
import { worldsOf } from "./r1/worlds.js";

export { R1_PRESETS, type R1Options, type R1Preset, r1IdleRules, r1Options } from "./r1/options.js";
export type { R1Summary } from "./r1/summary.js";

/**
 * Runs the recipe, or goes on with a run bit for bit as if it had not stopped. Throws BackendError when it will not fit
 * into memory, TrainingError when sampling keeps nothing to learn from, Interrupted (state saved) when the signal
 * fires.
 */
export function runR1(options: R1Options, seed: number, context: RunContext): Promise<R1Summary> {
  return withRun("r1", context, async ({ checkpoint, begin }) => {
    const { compute, evaluation, rl, checkpointSeconds } = options;
    const worlds = worldsOf(options, seed);
    const base = options.base === null ? null : await readModelFacts(checkpoint?.directory ?? options.base);
    const tokenizer = base?.tokenizer ?? worldTokenizer(worlds.whole, options.vocabSize);
    const config = base?.config ?? modelConfig(options, tokenizer);
    const corpus = new WorldCorpus(worlds.whole, tokenizer);
    await planR1(options, { model: { config, compute }, tokenizer, corpus, worlds, seed }, context.progress);
    const { helpful, harmless } = options.rewardModels;
    const files = [options.cold, options.rejection, helpful, harmless].flatMap(({ data }) => data ?? []);
    const run = begin({ seed, options, compute, fingerprints: fingerprintsOf(files) });
    const model = base ? (await openModel(base.directory, { compute })).model : createModel(config, { compute, seed });
    const stopIds = base?.stopIds ?? [tokenizer.eosId as number];
    const policy = { model, tokenizer, template: "dialogue" as const, stopIds };
    const generation = {
      prompt_template: "dialogue",
      task: "mix",
      task_options: worlds.reasoning.taskOptions as JsonObject,
      temperature: evaluation.temperature,
      top_p: evaluation.topP,
      max_new_tokens: rl.maxCompletionLength,
    };

    const of = new R1Stages(options, worlds, policy, seed);
    const { reasoning, whole } = worlds;
    const rewards = (task: typeof whole.task) => [accuracyReward(task), formatReward()];
    const english = (weight: number) => ({ reward: languageConsistencyReward(), weight });

    const list: Record<R1StageName, () => Stage[]> = {
      // Rewarded for right answers and for the form, for nothing else; no supervised step.
      zero: () => [of.reinforcement("zero", reasoning.task, rewards(reasoning.task))],
      // What Zero found out, said in English and in the whole form; the base learns it.
      cold: () => of.tuning("cold", rewrittenChain),
      reason: () => [
        of.reinforcement("reason", reasoning.task, [
          ...rewards(reasoning.task),
          english(options.reason.languageWeight),
        ]),
      ],
      // Right answers as they were given, if they can be read, and general material; the base learns both.
      rejection: () => of.tuning("rejection"),
      // General prompts have no verifier: two reward models judge there, in the last quarter; before that, form and
      // language alone count.
      all: () => [
        ...rewardModelStages(options, worlds, seed, context),
        of.reinforcement("all", whole.task, [
          ...rewards(whole.task),
          english(options.all.languageWeight),
          ...preferenceRewards(options, worlds, run.run.path),
        ]),
      ],
      // Small models that learn from right answers of this one, each measured in a run of its own.
      students: () => studentStages(options, seed, context),
    };

    const pretrain = of.pretraining(corpus);
    const begun = base ? of.givenBase() : pretrain;
    const measured = [begun, of.evaluation("base", begun)];
    const stages = [
      ...measured,
      ...of.chosen.flatMap((name) => {
        const each = list[name]();
        return name === "students" ? each : [...each, of.evaluation(name, each[each.length - 1])];
      }),
    ];
    return performStages({ ...run, model, tokenizer, generation, checkpointSeconds }, stages, checkpoint, (session) =>
      summariseR1(session, stages, evaluation, pretrain.state.work),
    );
  });
}
