// What every resumable run shares: model, tokenizer, logs, counters, and their saving and restoring. Knows no stage and
// no task.
import { join } from "node:path";
import {
  CheckpointStore,
  type JsonObject,
  type LoadedCheckpoint,
  type ModelDirectoryContents,
  openModelDirectory,
  storedValues,
  writeModelDirectory,
} from "../checkpoint/index.js";
import { CheckpointError, ConfigError } from "../errors.js";
import type { LanguageModel } from "../models/language-model.js";
import { loadWeights } from "../models/weights.js";
import type { Optimizer } from "../optim/optimizer.js";
import { FreshReport } from "../report/fresh-report.js";
import { writeReport } from "../report/report.js";
import type { LogPosition, Phase, RunSummary, TrainingSummary } from "../run/records.js";
import type { RunDirectory } from "../run/run-directory.js";
import { scope } from "../tensor/engine.js";
import type { Progress } from "../terminal/progress.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { tokenizerFiles } from "../tokenizer/tokenizer-files.js";
import { Interrupted } from "./interrupted.js";
import { type SavedState, type StageState, savedState } from "./saved-state.js";
import { frozenNote, modelFiles, restoreSnapshot, trainerTensors } from "./snapshot.js";

/** A stage as far as its saving goes. Whatever is in `state` is JSON. */
export interface StageRecord {
  /** What the stage is called in checkpoints; no two stages of a run share a name. */
  readonly name: string;
  readonly state: StageState;
  /** The earlier stage whose weights this one begins with; default: the one before it, as it leaves them. */
  readonly from?: string;
  /** The phase under which its steps are logged, where it has steps. */
  readonly phase?: Phase;
  /** What generation_config.json says besides of the model as the stage leaves it. */
  readonly generation?: () => JsonObject;
}

/** What a session is made of: the model, where the run is written, who watches, and who may stop it. */
export interface SessionParts {
  readonly run: RunDirectory;
  readonly seed: number;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
  /** Measured peak of the machine in FLOP/s; 0: unknown. */
  readonly peakFlops: number;
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  /** What generation_config.json says besides the end token: prompt template, task. */
  readonly generation?: JsonObject;
  readonly checkpointSeconds: number;
  /** Where the model lies that an adapter is trained over. */
  readonly base?: string;
}

/** What a stage trains with, saved beside the model. */
export interface Trained {
  readonly optimizer: Optimizer;
  /** A second set of weights (the RL reference); null without one. */
  readonly reference: LanguageModel | null;
}

/** A moment between two steps: weights, moments, counters and logs belong together. */
interface WholeMoment {
  readonly optimizerSteps: number;
  readonly log: LogPosition;
}

/** A run in progress: a list of stages, one of which it is in. */
export class TrainingSession {
  /** The stage that the session is in, by its place in the list. */
  place: number;
  private startedMs: number;
  private savedMs = performance.now();
  private savedPlace = "";
  private readonly report: FreshReport;
  private whole: WholeMoment = { optimizerSteps: Number.NaN, log: { metrics: 0, samples: 0 } };

  private constructor(
    readonly parts: SessionParts,
    private readonly stages: readonly StageRecord[],
    private readonly store: CheckpointStore,
    private checkpoint: LoadedCheckpoint | undefined,
  ) {
    this.report = new FreshReport(parts.run.path);
    const saved = checkpoint && savedState(checkpoint);
    this.place = saved ? restoreStates(stages, saved) : 0;
    this.startedMs = performance.now() - (saved?.totalSeconds ?? 0) * 1000;
  }

  /**
   * Begins a run, or goes on from a checkpoint: then the states of the stages become the saved ones, and `train` brings
   * weights and moments back. Takes over the run's checkpoints directory; checkpoints after the one resumed from are
   * removed.
   */
  static async open(
    parts: SessionParts,
    stages: readonly StageRecord[],
    checkpoint?: LoadedCheckpoint,
  ): Promise<TrainingSession> {
    refuseDropout(parts.model.config);
    refuseUnknownStages(stages);
    const store = await CheckpointStore.open(parts.run.checkpointsPath, { keepLast: 2 });
    if (checkpoint) await store.removeAfter(checkpoint.step);
    return new TrainingSession(parts, stages, store, checkpoint);
  }

