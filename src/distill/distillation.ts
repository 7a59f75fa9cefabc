// What is to be distilled, and what the ways of doing it share. Knows no stage.
import type { Policy } from "../eval/rollout.js";
import type { Task } from "../tasks/task.js";
import type { TrainingStageOptions } from "../train/training-stage.js";
import type { DistillOptions } from "./options.js";
import type { TeacherSource } from "./teachers.js";

/** What is to be distilled, into what. */
export interface Distillation {
  /** The student. */
  readonly policy: Policy;
  readonly teachers: readonly TeacherSource[];
  readonly task: Task;
  /** Whether held-out problems are there to evaluate on. */
  readonly isEvaluated: boolean;
  /** Training problems. */
  readonly problems: number;
  /** Tokens of an answer at most. */
  readonly maxCompletionLength: number;
  readonly options: DistillOptions;
}

/** At most so many held-out answers have their loss taken. */
export const MAX_VALIDATION = 64;

/** How the student trains on so many answers. */
export function trainingOf({ train }: DistillOptions, numAnswers: number) {
  const { epochs, steps, validationFraction: _, ...training } = train;
  const numSteps = steps ?? Math.ceil((epochs * numAnswers) / training.batchSequences);
  return {
    ...training,
    phase: "sft",
    steps: numSteps,
    learningRateName: "train.learningRate",
  } satisfies Omit<TrainingStageOptions, "validation">;
}
