// A person's own data set as a task: one JSON object a line with a prompt, an answer and any other columns, which
// rewards see by name. Knows nothing of what the prompts ask.
import { z } from "zod";
import { ConfigError, DataError } from "../errors.js";
import { hashString, Random } from "../random.js";
import { type JsonlRow, readJsonl } from "./jsonl.js";
import { matchesAnswer } from "./match-answer.js";
import { parseOptions } from "./options.js";
import { type Problem, type Split, splitOfKey, type Task, validateTask } from "./task.js";
import { renderWording } from "./templates.js";

/** The options, as zod checks them. */
export const jsonlSchema = z.strictObject({
  /** Path of the data set; set by `--data`. */
  path: z.string().min(1),
  /** Column that holds the prompt. */
  promptColumn: z.string().min(1).default("prompt"),
  /** Column that holds the answer. */
  answerColumn: z.string().min(1).default("answer"),
  /** Fraction of the lines that is held out for evaluation: 0 trains on every line, 1 evaluates on every line. */
  heldOutFraction: z.number().min(0).max(1).default(0.1),
});

/** The file and how its columns are used. */
export type JsonlTaskOptions = z.input<typeof jsonlSchema>;
function textColumn(row: JsonlRow, column: string, where: string): string {
  const value = row[column];
  if (typeof value === "string" && value.trim() !== "") return value;
  if (typeof value === "number") return `${value}`;
  if (value === undefined)
    throw new DataError(
      `${where}: column "${column}" is missing; the line has: ${Object.keys(row).join(", ") || "no columns"}`,
    );
  throw new DataError(
    `${where}: column "${column}" must be a non-empty string or a number, got ${JSON.stringify(value)?.slice(0, 40)}`,
  );
}

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

/**
 * The data-set task. `generate` walks each split in an order shuffled anew, by seed, for every pass over it.
 * @throws ConfigError on bad options; DataError on a bad file, naming the line
 */
export function createJsonlTask(input: JsonlTaskOptions): Task<Problem> {
  const options = parseOptions(jsonlSchema, input, "task jsonl");
  const { path, promptColumn, answerColumn } = options;
  const problems = readJsonl(path).map(({ row, line }): Problem => {
    const where = `${path}:${line}`;
    const answer = textColumn(row, answerColumn, where);
    return {
      id: textColumn(row, promptColumn, where),
      split: "train",
      fields: row,
      answer,
      difficulty: 0,
      meta: { line },
      source: where,
    };
  });
  const splits = splitRows(problems, options.heldOutFraction);
  const order = passOrders();
  const task: Task<Problem> = {
    name: "jsonl",
    numProblems: { train: splits.train.length, heldout: splits.heldout.length },
    generate(seed, index, split) {
      const rows = splits[split];
      if (rows.length === 0)
        throw new ConfigError(
          `task jsonl: ${path} has no ${split} line; change heldOutFraction (now ${options.heldOutFraction}) or ` +
            "add lines",
        );
      return rows[order(seed, split, Math.floor(index / rows.length), rows.length)[index % rows.length]];
    },
    verify: (problem, answerText) => matchesAnswer(problem.answer, answerText),
    sameAnswer: (_, a, b) => matchesAnswer(a, b) === 1,
    renderPrompt: (problem, template) =>
      renderWording({ compact: problem.id, question: problem.id, answerForm: "only the final answer" }, template),
    validate: () => validateTask(task),
  };
  return task;
}

/** The shuffled order of one pass over a split; keeps the last one, because callers walk indices in order. */
function passOrders(): (seed: number, split: Split, pass: number, length: number) => Int32Array {
  let lastKey = "";
  let last = new Int32Array(0);
  return (seed, split, pass, length) => {
    const key = `${seed} ${split} ${pass}`;
    if (key !== lastKey) {
      last = new Random(seed)
        .fork(`jsonl ${split}`)
        .fork(pass)
        .shuffle(Int32Array.from({ length }, (_, i) => i));
      lastKey = key;
    }
    return last;
  };
}
