// The one equality of answers: data sets are graded by it, rewards go by it, and the vote of cons@k. Plain answers are
// decided on the spot; what takes algebra goes to a thread that is stopped after a second.
import { decideByAlgebra } from "./algebra-host.js";
import { decide } from "./decide.js";
import { parseFormula } from "./formula-parser.js";
import { plainNotation } from "./notation.js";
import { isUnfinished } from "./unfinished.js";

/**
 * What decided. `form`: the same but for its dress. `value`: the same exact value, set, relation or matrix. `algebra`:
 * proven by algebra. `probable`: the same to 40 digits at random points, or a decimal of six places or more that
 * rounds the other. `different`. `unparsed`: one of the two is no answer that can be read, or none that was decided
 * within a second.
 */
export type Rung = "form" | "value" | "algebra" | "probable" | "different" | "unparsed";

/** What the grader says of two answers. */
export interface Verdict {
  readonly isEqual: boolean;
  readonly rung: Rung;
}

/** How answers are compared. */
export interface GradingOptions {
  /** A decimal with at least this many places equals the fraction or root that it rounds. */
  readonly decimals?: number;
}

const DECIMALS = 6;

/** Whether two answers are the same, and what decided. Never throws; symmetric. */
export function gradeAnswer(gold: string, given: string, { decimals = DECIMALS }: GradingOptions = {}): Verdict {
  const outcome = decide(gold, given, { isSymbolic: false, decimals });
  const rung = outcome === "open" ? closed(decideByAlgebra(gold, given, decimals)) : outcome;
  return { isEqual: rung !== "different" && rung !== "unparsed", rung };
}

const closed = (outcome: ReturnType<typeof decide>): Rung => (outcome === "open" ? "different" : outcome);

/** Goes up when a verdict of the grader changes; evaluations record it. */
export const GRADER_VERSION = "1";

/** 1 when an answer to a question is the gold one, else 0; see `judgeAnswer`. */
export const matchesAnswer = (gold: string, given: string): number => judgeAnswer(gold, given).score;

/**
 * The grade of an answer to a question. Arithmetic that is left to the reader (`15 - 10` for 5) is no answer, or a
 * model could repeat the question: it is `unfinished`.
 */
export function judgeAnswer(gold: string, given: string): { score: number; decidedBy: Rung | "unfinished" } {
  const { isEqual, rung } = gradeAnswer(gold, given);
  if (!isEqual || rung === "form") return { score: isEqual ? 1 : 0, decidedBy: rung };
  return leavesArithmetic(given) && !leavesArithmetic(gold)
    ? { score: 0, decidedBy: "unfinished" }
    : { score: 1, decidedBy: rung };
}

function leavesArithmetic(text: string): boolean {
  const formula = parseFormula(plainNotation(text));
  return formula !== null && isUnfinished(formula);
}
