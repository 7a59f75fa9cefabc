// Programs as answers: found in the last fenced block of a reply, right when they pass all tests of their problem.
// Knows no interpreter.
import type { PlacedRow } from "../data/row.js";
import { extractProgram } from "./code/extract-program.js";
import { gradeProgram } from "./code/grade-program.js";
import type { ProgramLanguage, ProgramTest } from "./code/program.js";
import { programLanguage, rowTests } from "./code/row-tests.js";
import type { Grader } from "./listed-task.js";
import type { Problem } from "./task.js";

/** What a problem asks of a program: `meta.programs`. */
export interface ProgramTask {
  readonly language: ProgramLanguage;
  readonly tests: readonly ProgramTest[];
  /** What stands before a program that lacks the function asked for: the beginning that it goes on with. */
  readonly beginning?: { readonly text: string; readonly function: string };
  /** What stands before every program: the imports that the benchmark promises. */
  readonly prelude?: string;
}

const taskIn = ({ meta }: Problem): ProgramTask => meta.programs as ProgramTask;

/** See the file's head. A problem's gold answer, where it has one, is a program. */
export const programGrader: Grader = {
  name: "code",
  instruction: "",
  answerForm: "only the program",
  isSlow: true,
  find: (problem, reply) => extractProgram(reply, taskIn(problem).language),
  async grade(problem, program) {
    const { language, tests, beginning, prelude = "" } = taskIn(problem);
    const isWhole = beginning === undefined || program.includes(`def ${beginning.function}`);
    const whole = isWhole ? program : `${beginning.text}${program}`;
    const verdict = await gradeProgram({ language, program: prelude + whole, tests });
    const failed = verdict.tests.find(({ outcome }) => outcome !== "passed");
    return { score: verdict.isRight ? 1 : 0, decidedBy: failed ? `test: ${failed.outcome}` : "tests" };
  },
};

/**
 * The tests of a row of one's own, in its column `tests` (docs/grader.md), and its column `language`, `python` where
 * there is none. Throws DataError naming the row.
 */
export function programTaskOf({ row, where }: PlacedRow): ProgramTask {
  return { language: programLanguage(row.language ?? "python", where), tests: rowTests(row.tests, where) };
}
