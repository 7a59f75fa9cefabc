// What a student is before it is taught: a small new model, pretrained on the world as the teacher was. Without this it
// would have to learn to write from the teacher's answers alone.
import type { JsonObject } from "../../src/checkpoint/index.js";
import { createModel } from "../../src/models/create.js";
import type { TrainingSummary } from "../../src/run/records.js";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.js";
import { freshConfig } from "../../src/train/fresh-config.js";
import { type RunContext, withRun } from "../../src/train/run-context.js";
import { trainRun } from "../../src/train/train-run.js";
import { pretrainOptions } from "../../src/train/training-options.js";
import { WorldCorpus } from "../../src/train/world-corpus.js";
import { type R1Options, STUDENT_SHAPES, type StudentName } from "./options.js";
import { worldsOf } from "./worlds.js";

/** A student that is to be pretrained. */
export interface StudentBase {
  readonly name: StudentName;
  /** Those of the teacher's run. */
  readonly options: Pick<R1Options, "compute" | "world" | "pretrain" | "students" | "checkpointSeconds">;
  /** The seed of the teacher's run, whose world this is. */
  readonly worldSeed: number;
  /** The student's own seed. */
  readonly seed: number;
  readonly tokenizer: Tokenizer;
  /** What the files say of how the model is used. */
  readonly generation: JsonObject;
}

/** Pretrains a student in a run of its own, or goes on with that run. Throws as `trainRun` does. */
export function pretrainStudent(
  context: RunContext,
  { name, options, worldSeed, seed, tokenizer, generation }: StudentBase,
): Promise<TrainingSummary> {
  const { compute, checkpointSeconds, students } = options;
  const { shape, model: fields } = STUDENT_SHAPES[name];
  const config = freshConfig(shape, fields, tokenizer, { verb: "r1", flag: "students.names" });
  const training = pretrainOptions({
    ...options.pretrain,
    ...{ compute, checkpointSeconds, steps: students.pretrainSteps },
  });
  return withRun("pretrain", context, ({ checkpoint, begin }) => {
    const corpus = new WorldCorpus(worldsOf(options, worldSeed).whole, tokenizer);
    const run = begin({ seed, options: training, compute });
    return trainRun({
      ...{ ...run, model: createModel(config, { compute, seed }), tokenizer, generation, options: training },
      ...{ phase: "pretrain", steps: training.steps, data: corpus, checkpoint },
      validation: corpus.sequences(0, training.batchSequences, "heldout"),
    });
  });
}
