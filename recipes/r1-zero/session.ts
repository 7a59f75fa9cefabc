// What the recipe's stages share: model, data, run directory, counters, and their saving and restoring.
// Knows no stage.
import { type CheckpointContents, CheckpointStore, type JsonObject, type LoadedCheckpoint } from "../../src/checkpoint/index.js";
import { CheckpointError } from "../../src/errors.js";
import type { Evaluation } from "../../src/eval/evaluate.js";
import type { Policy } from "../../src/eval/rollout.js";
import { createModel } from "../../src/models/create.js";
import type { LanguageModel } from "../../src/models/language-model.js";
import type { Optimizer } from "../../src/optim/optimizer.js";
import type { Progress } from "../../src/run/progress.js";
import type { RunDirectory } from "../../src/run/run-directory.js";
import { createCountdownTask } from "../../src/tasks/countdown.js";
import type { Task } from "../../src/tasks/task.js";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.js";
import { tokenizerFiles } from "../../src/tokenizer/tokenizer-files.js";
import { modelFiles, restoreSnapshot, trainerTensors } from "../../src/train/snapshot.js";
import { TraceCorpus, zeroTokenizer } from "./corpus.js";
import { modelConfig, type ZeroOptions } from "./options.js";

/** Where a run stands; everything in it goes into checkpoints. */
export interface ZeroState {
  stage: "pretrain" | "rl";
  /** Steps done in the stage. */
  step: number;
  pretrainTokens: number;
  rolloutTokens: number;
  trainTokens: number;
  /** Floating-point operations of training steps, from the ops' costs. */
  trainFlops: number;
  seconds: { pretrain: number; rollout: number; train: number; total: number };
  nextProblem: number;
  base: Evaluation | null;
}

const freshState = (): ZeroState => ({
  stage: "pretrain",
  step: 0,
  pretrainTokens: 0,
  rolloutTokens: 0,
  trainTokens: 0,
  trainFlops: 0,
  seconds: { pretrain: 0, rollout: 0, train: 0, total: 0 },
  nextProblem: 0,
  base: null,
});

/** Thrown when a run was asked to stop, after its state was saved. */
export class Interrupted extends Error {}

/** A recipe run in progress. */
export class ZeroSession {
  readonly tokenizer: Tokenizer;
  readonly task: Task;
  readonly corpus: TraceCorpus;
  readonly model: LanguageModel;
  readonly policy: Policy;
  state: ZeroState = freshState();
  private startedMs = performance.now();
  private savedMs = performance.now();

  private constructor(
    readonly options: ZeroOptions,
    readonly seed: number,
    readonly run: RunDirectory,
    readonly progress: Progress,
    readonly signal: AbortSignal | undefined,
    private readonly store: CheckpointStore,
    private checkpoint: LoadedCheckpoint | undefined,
  ) {
    this.tokenizer = zeroTokenizer();
    this.task = createCountdownTask(options.task) as unknown as Task;
    this.corpus = new TraceCorpus(this.tokenizer, options.task, options.traces, seed);
    this.model = createModel(modelConfig(options, this.tokenizer), { compute: options.compute, seed });
    this.policy = { model: this.model, tokenizer: this.tokenizer, template: "compact", stopIds: [this.tokenizer.eosId as number] };
  }

  /** Begins a run, or goes on from `checkpoint`. */
  static async open(
    options: ZeroOptions,
    seed: number,
    run: RunDirectory,
    progress: Progress,
    signal?: AbortSignal,
    checkpoint?: LoadedCheckpoint,
  ): Promise<ZeroSession> {
    const store = await CheckpointStore.open(run.checkpointsPath, { keepLast: 2 });
    if (checkpoint) await store.removeAfter(checkpoint.step);
    const session = new ZeroSession(options, seed, run, progress, signal, store, checkpoint);
    if (checkpoint) session.state = stateOf(checkpoint);
    session.startedMs = performance.now() - session.state.seconds.total * 1000;
    return session;
  }

  /** Wall seconds of the run so far, those before a resume included. */
  get wallSeconds(): number {
    return (performance.now() - this.startedMs) / 1000;
  }

  /** Puts weights and moments back if this session was resumed inside the current stage. */
  async restoreInto(optimizer: Optimizer, reference: LanguageModel | null = null): Promise<void> {
    if (!this.checkpoint) return;
    const saved = this.checkpoint.trainer.state as unknown as { optimizerSteps: number };
    await restoreSnapshot(this.checkpoint, { model: this.model, optimizer, reference }, saved.optimizerSteps);
    await this.checkpoint.close();
    this.checkpoint = undefined;
  }

  /** Saves when it is time, or when asked to stop (and then throws Interrupted). */
  async saveIfDue(optimizer: Optimizer, reference: LanguageModel | null = null, force = false): Promise<void> {
    const due = (performance.now() - this.savedMs) / 1000 >= this.options.checkpointSeconds;
    const stopping = this.signal?.aborted ?? false;
    if (due || stopping || force) await this.save(optimizer, reference);
    if (stopping) throw new Interrupted();
  }

  dispose(): void {
    this.model.dispose();
  }

  private async save(optimizer: Optimizer, reference: LanguageModel | null): Promise<void> {
    this.state.seconds.total = this.wallSeconds;
    const { config, weights } = await modelFiles(this.model);
    const step = (this.state.stage === "rl" ? this.options.pretrain.steps : 0) + this.state.step;
    const state = { ...this.state, optimizerSteps: optimizer.stepCount, log: { ...this.run.position() }, seed: this.seed } as unknown as JsonObject;
    const contents: CheckpointContents = {
      config,
      weights,
      generationConfig: { eos_token_id: this.tokenizer.eosId as number, do_sample: true, temperature: 1 },
      files: tokenizerFiles(this.tokenizer),
      trainer: { step, tensors: await trainerTensors({ model: this.model, optimizer, reference }), state },
    };
    await this.store.save(contents);
    this.savedMs = performance.now();
  }
}

/** The recipe's state inside a checkpoint. Throws CheckpointError for a checkpoint of another kind. */
export function stateOf(checkpoint: LoadedCheckpoint): ZeroState & { log: { metrics: number; samples: number }; seed: number } {
  const state = checkpoint.trainer.state as unknown as ZeroState & { log: { metrics: number; samples: number }; seed: number };
  if (state.stage !== "pretrain" && state.stage !== "rl")
    throw new CheckpointError(`${checkpoint.directory}: expected a checkpoint of the zero recipe; resume it with the verb that made it`);
  return structuredClone(state);
}