  /** Begins a stage, with the weights that it begins from; or goes on with one, whose own weights `train` brings back. */
  async enter(stage: StageRecord): Promise<void> {
    this.place = this.stages.indexOf(stage);
    if (stage.from === undefined || this.checkpoint) return;
    const { trainable } = this.parts.model;
    const kept = await openModelDirectory(this.keptPath(stage.from));
    await loadWeights(trainable, (name) => storedValues(kept.weights, name));
    await kept.close();
  }

  /** Ends a stage; its model is kept as a directory where a later stage begins from it. */
  async leave({ name }: StageRecord): Promise<void> {
    if (this.stages.some(({ from }) => from === name))
      await writeModelDirectory(this.keptPath(name), this.modelContents());
  }

  /** Writes the model as it is now as a directory `name` of the run, in place of one that is there. */
  async keepModel(name: string): Promise<string> {
    const path = join(this.parts.run.path, name);
    await writeModelDirectory(path, this.modelContents());
    return path;
  }

  private keptPath(stage: string): string {
    return join(this.parts.run.path, "stages", stage);
  }

  /** What marks the lines of the current stage where the run has several of its phase, whose steps each count from 1. */
  get mark(): { readonly stage?: string } {
    const { name, phase } = this.stages[this.place];
    const isOneOfSeveral = phase !== undefined && this.stages.filter((stage) => stage.phase === phase).length > 1;
    return isOneOfSeveral ? { stage: name } : {};
  }

  /** Tells those who watch how many steps the current stage has, of which some may be done. */
  tellSteps(title: string, phase: Phase, steps: number, done: number): void {
    const { progress, run } = this.parts;
    progress.stage(this.mark.stage ?? title, steps, done);
    run.writePlan({ phase, ...this.mark, steps });
  }

  /** Wall seconds of the run so far, those before a resume included. */
  get wallSeconds(): number {
    return (performance.now() - this.startedMs) / 1000;
  }

  /**
   * Runs the steps of a stage that trains: first weights and moments are put back if the session was resumed inside it.
   * Whatever ends the steps early, the state after the last whole one is saved before the error goes on.
   */
  async train<R>(trained: Trained, steps: () => Promise<R>): Promise<R> {
    await this.restoreInto(trained);
    this.markWhole(trained);
    try {
      return await steps();
    } catch (error) {
      await this.rescue(error, trained);
      throw error;
    }
  }

  /**
   * Ends a step, whose lines are logged. Saves when it is time or when forced; throws Interrupted when asked to stop.
   */
  async endStep(trained: Trained, force = false): Promise<void> {
    this.markWhole(trained);
    const isDue = (performance.now() - this.savedMs) / 1000 >= this.parts.checkpointSeconds;
    if (isDue || force) await this.save(trained);
    if (this.parts.signal?.aborted) throw new Interrupted();
  }

  /** Ends the run: its summary, and its report. */
  finish<T extends RunSummary | TrainingSummary>(summary: T): T {
    const { run } = this.parts;
    run.writeSummary(summary);
    writeReport(run.path);
    return summary;
  }

  dispose(): void {
    this.parts.model.dispose();
  }

  private async restoreInto({ optimizer, reference }: Trained): Promise<void> {
    if (!this.checkpoint) return;
    const { optimizerSteps } = savedState(this.checkpoint);
    await restoreSnapshot(this.checkpoint, { model: this.parts.model, optimizer, reference }, optimizerSteps);
    await this.checkpoint.close();
    this.checkpoint = undefined;
  }

  private markWhole({ optimizer }: Trained): void {
    this.whole = { optimizerSteps: optimizer.stepCount, log: this.parts.run.position() };
  }

