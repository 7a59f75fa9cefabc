// A whole run of direct preference optimisation: first how likely the model finds all answers before it moves, which
// makes it its own reference; then training. Knows no flags.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory, writeFileAtomically } from "../atomic-file.js";
import { ConfigError, DataError } from "../errors.js";
import { dpoObjective, type ReferencedPair, referenceLogProbs } from "../preference/dpo-objective.js";
import type { DpoOptions } from "../preference/options.js";
import { type AnswerPair, type PreferenceData, readPairs } from "../preference/preference-data.js";
import type { TrainingSummary } from "../run/records.js";
import type { RunContext } from "../train/run-context.js";
import { withRun } from "../train/run-context.js";
import { ShuffledSequences } from "../train/shuffled-sequences.js";
import { performStages, type Stage } from "../train/stage.js";
import { summariseTraining } from "../train/train-run.js";
import { preparedStage } from "../train/training-stage.js";
import { type PreferenceRequest, preparePreferences } from "./preference-run.js";

/**
 * Tunes a model on pairs: `luciole dpo` as a function, with the same plan, run directory, report and resume. `given`:
 * options as given, so that those without effect are refused. Throws ConfigError, DataError naming the row,
 * BackendError where it does not fit.
 */
export function trainDpo(
  context: RunContext,
  request: PreferenceRequest<DpoOptions>,
  given: object = {},
): Promise<TrainingSummary> {
  const { options, seed } = request;
  refuseIdleSmoothing(options);
  return withRun("dpo", context, async (run) => {
    const objective = dpoObjective(options);
    const { parts, data, training } = await preparePreferences(context, run, request, given, {
      phase: "dpo",
      read: readReferenced,
      objective,
    });
    const reference = referenceStage(data, options.microBatchTokens);
    const train = preparedStage({ name: "train", phase: "dpo" }, async (session) => {
      const sides = withReference(data, session.parts.run.path);
      return {
        data: new ShuffledSequences(sides.train, seed),
        options: { ...training.options, validation: sides.heldout.slice(0, training.options.validation.length) },
      };
    });
    const { checkpointSeconds } = options;
    return performStages({ ...parts, checkpointSeconds }, [reference, train], run.checkpoint, (session) =>
      summariseTraining(session, train),
    );
  });
}

function refuseIdleSmoothing({ lossType, labelSmoothing }: DpoOptions): void {
  if (labelSmoothing > 0 && lossType !== "sigmoid" && lossType !== "robust")
    throw new ConfigError(`labelSmoothing has no effect with lossType ${lossType}; leave it out`);
}

/** Pairs without their reference yet, which the first stage finds: until then they are as good as it. */
async function readReferenced(...request: Parameters<typeof readPairs>): Promise<PreferenceData<ReferencedPair>> {
  const { train, heldout, form } = await readPairs(...request);
  const unknown = (pair: AnswerPair): ReferencedPair => ({ ...pair, reference: [0, 0] });
  return { form, train: train.map(unknown), heldout: heldout.map(unknown) };
}

/** The run's file with the log-probabilities of all answers, training rows first. */
const referencePath = (runPath: string): string => join(runPath, "stages", "reference.json");

/** Writes how likely the model finds all answers before it moves. Stopped, it begins anew. */
function referenceStage({ train, heldout }: PreferenceData<AnswerPair>, microBatchTokens: number): Stage {
  return {
    name: "reference",
    state: { step: 0 },
    async run({ parts: { model, run, progress, signal } }) {
      const pairs = [...train, ...heldout];
      progress.stage("reference", pairs.length);
      const told = (done: number) => progress.update(done, {});
      const logProbs = await referenceLogProbs(model, pairs, microBatchTokens, told, signal);
      makeDirectory(join(run.path, "stages"));
      writeFileAtomically(referencePath(run.path), JSON.stringify(logProbs));
      progress.endStage();
      model.device.trim(); // the next stage's tensors have other sizes
    },
  };
}

function withReference(
  { train, heldout }: PreferenceData<ReferencedPair>,
  runPath: string,
): { readonly train: ReferencedPair[]; readonly heldout: ReferencedPair[] } {
  const path = referencePath(runPath);
  const logProbs = readReference(path);
  if (logProbs.length !== train.length + heldout.length)
    throw new DataError(
      `${path}: expected the log-probabilities of ${train.length + heldout.length} pairs, found ${logProbs.length}; ` +
        "start a new run",
    );
  const at = (offset: number) => (pair: ReferencedPair, i: number) => ({ ...pair, reference: logProbs[offset + i] });
  return { train: train.map(at(0)), heldout: heldout.map(at(train.length)) };
}

function readReference(path: string): ReferencedPair["reference"][] {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const why = (error as Error).message;
    throw new DataError(`${path}: the reference of this run cannot be read (${why}); start a new run`, {
      cause: error,
    });
  }
}
