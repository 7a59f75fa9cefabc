// What a checkpoint says of its run besides tensors: the stage it stands in, and where every stage stands. Reads what
// runs wrote before their stages were a list, too.
import { z } from "zod";
import type { JsonObject, LoadedCheckpoint } from "../checkpoint/index.js";
import { CheckpointError } from "../errors.js";

/** Where a stage stands: JSON, all of it in every checkpoint from the stage's beginning on. */
export interface StageState {
  /** Optimiser rounds done. */
  step: number;
}

const stageState = z.looseObject({ step: z.int().min(0) });

const savedStateSchema = z.object({
  /** The stage that the run was in. */
  stage: z.string(),
  /** The states of that stage and of those before it, by name. */
  stages: z.record(z.string(), stageState),
  /** Wall seconds of the run. */
  totalSeconds: z.number(),
  /** Steps of the stage's optimiser. */
  optimizerSteps: z.int().min(0),
  /** How far the logs went. */
  log: z.object({ metrics: z.int().min(0), samples: z.int().min(0) }),
});

/** The state of a run in a checkpoint. */
export type SavedState = z.output<typeof savedStateSchema>;

/** The state in a checkpoint, as a copy of its own. Throws CheckpointError where it is none. */
export function savedState({ directory, step, trainer }: LoadedCheckpoint): SavedState {
  const { state } = trainer;
  const parsed = savedStateSchema.safeParse("stages" in state ? state : stagesOf(state, step));
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues;
  throw new CheckpointError(`${directory}: trainer.json: state.${path.join(".")}: ${message}`);
}

/** A state written when a run had counters and no list of stages. `checkpointStep`: steps of all stages together. */
function stagesOf(state: JsonObject, checkpointStep: number): unknown {
  const { stage, step, totalSeconds, optimizerSteps, log, pretrain, base, ...own } = state;
  const common = { totalSeconds, optimizerSteps, log };
  if (base === undefined) return { ...common, stage: "train", stages: { train: { step, ...own } } };
  if (stage === "pretrain")
    return { ...common, stage, stages: { pretrain: { step, work: pretrain, loss: null, valLoss: null } } };
  const pretrained = { step: checkpointStep - Number(step), work: pretrain ?? null, loss: null, valLoss: null };
  const evaluated = { "evaluate base": { step: 0, evaluation: base }, reinforce: { step, ...own } };
  return { ...common, stage: "reinforce", stages: { ...(stage && { pretrain: pretrained }), ...evaluated } };
}