  /**
   * Saves the last whole step unless the weights have moved on from it. What hinders the saving is not told: `error`
   * came first.
   */
  private async rescue(error: unknown, trained: Trained): Promise<void> {
    if (error instanceof CheckpointError || trained.optimizer.stepCount !== this.whole.optimizerSteps) return;
    dropUnfinished(this.parts.model);
    await this.save(trained).catch(() => {});
  }

  private async save(trained: Trained): Promise<void> {
    const { model, run } = this.parts;
    const state = this.currentState();
    const step = Object.values(state.stages).reduce((sum, stage) => sum + stage.step, 0);
    const place = `${step} ${state.log.metrics} ${state.log.samples}`;
    if (place === this.savedPlace) return; // every step logs a line: nothing has happened since
    run.sync();
    const tensors = trainerTensors({ model, ...trained });
    await this.store.save({ ...this.modelContents(), trainer: { step, tensors, state } });
    this.savedMs = performance.now();
    this.savedPlace = place;
    this.report.refresh();
  }

  private currentState(): JsonObject & Pick<SavedState, "log" | "stages"> {
    const reached = this.stages.slice(0, this.place + 1);
    return {
      stage: this.stages[this.place].name,
      // Safe: a stage's state is JSON; what is not is refused when it is written.
      stages: Object.fromEntries(reached.map(({ name, state }) => [name, state as StageState & JsonObject])),
      totalSeconds: this.wallSeconds,
      optimizerSteps: this.whole.optimizerSteps,
      log: { ...this.whole.log },
    };
  }

  /** The model as a directory of its own. */
  private modelContents(): ModelDirectoryContents {
    const { model, tokenizer, generation, base = null } = this.parts;
    const eos: JsonObject = tokenizer.eosId === undefined ? {} : { eos_token_id: tokenizer.eosId };
    return {
      ...modelFiles(model, base),
      generationConfig: {
        ...eos,
        do_sample: true,
        temperature: 1,
        ...generation,
        ...this.stages[this.place].generation?.(),
        compute_type: model.parameters.compute,
        ...frozenNote(model),
      },
      files: tokenizerFiles(tokenizer),
    };
  }
}

/** Forgets what a step that did not end has gathered: gradients, and the loads of experts. */
function dropUnfinished(model: LanguageModel): void {
  model.trainable.clearGrads();
  for (const moe of model.moeLayers) scope(() => moe.updateBias(0));
}

/**
 * Throws ConfigError for a configuration that asks for dropout: training would leave it out, and the model be another
 * than it says.
 */
function refuseDropout({ attention_dropout: dropout = 0 }: LanguageModel["config"]): void {
  if (dropout === 0 || dropout === null) return;
  throw new ConfigError(
    `config.json: attention_dropout ${JSON.stringify(dropout)} is not supported in training; set it to 0 ` +
      "to train without it",
  );
}

/** Throws ConfigError for names that two stages share, and for a stage that begins from one that is not before it. */
function refuseUnknownStages(stages: readonly StageRecord[]): void {
  for (const [place, { name, from }] of stages.entries()) {
    const before = stages.slice(0, place).map((stage) => stage.name);
    if (before.includes(name)) throw new ConfigError(`two stages are called "${name}"; give each a name of its own`);
    if (from !== undefined && !before.includes(from))
      throw new ConfigError(
        `stage "${name}" begins from "${from}", which must be one before it: ${before.join(", ") || "there is none"}`,
      );
  }
}

/** Puts saved states into the stages' own; gives the place of the stage that the run was in. */
function restoreStates(stages: readonly StageRecord[], saved: SavedState): number {
  const place = stages.findIndex(({ name }) => name === saved.stage);
  if (place < 0)
    throw new CheckpointError(
      `the checkpoint stands in a stage "${saved.stage}", but this run has: ${stages.map(({ name }) => name).join(", ")}`,
    );
  for (const { name, state } of stages.slice(0, place + 1)) Object.assign(state, saved.stages[name]);
  return place;
}
