// What every resumable run shares: model, tokenizer, logs, counters, and their saving and restoring. Knows no stage and
// no task.
import {
  type CheckpointContents,
  CheckpointStore,
  type JsonObject,
  type LoadedCheckpoint,
} from "../checkpoint/index.js";
import { CheckpointError, ConfigError } from "../errors.js";
import type { LanguageModel } from "../models/language-model.js";
import type { Optimizer } from "../optim/optimizer.js";
import { writeReport } from "../report/report.js";
import type { LogPosition, RunSummary, TrainingSummary } from "../run/records.js";
import type { RunDirectory } from "../run/run-directory.js";
import { scope } from "../tensor/engine.js";
import type { Progress } from "../terminal/progress.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { tokenizerFiles } from "../tokenizer/tokenizer-files.js";
import { Interrupted } from "./interrupted.js";
import { modelFiles, restoreSnapshot, trainerTensors } from "./snapshot.js";

/** Work of one kind done so far. */
export interface WorkCount {
  tokens: number;
  /** Floating-point operations, from the ops' costs. */
  flops: number;
  seconds: number;
}

/** No work yet. */
export const noWork = (): WorkCount => ({ tokens: 0, flops: 0, seconds: 0 });

/** Tokens per second; null where nothing was done. */
export const tokenRate = ({ tokens, seconds }: WorkCount): number | null =>
  tokens > 0 && seconds > 0 ? tokens / seconds : null;

/** Share of the machine's peak; null where either is unknown. */
export const utilisation = (flops: number, seconds: number, peakFlops: number): number | null =>
  peakFlops > 0 && seconds > 0 ? flops / seconds / peakFlops : null;

/** Where a run stands: JSON, and all of it goes into checkpoints. */
export interface SessionState {
  /** Optimiser rounds done in the current stage. */
  step: number;
  /** Wall seconds, those before a resume included. */
  totalSeconds: number;
}

/** What surrounds every run: where it is written, who watches, who may stop it, and how fast the machine could be. */
export interface RunSurroundings {
  readonly run: RunDirectory;
  readonly seed: number;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
  /** Measured peak of the machine in FLOP/s; 0: unknown. */
  readonly peakFlops: number;
}

/** What a session is made of. */
export interface SessionParts<S extends SessionState> extends RunSurroundings {
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  /** What generation_config.json says besides the end token: prompt template, task. */
  readonly generation?: JsonObject;
  readonly checkpointSeconds: number;
  /** The number a checkpoint of this state carries; it must grow with the run. Default: its step. */
  readonly checkpointStep?: (state: S) => number;
}

/** What a checkpoint's trainer state holds: the run's own, and what the session adds. */
export type SavedState<S> = S & { readonly log: LogPosition; readonly optimizerSteps: number };

/** The part of a run's time that refreshing its report may take. */
const REPORT_SHARE = 0.01;

/** A moment between two steps: weights, moments, counters and logs belong together. */
interface WholeMoment {
  readonly optimizerSteps: number;
  readonly log: LogPosition;
}

/** A run in progress. */
export class TrainingSession<S extends SessionState> {
  state: S;
  private startedMs: number;
  private savedMs = performance.now();
  private savedPlace = "";
  private report = { costMs: 0, writtenMs: Number.NEGATIVE_INFINITY };
  private whole: WholeMoment = { optimizerSteps: Number.NaN, log: { metrics: 0, samples: 0 } };

  /** With a checkpoint the state is the saved one, and `restoreInto` brings weights and moments back. */
  constructor(
    readonly parts: SessionParts<S>,
    private readonly store: CheckpointStore,
    fresh: S,
    private checkpoint: LoadedCheckpoint | undefined,
  ) {
    refuseDropout(parts.model.config);
    this.state = checkpoint ? savedState<S>(checkpoint) : fresh;
    this.startedMs = performance.now() - this.state.totalSeconds * 1000;
  }

  /** Takes over the run's checkpoints directory; checkpoints after the one resumed from are removed. */
  static async openStore(run: RunDirectory, checkpoint?: LoadedCheckpoint): Promise<CheckpointStore> {
    const store = await CheckpointStore.open(run.checkpointsPath, { keepLast: 2 });
    if (checkpoint) await store.removeAfter(checkpoint.step);
    return store;
  }

  /** Wall seconds of the run so far, those before a resume included. */
  get wallSeconds(): number {
    return (performance.now() - this.startedMs) / 1000;
  }

