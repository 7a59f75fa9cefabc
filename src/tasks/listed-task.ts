// A fixed list of problems as a task: parted into splits by what they ask, walked in shuffled passes, graded by a named
// grader. Knows neither files nor columns.
import { ConfigError } from "../errors.js";
import { hashString, Random } from "../random.js";
import type { Awaitable } from "./call-limits.js";
import { type Grade, type Problem, type Split, splitOfKey, type Task } from "./task.js";
import { renderWording } from "./templates.js";
import { validateTask } from "./validate-task.js";

/** How the answers to a list of problems are found and judged. */
export interface Grader {
  readonly name: string;
  /** What a chat asks for behind the question, "" for nothing; default: a box around the final answer. */
  readonly instruction?: string;
  /** The end of "inside the answer tags write …", for models that are asked for tags. */
  readonly answerForm: string;
  /** Set where grading takes its time, as where programs are run: no reward for accuracy goes by it. */
  readonly isSlow?: true;
  /** Set where problems need no gold answer, as where the problem itself says what is right. */
  readonly needsNoGold?: true;
  /** Where the answer stands in a reply; default: where the prompt asks for it. */
  find?(problem: Problem, reply: string): string | null;
  /** Never throws, whatever the answer. */
  grade(problem: Problem, answer: string): Awaitable<Grade>;
  /** Whether two answers are the same; default: equal but for white space. */
  same?(problem: Problem, a: string, b: string): boolean;
}

/** A problem with its question in words, still without a split. */
export interface ListedProblem extends Omit<Problem, "split" | "meta"> {
  readonly question: string;
  readonly meta?: Problem["meta"];
}

/** How a list becomes a task. */
export interface ListOptions {
  readonly name: string;
  readonly grader: Grader;
  /** Share of the problems that is held out for evaluation: 0 … 1. */
  readonly heldOutFraction: number;
  /** Whether every pass walks the problems in an order of its own; else they come as listed. Default true. */
  readonly isShuffled?: boolean;
}

/** The task of a list. `generate` walks each split in an order shuffled anew, by seed, for every pass over it. */
export function listedTask(
  listed: readonly ListedProblem[],
  { name, grader, heldOutFraction, isShuffled = true }: ListOptions,
): Task<Problem> {
  const splits = splitProblems(listed, heldOutFraction);
  const order = passOrders();
  const scoreOf = (problem: Problem, answer: string): number =>
    grader.isSlow ? 0 : (grader.grade(problem, answer) as Grade).score;
  const task: Task<Problem> = {
    name,
    numProblems: { train: splits.train.length, heldout: splits.heldout.length },
    generate(seed, index, split) {
      const { length } = splits[split];
      if (length === 0)
        throw new ConfigError(
          `task ${name}: the data set has no ${split} row; change heldOutFraction (now ${heldOutFraction}) or add rows`,
        );
      const place = index % length;
      return splits[split][isShuffled ? order(seed, split, Math.floor(index / length), length)[place] : place];
    },
    hasVerifier: ({ answer }) => !grader.isSlow && (grader.needsNoGold === true || answer !== ""),
    verify: scoreOf,
    grade: (problem, answer) => grader.grade(problem, answer),
    instruction: grader.instruction,
    answerIn: grader.find && ((problem, reply) => grader.find?.(problem, reply) ?? null),
    sameAnswer: (problem, a, b) => grader.same?.(problem, a, b) ?? false,
    renderPrompt(problem, template) {
      const question = `${problem.meta.question ?? problem.id}`;
      return renderWording({ compact: question, question, answerForm: grader.answerForm }, template);
    },
    validate: () => validateTask(task, isShuffled ? undefined : listed.length),
  };
  return task;
}

/**
 * Splits by the hash of the id, so equal problems stay together and new ones do not move old ones; leaves neither side
 * empty if it can.
 */
function splitProblems(listed: readonly ListedProblem[], heldOutFraction: number): Record<Split, Problem[]> {
  const splitById = new Map(listed.map(({ id }) => [id, splitOfKey(id, heldOutFraction)]));
  const wanted: Split[] = heldOutFraction > 0 && heldOutFraction < 1 && splitById.size > 1 ? ["train", "heldout"] : [];
  for (const split of wanted) {
    if ([...splitById.values()].includes(split)) continue;
    const byHash = [...splitById.keys()].sort((a, b) => hashString(a) - hashString(b) || (a < b ? -1 : 1));
    splitById.set(split === "heldout" ? byHash[0] : byHash[byHash.length - 1], split);
  }
  const splits: Record<Split, Problem[]> = { train: [], heldout: [] };
  for (const { question, meta = {}, ...problem } of listed) {
    const split = splitById.get(problem.id) ?? "train";
    splits[split].push({ ...problem, split, meta: question === problem.id ? meta : { ...meta, question } });
  }
  return splits;
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
