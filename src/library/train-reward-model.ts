// A whole run that makes a reward model, and the same as a stage of a longer run. Knows no flags.
import { join } from "node:path";
import { ConfigError } from "../errors.js";
import { type RewardModelInput, type RewardModelOptions, rewardModelOptions } from "../preference/options.js";
import { readPreferences } from "../preference/preference-data.js";
import type { RewardModelNotes } from "../preference/reward-model.js";
import { rewardObjective } from "../preference/reward-objective.js";
import type { TrainingSummary } from "../run/records.js";
import { innerRun } from "../train/inner-run.js";
import type { LoopState } from "../train/loop.js";
import { type RunContext, withRun } from "../train/run-context.js";
import { performStages, type Stage } from "../train/stage.js";
import { summariseTraining } from "../train/train-run.js";
import { trainingStage } from "../train/training-stage.js";
import { type PreferenceRequest, preparePreferences } from "./preference-run.js";

/**
 * Trains a reward model: `luciole reward-model` as a function, with the same plan, run directory, report and resume.
 * Gives the run's summary, figures of the held-out rows among it. `given`: options as given, so that those without
 * effect are refused. Throws ConfigError, DataError naming the row, BackendError where it does not fit.
 */
export function trainRewardModel(
  context: RunContext,
  request: PreferenceRequest<RewardModelOptions>,
  given: object = {},
): Promise<TrainingSummary> {
  return withRun("reward-model", context, async (run) => {
    const { options, seed } = request;
    const { parts, data, training } = await preparePreferences(context, run, request, given, {
      phase: "reward-model",
      read: readPreferences,
      objective: rewardObjective(options),
      scoreSeed: seed,
    });
    const notes = ({ valFigures = {} }: LoopState) => {
      const { mean_reward: mean = 0, reward_std: std = 0 } = valFigures;
      const reward_model: RewardModelNotes = { form: data.form, mean, std: std > 0 ? std : 1 };
      return { reward_model: { ...reward_model } };
    };
    const stage = trainingStage("train", training.data, training.options, notes);
    const { checkpointSeconds } = options;
    return performStages({ ...parts, checkpointSeconds }, [stage], run.checkpoint, (session) =>
      summariseTraining(session, stage),
    );
  });
}

/** A reward model that a run trains on its way, from the run's own model as it is then. */
export interface RewardModelStageRequest {
  /** The files of its rows, once the stage begins. */
  readonly data: (runPath: string) => readonly string[];
  readonly options?: RewardModelInput;
  readonly seed: number;
}

/** A stage that trains a reward model; its state holds what that came to. */
export interface RewardModelStage extends Stage {
  readonly state: { step: number; summary: TrainingSummary | null };
}

/** Where the reward model of a stage lies within a run: a run of its own, for `rewardModel` and `--reward rm:`. */
export const rewardModelPath = (runPath: string, stage: string): string => join(runPath, "reward-models", stage);

/**
 * Trains a reward model as a run of its own inside a run, with its own checkpoints and report; the run's model is left
 * as it is. Stopped, it goes on where it stopped. `context` is that of the run around it.
 */
export function rewardModelStage(
  name: string,
  request: RewardModelStageRequest,
  context: RunContext,
): RewardModelStage {
  const options = rewardModelOptions(request.options);
  if (options.lora) throw new ConfigError(`${name}: a reward model of a stage is trained whole; leave lora out`);
  const state: RewardModelStage["state"] = { step: 0, summary: null };
  return {
    name,
    state,
    async run(session) {
      const { path: runPath } = session.parts.run;
      state.summary = await innerRun(context, rewardModelPath(runPath, name), async (own) => {
        const model = await session.keepModel(join("stages", "judged"));
        return trainRewardModel(own, { model, data: request.data(runPath), options, seed: request.seed });
      });
      session.parts.model.device.trim(); // the next stage's tensors have other sizes
    },
  };
}
