// A person's own data set as a task: rows with a prompt, an answer and any other columns, which rewards see by name.
// Knows neither files nor what the prompts ask.
import { z } from "zod";
import { type QuestionColumns, questionOf } from "../data/columns.js";
import { type PlacedRow, shown } from "../data/row.js";
import { ConfigError, DataError } from "../errors.js";
import { hashString, Random } from "../random.js";
import { matchesAnswer } from "./grading/grade.js";
import { parseOptions } from "./options.js";
import { type Problem, type Split, splitOfKey, type Task, validateTask } from "./task.js";
import { renderWording } from "./templates.js";

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
});

/** How the columns are used. */
export type DataTaskOptions = z.input<typeof dataTaskSchema>;

/**
 * Splits by the prompt's hash, so equal prompts stay together and new lines do not move old ones; leaves neither side
 * empty if it can.
 */
function splitRows(problems: readonly Problem[], heldOutFraction: number): Record<Split, Problem[]> {
  const splitById = new Map(problems.map(({ id }) => [id, splitOfKey(id, heldOutFraction)]));
  const wanted: Split[] = heldOutFraction > 0 && heldOutFraction < 1 && splitById.size > 1 ? ["train", "heldout"] : [];
  for (const split of wanted) {
    if ([...splitById.values()].includes(split)) continue;
    const byHash = [...splitById.keys()].sort((a, b) => hashString(a) - hashString(b) || (a < b ? -1 : 1));
    splitById.set(split === "heldout" ? byHash[0] : byHash[byHash.length - 1], split);
  }
  const splits: Record<Split, Problem[]> = { train: [], heldout: [] };
  for (const problem of problems) {
    const split = splitById.get(problem.id) ?? "train";
    splits[split].push({ ...problem, split });
  }
  return splits;
}

/** The answer of a row that has none: no column holds an empty text. */
const UNKNOWN = "";
const hasVerifier = ({ answer }: Problem): boolean => answer !== UNKNOWN;

/**
 * The task of a data set, whose rows `readAllRows` of `luciole/data` reads. `generate` walks each split in an order
 * shuffled anew, by seed, for every pass over it. With `withoutAnswer`, rows may lack an answer, which then nothing
 * verifies; where all do, none is held out unless the options say so. @throws ConfigError on bad options; DataError on
 * a bad row, naming it
 */
export function createDataTask(
  rows: readonly PlacedRow[],
  input: DataTaskOptions = {},
  { withoutAnswer = false }: Pick<QuestionColumns, "withoutAnswer"> = {},
): Task<Problem> {
  const options = parseOptions(dataTaskSchema, input, "task data");
  const problems = rows.map((placed): Problem => {
    const { question, answer } = questionOf(placed, { ...options, withoutAnswer });
    const { row: fields, where: source } = placed;
    const difficulty = difficultyOf(placed, options.difficultyColumn);
    return { id: question, split: "train", fields, answer: answer ?? UNKNOWN, difficulty, meta: {}, source };
  });
  const isJudged = input.heldOutFraction !== undefined || problems.some(hasVerifier);
  const splits = splitRows(problems, isJudged ? options.heldOutFraction : 0);
  const order = passOrders();
  const task: Task<Problem> = {
    name: "data",
    numProblems: { train: splits.train.length, heldout: splits.heldout.length },
    generate(seed, index, split) {
      const { length } = splits[split];
      if (length === 0)
        throw new ConfigError(
          `task data: the data set has no ${split} row; change heldOutFraction (now ${options.heldOutFraction}) or ` +
            "add rows",
        );
      return splits[split][order(seed, split, Math.floor(index / length), length)[index % length]];
    },
    hasVerifier,
    verify: (problem, answerText) => matchesAnswer(problem.answer, answerText),
    sameAnswer: (_, a, b) => matchesAnswer(a, b) === 1,
    renderPrompt: (problem, template) =>
      renderWording({ compact: problem.id, question: problem.id, answerForm: "only the final answer" }, template),
    validate: () => validateTask(task),
  };
  return task;
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

/** The shuffled order of one pass over a split; keeps the last one, because callers walk indices in order. */
function passOrders(): (seed: number, split: Split, pass: number, length: number) => Int32Array {
  let lastKey = "";
  let last = new Int32Array(0);
  return (seed, split, pass, length) => {
    const key = `${seed} ${split} ${pass}`;
    if (key !== lastKey) {
      last = new Random(seed)
        .fork(`jsonl ${split}`) // The label decides the order, so it stays.
        .fork(pass)
        .shuffle(Int32Array.from({ length }, (_, i) => i));
      lastKey = key;
    }
    return last;
  };
}
