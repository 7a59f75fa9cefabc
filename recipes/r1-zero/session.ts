// What the recipe's stages share: model, data, run directory, counters. Knows no stage.
import type { CheckpointStore, JsonObject, LoadedCheckpoint } from "../../src/checkpoint/index.js";
import type { Policy } from "../../src/eval/rollout.js";
import { createModel } from "../../src/models/create.js";
import { completionLimit, type RlSetting, type RlState } from "../../src/rl/reinforce.js";
import { freshRlState } from "../../src/rl/rl-run.js";
import { createCountdownTask } from "../../src/tasks/countdown.js";
import { accuracyReward, formatReward } from "../../src/tasks/rewards.js";
import type { Task } from "../../src/tasks/task.js";
import { noWork, type RunSurroundings, TrainingSession, type WorkCount } from "../../src/train/session.js";
import { TraceCorpus, traceTokenizer } from "../../src/train/trace-corpus.js";

import { modelConfig, type ZeroOptions } from "./options.js";

/** Where a run stands; everything in it goes into checkpoints. */
export interface ZeroState extends RlState {
  stage: "pretrain" | "rl";
  pretrain: WorkCount;
}

const freshState = (): ZeroState => ({ ...freshRlState(), stage: "pretrain", pretrain: noWork() });

/** A recipe run in progress. */
export class ZeroSession extends TrainingSession<ZeroState> {
  readonly corpus: TraceCorpus;
  readonly task: Task;
  readonly policy: Policy;

  private constructor(
    readonly options: ZeroOptions,
    around: RunSurroundings,
    store: CheckpointStore,
    checkpoint: LoadedCheckpoint | undefined,
  ) {
    const tokenizer = traceTokenizer();
    const model = createModel(modelConfig(options, tokenizer), { compute: options.compute, seed: around.seed });
    const { temperature, topP } = options.evaluation;
    const generation = {
      prompt_template: "compact",
      task: "countdown",
      task_options: options.task as JsonObject,
      temperature,
      top_p: topP,
      max_new_tokens: completionLimit(options.rl),
    };
    const checkpointStep = ({ stage, step }: ZeroState) => (stage === "rl" ? options.pretrain.steps : 0) + step;
    super(
      { ...around, model, tokenizer, generation, checkpointSeconds: options.checkpointSeconds, checkpointStep },
      store,
      freshState(),
      checkpoint,
    );
    this.task = createCountdownTask(options.task) as unknown as Task;
    this.corpus = new TraceCorpus(tokenizer, options.task, options.traces, around.seed);
    this.policy = { model, tokenizer, template: "compact", stopIds: [tokenizer.eosId as number] };
  }

  /** Begins a run, or goes on from `checkpoint`. */
  static async open(
    options: ZeroOptions,
    around: RunSurroundings,
    checkpoint?: LoadedCheckpoint,
  ): Promise<ZeroSession> {
    return new ZeroSession(options, around, await TrainingSession.openStore(around.run, checkpoint), checkpoint);
  }

  /** The reinforcement of this run: rewarded for right answers and for the form, for nothing else. */
  get setting(): RlSetting {
    const { policy, task, options } = this;
    // Safe: reinforcement changes the part of the state that it knows.
    const session = this as unknown as TrainingSession<RlState>;
    return {
      session,
      policy,
      task,
      rewards: [accuracyReward(task), formatReward()],
      options: options.rl,
      evaluation: options.evaluation,
    };
  }
}
