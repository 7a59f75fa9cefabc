// A person's own data set as a task: rows with a prompt, an answer and any other columns, which rewards see by name.
// Knows neither files nor what the prompts ask.
import { z } from "zod";
import { listOf, type QuestionColumns, questionOf } from "../data/columns.js";
import { type PlacedRow, shown } from "../data/row.js";
import { DataError } from "../errors.js";
import { choiceGrader, choiceLetters, exactGrader, markedMath, mathGrader, withChoices } from "./graders.js";
import { type Grader, type ListedProblem, listedTask } from "./listed-task.js";
import { parseOptions } from "./options.js";
import { programGrader, programTaskOf } from "./program-grader.js";
import type { Problem, Task } from "./task.js";

/** The graders that rows of one's own can be judged by. */
export const DATA_GRADERS = ["math", "choice", "exact", "code"] as const;

/** The options, as zod checks them. */
export const dataTaskSchema = z.strictObject({
  /** Column that holds the prompt; null takes `prompt`, or `question`. */
  promptColumn: z.string().min(1).nullable().default(null),
  /** Column that holds the answer; null takes `answer`. */
  answerColumn: z.string().min(1).nullable().default(null),
  /** Column that holds the difficulty: a number, or a text that ends in one (`Level 5`); null: all rows have none. */
  difficultyColumn: z.string().min(1).nullable().default(null),
  /** Fraction of the rows that is held out for evaluation: 0 trains on every row, 1 evaluates on every row. */
  heldOutFraction: z.number().min(0).max(1).default(0.1),
  /**
   * How answers are judged. `math`: equal by mathematics, wherever the answer stands in the reply. `choice`: the letter
   * of one of the column `choices` (or `options`). `exact`: the same text. `code`: a program that passes the column
   * `tests`. null: as `math`, where the answer is marked as the prompt asks.
   */
  grader: z.enum(DATA_GRADERS).nullable().default(null),
});

/** How the columns are used. */
export type DataTaskOptions = z.input<typeof dataTaskSchema>;
type Parsed = z.output<typeof dataTaskSchema>;

const GRADERS: Readonly<Record<(typeof DATA_GRADERS)[number], Grader>> = {
  math: mathGrader,
  choice: choiceGrader,
  exact: exactGrader,
  code: programGrader,
};

/** The answer of a row that has none: no column holds an empty text. */
const UNKNOWN = "";

/**
 * The task of a data set, whose rows `readAllRows` of `luciole/data` reads. With `withoutAnswer`, rows may lack an
 * answer, which then nothing verifies; where all do, none is held out unless the options say so. @throws ConfigError on
 * bad options; DataError on a bad row, naming it
 */
export function createDataTask(
  rows: readonly PlacedRow[],
  input: DataTaskOptions = {},
  { withoutAnswer = false }: Pick<QuestionColumns, "withoutAnswer"> = {},
): Task<Problem> {
  const options = parseOptions(dataTaskSchema, input, "task data");
  const problems = rows.map((placed) => problemOf(placed, options, withoutAnswer));
  const isJudged =
    input.heldOutFraction !== undefined ||
    options.grader === "code" ||
    problems.some(({ answer }) => answer !== UNKNOWN);
  return listedTask(problems, {
    name: "data",
    grader: options.grader === null ? markedMath : GRADERS[options.grader],
    heldOutFraction: isJudged ? options.heldOutFraction : 0,
  });
}

function problemOf(placed: PlacedRow, options: Parsed, withoutAnswer: boolean): ListedProblem {
  const isCode = options.grader === "code"; // the tests say what is right
  const { question, answer } = questionOf(placed, { ...options, withoutAnswer: withoutAnswer || isCode });
  const { row: fields, where: source } = placed;
  const difficulty = difficultyOf(placed, options.difficultyColumn);
  const problem = { id: question, question, fields, answer: answer ?? UNKNOWN, difficulty, source };
  if (isCode) return { ...problem, meta: { programs: programTaskOf(placed) } };
  return options.grader === "choice" ? choiceOf(placed, problem) : problem;
}

/** With the choices below the question; the answer, which may be a letter, a place from 0 or a choice, as a letter. */
function choiceOf(placed: PlacedRow, problem: ListedProblem): ListedProblem {
  const choices = listOf(placed, "choices", "options").map(String);
  const question = withChoices(problem.question, choices);
  const letters = choiceLetters(choices.length);
  const { answer } = problem;
  const byText = choices.indexOf(answer);
  const letter =
    answer.length === 1 && letters.includes(answer) ? answer : letters[byText >= 0 ? byText : Number(answer)];
  if (answer !== UNKNOWN && letter === undefined)
    throw new DataError(
      `${placed.where}: the answer must be a letter of ${letters}, a place from 0 to ${choices.length - 1} or one of ` +
        `the choices, got ${shown(answer)}`,
    );
  return { ...problem, id: question, question, answer: letter ?? UNKNOWN, meta: { numChoices: choices.length } };
}

function difficultyOf({ row, where }: PlacedRow, column: string | null): number {
  if (column === null) return 0;
  const value = row[column];
  const number = typeof value === "string" ? Number(/-?\d+(\.\d+)?$/.exec(value.trim())?.[0] ?? Number.NaN) : value;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  throw new DataError(
    `${where}: column "${column}": expected a number, or a text that ends in one, got ${shown(value)}`,
  );
}
