// Many answers graded together: by what the task says of each, at once or when its programs have run. Knows no model.
import type { Grade, Problem, Task } from "./task.js";

/** An answer to a problem; null where a response held none. */
export interface GivenAnswer<P extends Problem = Problem> {
  readonly problem: P;
  readonly answer: string | null;
}

const NO_ANSWER: Grade = { score: 0, decidedBy: "no answer" };

/** The grades of answers, in their order; those that take time are waited for together. */
export const gradeAnswers = <P extends Problem>(task: Task<P>, given: readonly GivenAnswer<P>[]): Promise<Grade[]> =>
  Promise.all(
    given.map(({ problem, answer }) => {
      if (answer === null) return NO_ANSWER;
      return task.grade?.(problem, answer) ?? { score: task.verify(problem, answer), decidedBy: "verifier" };
    }),
  );