  /** Whether the run was asked to stop. */
  get isStopping(): boolean {
    return this.parts.signal?.aborted ?? false;
  }

  /**
   * Runs the steps of a stage: first weights and moments are put back if the session was resumed inside it. Whatever
   * ends the stage early, the state after the last whole step is saved before the error goes on.
   */
  async guard<R>(optimizer: Optimizer, reference: LanguageModel | null, steps: () => Promise<R>): Promise<R> {
    await this.restoreInto(optimizer, reference);
    this.markWhole(optimizer);
    try {
      return await steps();
    } catch (error) {
      await this.rescue(error, optimizer, reference);
      throw error;
    }
  }

  /**
   * Ends a step, whose lines are logged. Saves when it is time or when forced; throws Interrupted when asked to stop.
   */
  async endStep(optimizer: Optimizer, reference: LanguageModel | null = null, force = false): Promise<void> {
    this.markWhole(optimizer);
    const isDue = (performance.now() - this.savedMs) / 1000 >= this.parts.checkpointSeconds;
    if (isDue || force) await this.save(optimizer, reference);
    if (this.isStopping) throw new Interrupted();
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

  private async restoreInto(optimizer: Optimizer, reference: LanguageModel | null): Promise<void> {
    if (!this.checkpoint) return;
    const { optimizerSteps } = savedState<S>(this.checkpoint);
    await restoreSnapshot(this.checkpoint, { model: this.parts.model, optimizer, reference }, optimizerSteps);
    await this.checkpoint.close();
    this.checkpoint = undefined;
  }

  private markWhole({ stepCount }: Optimizer): void {
    this.whole = { optimizerSteps: stepCount, log: this.parts.run.position() };
  }

  /**
   * Saves the last whole step unless the weights have moved on from it. What hinders the saving is not told: `error`
   * came first.
   */
  private async rescue(error: unknown, optimizer: Optimizer, reference: LanguageModel | null): Promise<void> {
    if (error instanceof CheckpointError || optimizer.stepCount !== this.whole.optimizerSteps) return;
    dropUnfinished(this.parts.model);
    await this.save(optimizer, reference).catch(() => {});
  }

  private async save(optimizer: Optimizer, reference: LanguageModel | null): Promise<void> {
    const { model, tokenizer, run, generation, checkpointStep } = this.parts;
    const step = checkpointStep?.(this.state) ?? this.state.step;
    const { log, optimizerSteps } = this.whole;
    const place = `${step} ${log.metrics} ${log.samples}`;
    if (place === this.savedPlace) return; // every step logs a line: nothing has happened since
    run.sync();
    this.state.totalSeconds = this.wallSeconds;
    const state: SavedState<S> = { ...this.state, optimizerSteps, log: { ...log } };
    const eos: JsonObject = tokenizer.eosId === undefined ? {} : { eos_token_id: tokenizer.eosId };
    const contents: CheckpointContents = {
      ...modelFiles(model),
      generationConfig: {
        ...eos,
        do_sample: true,
        temperature: 1,
        ...generation,
        compute_type: model.parameters.compute,
      },
      files: tokenizerFiles(tokenizer),
      trainer: {
        step,
        tensors: trainerTensors({ model, optimizer, reference }),
        state: state as unknown as JsonObject,
      },
    };
    await this.store.save(contents);
    this.savedMs = performance.now();
    this.savedPlace = place;
    this.refreshReport();
  }

  /**
   * Writes the report anew, unless that takes more than a small share of the run's time. A report that cannot be
   * written is no reason to stop.
   */
  private refreshReport(): void {
    const startedMs = performance.now();
    if (this.report.costMs > REPORT_SHARE * (startedMs - this.report.writtenMs)) return;
    try {
      writeReport(this.parts.run.path);
    } catch {
      // The next checkpoint tries again; the end of the run, which needs it, says why.
    }
    this.report = { costMs: performance.now() - startedMs, writtenMs: performance.now() };
  }
}

/** Forgets what a step that did not end has gathered: gradients, and the loads of experts. */
function dropUnfinished(model: LanguageModel): void {
  model.parameters.clearGrads();
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

/**
 * The state inside a checkpoint, as a copy of its own. Whether it is of kind S is the caller's knowledge: the run's
 * verb says it.
 */
export function savedState<S>(checkpoint: LoadedCheckpoint): SavedState<S> {
  return structuredClone(checkpoint.trainer.state) as unknown as SavedState<S>;
}
