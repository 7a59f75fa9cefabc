// Learning the teacher's distribution as two stages of a run: the teacher is asked about every token of the kept
// answers, and the student learns what it said.
import { join } from "node:path";
import { openToJudge } from "../inference/opening/open-model.js";
import type { LanguageModel } from "../models/language-model.js";
import { contextOf } from "../models/rope-scaling.js";
import { fingerprintsOf } from "../run/fingerprints.js";
import { readExamples } from "../train/example-data.js";
import type { SequenceList } from "../train/sequence-list.js";
import type { TrainingSession } from "../train/session.js";
import { ShuffledSequences } from "../train/shuffled-sequences.js";
import type { Stage } from "../train/stage.js";
import { type PreparedTraining, preparedStage, type TrainingStage } from "../train/training-stage.js";
import { type Distillation, MAX_VALIDATION, trainingOf } from "./distillation.js";
import { divergenceObjective } from "./divergence-objective.js";
import { type SoftTargets, softTargets, type TaughtSequence } from "./soft-targets.js";
import { holdsTargets, TaughtSequences, writeTargets } from "./taught-sequences.js";

/** Sequences that a teacher is asked about between two looks at whether to stop. */
const SEQUENCES_AT_ONCE = 64;

/** The answers of the student's data, each side with the file of what the teacher says of it. */
async function taughtData(session: TrainingSession, { policy, options }: Distillation, rows: string) {
  const { train, heldout } = await readExamples([rows], policy.tokenizer, {
    heldOutFraction: options.train.validationFraction,
    maxTokens: contextOf(policy.model.config),
    note: (line) => session.parts.progress.note(line),
  });
  const k = Math.min(options.logits.topK, policy.tokenizer.vocabSize);
  // What was said of other rows, or less of them, does not count.
  const about = `${fingerprintsOf([rows])[rows].slice(0, 16)}-${k}`;
  const of = (side: string, list: SequenceList, length = list.length) =>
    new TaughtSequences(join(session.parts.run.path, "stages", `targets-${side}-${about}.bin`), list, k, length);
  return { train: of("train", train), heldout: of("heldout", heldout, Math.min(heldout.length, MAX_VALIDATION)) };
}

/** Asks the teacher about the rows of a file. What it has said before the run was stopped is kept side by side. */
export function targetsStage(distillation: Distillation, rowsOf: (session: TrainingSession) => string): Stage {
  return {
    name: "targets",
    state: { step: 0 },
    async run(session) {
      const { progress } = session.parts;
      const sides = Object.values(await taughtData(session, distillation, rowsOf(session)));
      const open = sides.filter((side) => !holdsTargets(side.path, side.numTargets, side.k));
      if (open.length === 0) return;
      progress.stage(
        "targets",
        open.reduce((sum, { length }) => sum + length, 0),
      );
      const { model } = await openToJudge(distillation.teachers[0].path);
      let numDone = 0;
      try {
        for (const side of open)
          await writeTargets(
            side.path,
            askedAbout(model, side, distillation, session.parts.signal, (count) => {
              progress.update((numDone += count), {});
            }),
          );
      } finally {
        model.dispose();
        session.parts.model.device.trim(); // the next stage's tensors have other sizes
      }
      progress.endStage();
    },
  };
}

async function* askedAbout(
  model: LanguageModel,
  side: TaughtSequences,
  { options }: Distillation,
  signal: AbortSignal | undefined,
  onDone: (count: number) => void,
): AsyncGenerator<readonly SoftTargets[]> {
  const { temperature } = options.logits;
  const { microBatchTokens } = options.train;
  for (let from = 0; from < side.length; from += SEQUENCES_AT_ONCE) {
    const sequences = side.sequences(from, Math.min(SEQUENCES_AT_ONCE, side.length - from));
    yield await softTargets(model, sequences, { k: side.k, temperature, microBatchTokens, signal });
    onDone(sequences.length);
  }
}

/** The student learns what the teacher said. */
export const logitsStage = (distillation: Distillation, rowsOf: (session: TrainingSession) => string): TrainingStage =>
  preparedStage<TaughtSequence>({ name: "distill", phase: "sft" }, async (session) => {
    const { train, heldout } = await taughtData(session, distillation, rowsOf(session));
    const training = trainingOf(distillation.options, train.length);
    const prepared: PreparedTraining<TaughtSequence> = {
      data: new ShuffledSequences(train, session.parts.seed),
      options: {
        ...training,
        objective: divergenceObjective(distillation.options.logits, training),
        validation: Array.from({ length: heldout.length }, (_, i) => heldout.at(i)),
      },
    };
    return prepared;
  });
