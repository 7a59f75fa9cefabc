// Training on data as a stage of a run: pretraining, fine-tuning. Has an optimiser of its own; knows not where model
// and data come from.
import type { JsonObject } from "../checkpoint/index.js";
import { warmupCosine } from "../optim/schedule.js";
import type { TrainSequence } from "./batch.js";
import { createOptimizer } from "./create-optimizer.js";
import { type LoopOptions, type LoopState, type TrainingData, trainingLoop } from "./loop.js";
import type { StageRecord, TrainingSession } from "./session.js";
import type { Stage } from "./stage.js";
import type { SftOptions } from "./training-options.js";
import { noWork } from "./work-count.js";

/** How the stage trains: the steps, the optimiser and its schedule. */
export interface TrainingStageOptions<E = TrainSequence>
  extends Omit<LoopOptions<E>, "schedule">,
    Pick<SftOptions, "optimizer" | "learningRate" | "warmupSteps" | "finalFraction" | "weightDecay" | "maxGradNorm"> {}

/** A stage that trains on data; its state holds the last losses and the work done. */
export interface TrainingStage extends Stage {
  readonly state: LoopState;
}

/**
 * A stage of so many steps over `data`, after which the model is trained and the optimiser's memory is free again.
 * `generation`: what generation_config.json says besides, as far as the stage has come.
 */
export function trainingStage<E = TrainSequence>(
  name: string,
  data: TrainingData<E>,
  options: TrainingStageOptions<E>,
  generation?: (state: LoopState) => JsonObject,
): TrainingStage {
  return preparedStage<E>({ name, phase: options.phase, generation }, async () => ({ data, options }));
}

/** What a stage trains on and how. */
export interface PreparedTraining<E = TrainSequence> {
  readonly data: TrainingData<E>;
  readonly options: TrainingStageOptions<E>;
}

/**
 * A stage whose data are there only when it begins: an earlier stage of the run writes them. `prepare` must give the
 * same when the run goes on.
 */
export function preparedStage<E = TrainSequence>(
  {
    generation,
    ...stage
  }: Pick<StageRecord, "name" | "from"> & {
    readonly phase: TrainingStageOptions["phase"];
    readonly generation?: (state: LoopState) => JsonObject;
  },
  prepare: (session: TrainingSession) => Promise<PreparedTraining<E>>,
): TrainingStage {
  const state: LoopState = { step: 0, work: noWork(), loss: null, valLoss: null };
  return {
    ...stage,
    state,
    generation: generation && (() => generation(state)),
    async run(session) {
      await train(session, state, await prepare(session));
    },
  };
}

async function train<E>(
  session: TrainingSession,
  state: LoopState,
  { data, options }: PreparedTraining<E>,
): Promise<void> {
  const { optimizer: kind, learningRate: peak, finalFraction, steps, weightDecay, maxGradNorm: maxNorm } = options;
  const warmupSteps = Math.min(options.warmupSteps, steps);
  const schedule = warmupCosine({ peak, warmupSteps, totalSteps: steps, finalFraction });
  const optimizer = createOptimizer(session.parts.model.trainable, kind, { weightDecay, maxNorm });
  try {
    await trainingLoop(session, optimizer, data, state, { ...options, schedule });
  } finally {
    optimizer.dispose();
  }
}
