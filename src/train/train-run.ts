// A whole run of pretraining or fine-tuning: one stage, and its summary. Knows not where model and data come from.
import type { LoadedCheckpoint } from "../checkpoint/index.js";
import type { TrainingPhase, TrainingSummary } from "../run/records.js";
import type { TrainSequence } from "./batch.js";
import type { TrainingData } from "./loop.js";
import type { SessionParts, TrainingSession } from "./session.js";
import { performStages } from "./stage.js";
import type { PretrainOptions, SftOptions } from "./training-options.js";
import { type TrainingStage, trainingStage } from "./training-stage.js";
import { tokenRate, utilisation } from "./work-count.js";

/** The options that both kinds of training have. */
export type TrainRunOptions = Omit<
  Pick<SftOptions, keyof SftOptions & keyof PretrainOptions>,
  "compute" | "steps" | "validationFraction" | "textColumn"
>;

/** What a run is made of. The model is disposed at its end. */
export interface TrainRunRequest extends Omit<SessionParts, "checkpointSeconds"> {
  readonly phase: TrainingPhase;
  /** Where the run goes on from. */
  readonly checkpoint?: LoadedCheckpoint;
  readonly data: TrainingData;
  readonly validation: readonly TrainSequence[];
  readonly steps: number;
  readonly options: TrainRunOptions;
}

/**
 * Trains to the last step, saving on the way; writes summary and report. Throws Interrupted (state saved) when the
 * signal fires, TrainingError on a loss that is not finite.
 */
export function trainRun(request: TrainRunRequest): Promise<TrainingSummary> {
  const { phase, steps, validation, options, data, checkpoint, ...parts } = request;
  const stage = trainingStage("train", data, {
    ...options,
    phase,
    steps,
    validation,
    learningRateName: "learningRate",
  });
  const { checkpointSeconds } = options;
  return performStages({ ...parts, checkpointSeconds }, [stage], checkpoint, (session) =>
    summariseTraining(session, stage),
  );
}

/** Counts up a finished stage of training. */
export function summariseTraining(
  { parts, wallSeconds }: TrainingSession,
  { state }: Pick<TrainingStage, "state">,
): TrainingSummary {
  const { model, run, seed, peakFlops } = parts;
  const { step, work, loss, valLoss, valFigures } = state;
  return {
    steps: step,
    tokens: work.tokens,
    loss,
    valLoss,
    ...(valFigures && Object.keys(valFigures).length > 1 ? { validation: valFigures } : {}),
    seed,
    params: model.trainable.numTrained,
    activeParams: Math.round(model.numActiveParameters),
    wallSeconds,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    tokensPerSecond: { train: tokenRate(work) },
    mfu: utilisation(work.flops, work.seconds, peakFlops),
    runDir: run.path,
  };
}
