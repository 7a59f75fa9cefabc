// Training on data as a stage of a run: pretraining, fine-tuning. Has an optimiser of its own; knows not where model
// and data come from.
import { warmupCosine } from "../optim/schedule.js";
import { createOptimizer } from "./create-optimizer.js";
import { type LoopOptions, type LoopState, type TrainingData, trainingLoop } from "./loop.js";
import type { Stage } from "./stage.js";
import type { SftOptions } from "./training-options.js";
import { noWork } from "./work-count.js";

/** How the stage trains: the steps, the optimiser and its schedule. */
export interface TrainingStageOptions
  extends Omit<LoopOptions, "schedule">,
    Pick<SftOptions, "optimizer" | "learningRate" | "warmupSteps" | "finalFraction" | "weightDecay" | "maxGradNorm"> {}

/** A stage that trains on data; its state holds the last losses and the work done. */
export interface TrainingStage extends Stage {
  readonly state: LoopState;
}

/** A stage of so many steps over `data`, after which the model is trained and the optimiser's memory is free again. */
export function trainingStage(name: string, data: TrainingData, options: TrainingStageOptions): TrainingStage {
  const { optimizer: kind, learningRate: peak, finalFraction, steps, weightDecay, maxGradNorm: maxNorm } = options;
  const warmupSteps = Math.min(options.warmupSteps, steps);
  const schedule = warmupCosine({ peak, warmupSteps, totalSteps: steps, finalFraction });
  const state: LoopState = { step: 0, work: noWork(), loss: null, valLoss: null };
  return {
    name,
    state,
    async run(session) {
      const optimizer = createOptimizer(session.parts.model.parameters, kind, { weightDecay, maxNorm });
      try {
        await trainingLoop(session, optimizer, data, state, { ...options, schedule });
      } finally {
        optimizer.dispose();
      }
    },
  };
}
