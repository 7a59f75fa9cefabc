// A calculation in steps, each of which uses numbers or earlier results: carried out exactly, with a slip, or with a
// slip that is noticed. Says every step in English and in symbols; does not know what is calculated.
import type { Random } from "../../random.js";
import { applyOperator, equalRationals, formatRational, type Rational, rational } from "../rational.js";
import type { Thought, ThoughtLine, ThoughtPlan } from "./thought.js";

/** A number, or the result of an earlier step (from 0). Plain data, so that it may stand in a problem's fields. */
export type Operand = number | { readonly step: number };

/** One step. `reason` says what the result is ("cost of the pens"); without one the bare step is said. */
export interface DerivationStep {
  readonly reason?: string;
  readonly left: Operand;
  readonly operator: Operator;
  readonly right: Operand;
}

/** A step with its values. */
interface Worked {
  readonly step: DerivationStep;
  readonly left: Rational;
  readonly right: Rational;
  readonly value: Rational;
}

/** The operators of steps. */
export type Operator = "+" | "-" | "*" | "/";
/** How they are said. */
export const OPERATOR_WORDS: Readonly<Record<Operator, string>> = {
  "+": "plus",
  "-": "minus",
  "*": "times",
  "/": "divided by",
};
/** What is said when a slip is noticed. */
export const NOTICED: ThoughtLine = { english: "Wait, that is wrong.", symbols: "??" };
/** How often another slip is drawn when one leads to an odd result. */
const MAX_DRAWS = 12;

/** The results of the steps; null where one divides by zero. `slipOf` alters the result of a step. */
function work(steps: readonly DerivationStep[], slipOf?: (index: number, value: Rational) => Rational) {
  const worked: Worked[] = [];
  for (const step of steps) {
    const [left, right] = [step.left, step.right].map((operand) =>
      typeof operand === "number" ? rational(BigInt(operand)) : worked[operand.step].value,
    );
    const value = applyOperator(step.operator, left, right);
    if (value === null) return null;
    worked.push({ step, left, right, value: slipOf?.(worked.length, value) ?? value });
  }
  return worked;
}

/** The exact result of the last step. The steps must not be empty nor divide by zero. */
export function derivedValue(steps: readonly DerivationStep[]): Rational {
  const worked = work(steps);
  if (!worked || worked.length === 0) throw new RangeError("a derivation needs a step and must not divide by zero");
  return worked[worked.length - 1].value;
}

/** Which result is wrong, and what stands in its place. */
interface Slip {
  readonly index: number;
  readonly value: Rational;
}

/** Near misses as people make them: off by a little or by ten, or two digits swapped. */
function slipped(value: Rational, random: Random): Rational {
  const digits = `${value.num}`;
  const swapped = /^(-?\d*)(\d)(\d)$/.exec(digits);
  if (swapped && swapped[2] !== swapped[3] && swapped[2] !== "0" && random.below(3) === 0)
    return rational(BigInt(swapped[1] + swapped[3] + swapped[2]), value.den);
  const off = BigInt(random.pick([1, 1, 2, 10])) * value.den;
  const up = value.num < off || random.below(2) === 0;
  return rational(up ? value.num + off : value.num - off, value.den);
}

/** Writes the answer from the results of all steps. */
type AnswerOf = (results: readonly Rational[]) => string;

const lastResult: AnswerOf = (results) => formatRational(results[results.length - 1]);
const resultsOf = (worked: readonly Worked[]): Rational[] => worked.map(({ value }) => value);

/**
 * A slip after which the answer is wrong, and every result whole that was whole; in the last step where no other is
 * found.
 */
function drawSlip(
  steps: readonly DerivationStep[],
  exact: readonly Worked[],
  random: Random,
  answerOf: AnswerOf,
): Slip {
  const answer = answerOf(resultsOf(exact));
  for (let draw = 0; draw < MAX_DRAWS; draw++) {
    const index = random.below(steps.length);
    const value = slipped(exact[index].value, random);
    const after = work(steps, (at, right) => (at === index ? value : right));
    if (!after || answerOf(resultsOf(after)) === answer) continue;
    const isOdd = after.some((each, i) => each.value.den !== 1n && exact[i].value.den === 1n);
    if (!isOdd) return { index, value };
  }
  return { index: steps.length - 1, value: slipped(exact[steps.length - 1].value, random) };
}

const inFormula = (value: Rational): string =>
  value.den === 1n && value.num >= 0n ? `${value.num}` : `(${formatRational(value)})`;

/** `pens: 3 times 4 is 12.` and `3*4=12;` */
export function stepLine({ reason, operator }: DerivationStep, left: Rational, right: Rational, value: Rational) {
  const [a, b, c] = [left, right, value].map(formatRational);
  const spoken = `${a} ${OPERATOR_WORDS[operator]} ${b} is ${c}.`;
  const first = left.num < 0n ? a : inFormula(left);
  return {
    english: reason ? `${reason}: ${spoken}` : spoken,
    symbols: `${first}${operator}${inFormula(right)}=${c};`,
  };
}

const lineOf = ({ step, left, right, value }: Worked): ThoughtLine => stepLine(step, left, right, value);

/**
 * The calculation as a thought. A wrong one has a slip, or (of several steps) leaves the last one out; a corrected one
 * has a slip that is noticed at once. `answerOf` writes the answer, by default the last result.
 */
export function thinkInSteps(
  steps: readonly DerivationStep[],
  plan: ThoughtPlan,
  random: Random,
  answerOf: AnswerOf = lastResult,
): Thought {
  const exact = work(steps);
  if (!exact) throw new RangeError("a derivation must not divide by zero");
  const answer = answerOf(resultsOf(exact));
  const noticed = plan.corrected ? drawSlip(steps, exact, random, answerOf) : null;
  if (plan.correct) return { lines: withNoticed(exact, noticed), answer, correct: true };
  const early = exact.slice(0, -1);
  const earlyAnswer = early.length > 0 ? answerOf(resultsOf(early)) : answer;
  if (earlyAnswer !== answer && random.below(4) === 0)
    return { lines: withNoticed(early, noticed), answer: earlyAnswer, correct: false };
  const slip = drawSlip(steps, exact, random, answerOf);
  const wrong = work(steps, (index, value) => (index === slip.index ? slip.value : value)) ?? exact;
  // The step that goes wrong unnoticed is not the one whose slip is noticed.
  const lines = withNoticed(wrong, noticed?.index === slip.index ? null : noticed);
  return { lines, answer: answerOf(resultsOf(wrong)), correct: false };
}

/** The lines, before one of them the same step with a wrong result, and a word that it was wrong. */
function withNoticed(worked: readonly Worked[], slip: Slip | null): ThoughtLine[] {
  return worked.flatMap((each, index) => {
    const line = lineOf(each);
    if (slip?.index !== index || equalRationals(slip.value, each.value)) return [line];
    const wrong = lineOf({ ...each, value: slip.value });
    const plain = lineOf({ ...each, step: { ...each.step, reason: undefined } });
    return [wrong, { english: `${NOTICED.english} ${plain.english}`, symbols: `${NOTICED.symbols} ${line.symbols}` }];
  });
}
