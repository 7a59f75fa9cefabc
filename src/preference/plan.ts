// What reward models will take, worked out before they are there: while one is trained, and while it scores.
import { createShapesDevice } from "../backends/shapes.js";
import { createModel } from "../models/create.js";
import { withScoreHead } from "../models/families.js";
import { contextOf } from "../models/rope-scaling.js";
import type { WeightSource } from "../models/stored-weights.js";
import { type PhaseMemory, type PlannedModel, planPhase, planTraining } from "../train/memory-plan.js";
import { measureNumbers } from "./host-loss.js";
import type { RewardModelOptions } from "./options.js";
import { SCORING_TOKENS } from "./reward-model.js";
import { rewardObjective, scoreSequences } from "./reward-objective.js";

/** Plans training a reward model that begins with this model, on pairs of answers as long as its context. */
export function planRewardTraining(model: PlannedModel, name: string, options: RewardModelOptions) {
  const answer = { ids: new Int32Array(contextOf(model.config)), learnFrom: 1 };
  const sequences = Array.from({ length: options.batchRows }, () => ({ chosen: answer, rejected: answer }));
  const scorer = { ...model, config: withScoreHead(model.config) };
  return planTraining(scorer, name, { sequences }, { ...options, objective: rewardObjective(options) });
}

/**
 * Plans scoring answers as long as the context by an open reward model that was trained whole from this one: its
 * weights lie in its checkpoint as f32, and stay so.
 */
export function planScores({ config, compute, device }: PlannedModel, name: string): Promise<PhaseMemory> {
  const scorer = withScoreHead(config);
  const length = Math.min(contextOf(config), SCORING_TOKENS);
  const answers = Array.from({ length: Math.floor(SCORING_TOKENS / length) }, () => new Int32Array(length));
  const model = {
    config: scorer,
    compute,
    device,
    frozen: { trains: "none", source: writtenWeights(scorer) },
  } as const;
  return planPhase(model, { name, optimizer: null }, async (shapes) => {
    await measureNumbers(() => [scoreSequences(shapes, answers)]);
    return { cache: 0, hasGradients: false };
  });
}

/** The tensors that a checkpoint of a model which was trained whole will have. */
function writtenWeights(config: PlannedModel["config"]): WeightSource {
  const { parameters } = createModel(config, { seed: null, device: createShapesDevice() });
  const shapes = new Map(parameters.storedParts().map(({ part: { name, shape } }) => [name, shape]));
  return {
    names: shapes.keys(),
    info: (name) => {
      const shape = shapes.get(name);
      return shape && { dtype: "f32", shape };
    },
    open: () => Promise.reject(new Error("planned weights cannot be read")),
    done: () => {},
  };
}
