// The students of the R1 recipe: small models that are fine-tuned on right answers of the finished one, and are not
// reinforced (arXiv 2501.12948 §2.4). Each is pretrained and taught in runs of its own inside the run.
import { join } from "node:path";
import type { DistillSummary } from "../../src/distill/distill-run.js";
import { distillOptions } from "../../src/distill/options.js";
import { performDistillation } from "../../src/library/distill.js";
import { fullFigures } from "../../src/rl/evaluation-stage.js";
import type { EvaluationSummary, RunSummary } from "../../src/run/records.js";
import { innerRun } from "../../src/train/inner-run.js";
import type { RunContext } from "../../src/train/run-context.js";
import type { TrainingSession } from "../../src/train/session.js";
import type { Stage } from "../../src/train/stage.js";
import { type R1Options, STUDENT_SHAPES, type StudentName } from "./options.js";
import { pretrainStudent } from "./student-base.js";

/** What became of a student. */
export interface StudentSummary {
  readonly name: string;
  readonly params: number;
  readonly activeParams: number;
  readonly evaluation: EvaluationSummary;
}

/** The stage of one student. */
export interface StudentStage extends Stage {
  readonly state: { step: number; student: StudentSummary | null };
}

/** The stages of the students, each taught by the model as the stage before leaves it. */
export const studentStages = (options: R1Options, seed: number, context: RunContext): StudentStage[] =>
  options.students.names.map((name) => studentStage(name, options, seed, context));

function studentStage(name: StudentName, options: R1Options, seed: number, context: RunContext): StudentStage {
  const state: StudentStage["state"] = { step: 0, student: null };
  return {
    name: `student ${name}`,
    state,
    async run(session) {
      const path = join(session.parts.run.path, "students", name);
      // Safe: the teacher's own task has held-out problems, on which every student is evaluated.
      const summary = (await innerRun(context, path, async (own) => {
        const teacher = await session.keepModel(join("stages", "teacher"));
        const student = await beginning(name, options, seed, context, session);
        const request = { teachers: [{ path: teacher, domain: null }], task: null, seed };
        return performDistillation(own, { ...request, ...student }, {});
      })) as DistillSummary & RunSummary;
      const { params, activeParams, final: evaluation } = summary;
      state.student = { name, params, activeParams, evaluation };
      const figures = fullFigures(evaluation, options.evaluation.samplesPerProblem);
      session.parts.run.logMetrics({ phase: "eval", step: 0, model: `student ${name}`, ...figures });
      session.parts.model.device.trim(); // the next stage's tensors have other sizes
    },
  };
}

/** What the distillation begins with: a pretrained model, or a shape and its fields. */
async function beginning(
  name: StudentName,
  options: R1Options,
  seed: number,
  context: RunContext,
  { parts }: TrainingSession,
) {
  const { shape, model } = STUDENT_SHAPES[name];
  if (options.students.pretrainSteps === 0) return { student: shape, options: studentOptions(options, model) };
  const { tokenizer, generation = {} } = parts;
  const path = join(parts.run.path, "students", `${name}-base`);
  await innerRun(context, path, (own) =>
    pretrainStudent(own, { name, options, worldSeed: seed, seed, tokenizer, generation }),
  );
  return { student: path, options: studentOptions(options, {}) };
}

/** The students are measured as the stages are. */
function studentOptions({ compute, students, rl, evaluation }: R1Options, model: object) {
  const { problems, samplesPerProblem, epochs, batchSequences, learningRate } = students;
  return distillOptions({
    ...{ compute, model, evaluation },
    sampling: {
      ...{ problems, samplesPerProblem, topP: 1, temperature: 1 },
      ...{ maxSequences: rl.maxSequences, maxCompletionLength: rl.maxCompletionLength },
    },
    train: { epochs, batchSequences, learningRate },
  });
}
