// The course of the quick evaluations of a reinforcement: which was best, whether its model is kept, and when there is
// no use in going on.
import { join } from "node:path";
import type { TrainingSession } from "../train/session.js";
import type { EvaluationPlan } from "./evaluation-plan.js";
import type { QuickFigures } from "./evaluation-stage.js";

/** Where the quick evaluations stand; JSON, a part of the stage's state. */
export interface EvaluationCourse {
  /** The step of the last one; 0 before the first. */
  step: number;
  /** The first one with the highest value; null before the first. */
  best: { readonly step: number; readonly value: number } | null;
  /** Evaluations since the best one. */
  sinceBest: number;
}

/** Before the first evaluation. */
export const freshCourse = (): EvaluationCourse => ({ step: 0, best: null, sinceBest: 0 });

/** Whether so many evaluations in a row were no better than the best before that reinforcement ends. */
export const hasStalled = ({ sinceBest }: EvaluationCourse, { patience }: EvaluationPlan): boolean =>
  patience > 0 && sinceBest >= patience;

/** Takes in the evaluation of a step, and keeps its model where it is the best and the plan says so. */
export async function followCourse(
  session: TrainingSession,
  course: EvaluationCourse,
  plan: EvaluationPlan,
  step: number,
  figures: QuickFigures,
): Promise<void> {
  const { bestMetric, keepBest, patience } = plan;
  const value = figures[bestMetric];
  // The course changes only once the model is kept: what fails before is done again by a resumed run.
  if (course.best === null || value > course.best.value) {
    if (keepBest) await session.keepModel(join("best", session.mark.stage ?? ""));
    Object.assign(course, { step, best: { step, value }, sinceBest: 0 });
    return;
  }
  Object.assign(course, { step, sinceBest: course.sinceBest + 1 });
  if (hasStalled(course, plan))
    session.parts.progress.note(
      `rl step ${step}: ${bestMetric} has not risen above ${course.best.value.toFixed(3)} (step ${course.best.step}) ` +
        `in ${patience} quick evaluations; reinforcement stops (evaluation.patience)`,
    );
}
