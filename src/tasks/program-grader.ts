// Programs as answers: found in the last fenced block of a reply, right when they pass all tests of their problem.
// Knows no interpreter.
import { z } from "zod";
import { listOf } from "../data/columns.js";
import type { PlacedRow } from "../data/row.js";
import { DataError } from "../errors.js";
import { extractProgram } from "./code/extract-program.js";
import { gradeProgram } from "./code/grade-program.js";
import { PROGRAM_LANGUAGES, type ProgramLanguage, type ProgramTest } from "./code/program.js";
import type { Grader } from "./listed-task.js";
import type { Problem } from "./task.js";

/** What a problem asks of a program: `meta.programs`. */
export interface ProgramTask {
  readonly language: ProgramLanguage;
  readonly tests: readonly ProgramTest[];
  /** What stands before a program that lacks the function asked for: the beginning that it goes on with. */
  readonly beginning?: { readonly text: string; readonly function: string };
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
    const { language, tests, beginning } = taskIn(problem);
    const isWhole = beginning === undefined || program.includes(`def ${beginning.function}`);
    const whole = isWhole ? program : `${beginning.text}${program}`;
    const verdict = await gradeProgram({ language, program: whole, tests });
    const failed = verdict.tests.find(({ outcome }) => outcome !== "passed");
    return { score: verdict.isRight ? 1 : 0, decidedBy: failed ? `test: ${failed.outcome}` : "tests" };
  },
};

const testSchema = z.union([
  z.strictObject({ input: z.string(), output: z.string() }),
  z.strictObject({ function: z.string(), arguments: z.string(), expected: z.string() }),
  z.strictObject({ code: z.string(), function: z.string().optional() }),
]);

/**
 * The tests of a row of one's own: its column `tests`, a list of `{ input, output }` (what a program reads and prints),
 * `{ function, arguments, expected }` (a call; one JSON value per line of arguments) or `{ code, function? }` (code
 * that must run without raising); and its column `language`, `python` where there is none. Throws DataError naming the
 * row.
 */
export function programTaskOf(placed: PlacedRow): ProgramTask {
  const { row, where } = placed;
  const language = PROGRAM_LANGUAGES.find((each) => each === (row.language ?? "python"));
  if (!language)
    throw new DataError(
      `${where}: column "language" must be ${PROGRAM_LANGUAGES.join(" or ")}, got ${JSON.stringify(row.language)}`,
    );
  const tests = listOf(placed, "tests").map((test, i): ProgramTest => {
    const parsed = testSchema.safeParse(test);
    if (!parsed.success)
      throw new DataError(
        `${where}: test ${i + 1}: expected input and output; function, arguments and expected; or code, all of them ` +
          `texts; got ${Object.keys(Object(test)).join(", ") || typeof test}`,
      );
    const { data } = parsed;
    if ("input" in data) return { kind: "output", ...data };
    return "expected" in data ? { kind: "call", ...data } : { kind: "check", ...data };
  });
  if (tests.length === 0) throw new DataError(`${where}: column "tests" is empty: no program could be right`);
  return { language, tests };
}
