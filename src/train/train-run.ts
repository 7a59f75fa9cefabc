// A whole run of pretraining or fine-tuning: session, optimiser, loop, summary. Knows not where model and data come
// from.
import type { JsonObject, LoadedCheckpoint } from "../checkpoint/index.js";
import type { LanguageModel } from "../models/language-model.js";
import { warmupCosine } from "../optim/schedule.js";
import type { TrainingSummary } from "../run/records.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import type { TrainSequence } from "./batch.js";
import { createOptimizer } from "./create-optimizer.js";
import { type TrainingData, trainingLoop } from "./loop.js";
import {
  noWork,
  type RunSurroundings,
  type SessionState,
  TrainingSession,
  tokenRate,
  utilisation,
  type WorkCount,
} from "./session.js";
import type { SftOptions } from "./training-options.js";

/** The options that both kinds of training have. */
export type TrainRunOptions = Omit<SftOptions, "compute" | "epochs" | "steps" | "validationFraction">;

/** What a run is made of. The model is disposed at its end. */
export interface TrainRunRequest extends RunSurroundings {
  readonly phase: "pretrain" | "sft";
  /** Where the run goes on from. */
  readonly checkpoint?: LoadedCheckpoint;
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  readonly generation?: JsonObject;
  readonly data: TrainingData;
  readonly validation: readonly TrainSequence[];
  readonly steps: number;
  readonly options: TrainRunOptions;
}

interface TrainRunState extends SessionState {
  work: WorkCount;
  loss: number | null;
  valLoss: number | null;
}

/**
 * Trains to the last step, saving on the way; writes summary and report. Throws Interrupted (state saved) when the
 * signal fires, TrainingError on a loss that is not finite.
 */
export async function trainRun(request: TrainRunRequest): Promise<TrainingSummary> {
  const { model, run, steps, options } = request;
  const fresh: TrainRunState = { step: 0, totalSeconds: 0, work: noWork(), loss: null, valLoss: null };
  const store = await TrainingSession.openStore(run, request.checkpoint);
  const session = new TrainingSession(
    { ...request, checkpointSeconds: options.checkpointSeconds },
    store,
    fresh,
    request.checkpoint,
  );
  const { state } = session;
  const optimizer = createOptimizer(model.parameters, options.optimizer, {
    weightDecay: options.weightDecay,
    maxNorm: options.maxGradNorm,
  });
  const { learningRate: peak, finalFraction } = options;
  try {
    await trainingLoop(session, optimizer, request.data, state.work, {
      ...options,
      phase: request.phase,
      steps,
      schedule: warmupCosine({
        peak,
        warmupSteps: Math.min(options.warmupSteps, steps),
        totalSteps: steps,
        finalFraction,
      }),
      validation: request.validation,
      learningRateName: "learningRate",
      onStep: ({ loss }) => {
        state.loss = loss;
      },
      onValidation: (loss) => {
        state.valLoss = loss;
      },
    });
    return session.finish(summarise(request, state, session.wallSeconds));
  } finally {
    optimizer.dispose();
    session.dispose();
  }
}

function summarise(
  { model, run, seed, peakFlops }: TrainRunRequest,
  { step, work, loss, valLoss }: TrainRunState,
  wallSeconds: number,
): TrainingSummary {
  return {
    steps: step,
    tokens: work.tokens,
    loss,
    valLoss,
    seed,
    params: model.parameters.numTrained,
    activeParams: Math.round(model.numActiveParameters),
    wallSeconds,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    tokensPerSecond: { train: tokenRate(work) },
    mfu: utilisation(work.flops, work.seconds, peakFlops),
    runDir: run.path,
  };
}
