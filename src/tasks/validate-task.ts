// A task's look at itself: that its gold answers are right by its own grader, and that its splits share nothing.
import { DataError } from "../errors.js";
import { gradeAnswers } from "./grade-answers.js";
import type { Problem, Split, Task, ValidationReport } from "./task.js";

/** The shared body of `Task.validate()`. A problem whose answer is "" has no gold answer to grade. */
export async function validateTask<P extends Problem>(task: Task<P>, numPerSplit = 200): Promise<ValidationReport> {
  const problems = { train: problemsOf(task, "train", numPerSplit), heldout: problemsOf(task, "heldout", numPerSplit) };
  const all = [...problems.train, ...problems.heldout];
  await refuseBadGold(
    task,
    all.filter(({ answer }) => answer !== ""),
  );
  const trained = new Set(problems.train.map(({ id }) => id));
  const shared = problems.heldout.find(({ id }) => trained.has(id));
  if (shared) throw new DataError(`task ${task.name}: problem "${shared.id}" is in both splits; they must be disjoint`);
  return {
    task: task.name,
    numTrain: problems.train.length,
    numHeldOut: problems.heldout.length,
    numDistinct: new Set(all.map(({ id }) => id)).size,
    meanDifficulty: all.length === 0 ? 0 : all.reduce((sum, { difficulty }) => sum + difficulty, 0) / all.length,
  };
}

/** The first problems of a split. */
function problemsOf<P extends Problem>(task: Task<P>, split: Split, numAtMost: number): P[] {
  const count = Math.min(numAtMost, task.numProblems?.[split] ?? numAtMost);
  const problems = Array.from({ length: count }, (_, index) => task.generate(0, index, split));
  const other = problems.find((problem) => problem.split !== split);
  if (other)
    throw new DataError(`task ${task.name}: problem "${other.id}" has split ${other.split}, expected ${split}`);
  return problems;
}

async function refuseBadGold<P extends Problem>(task: Task<P>, problems: readonly P[]): Promise<void> {
  const grades = await gradeAnswers(
    task,
    problems.map((problem) => ({ problem, answer: problem.answer })),
  );
  const bad = grades.findIndex(({ score }) => score !== 1);
  if (bad < 0) return;
  const { source, id, answer } = problems[bad];
  throw new DataError(
    `${source ?? `task ${task.name}: problem ${JSON.stringify(id.slice(0, 60))}`}: the gold answer ` +
      `${JSON.stringify(answer.slice(0, 60))} scores ${grades[bad].score} by its own grader ` +
      `(${grades[bad].decidedBy}), expected 1; correct or remove it`,
  );
}
