// Two texts held against each other: as numbers, by form, and by what their formulas say. Runs where it is called, in a
// time bounded by the lengths; what only the upper rungs can tell stays open, unless all of them are asked for.
import { compareFormulas, type Outcome } from "./compare.js";
import { parseFormula } from "./formula-parser.js";
import { MAX_ANSWER_LENGTH } from "./lexer.js";
import { plainNotation } from "./notation.js";
import { allRungs, exactRungs, type Rounding } from "./rungs.js";
import { inOtherSeparators } from "./separators.js";
import { readNumber, sameNumber } from "./written-number.js";

/** How far to go. */
export interface Reach extends Rounding {
  /** Whether algebra and values at random points are asked as well. */
  readonly isSymbolic: boolean;
}

/** See the file's head; `unparsed` where one of the texts is no answer that can be read. */
export function decide(gold: string, given: string, reach: Reach): Outcome | "unparsed" {
  if (gold.length > MAX_ANSWER_LENGTH || given.length > MAX_ANSWER_LENGTH)
    return gold.trim() === given.trim() ? "form" : "unparsed";
  const [a, b] = [readNumber(gold), readNumber(given)];
  if (a && b && sameNumber(a, b)) return gold.trim() === given.trim() ? "form" : "value";
  if (normalText(gold) === normalText(given) && (a === null) === (b === null)) return "form";
  if (a && b && !hasDecimals(gold, reach) && !hasDecimals(given, reach)) return "different";
  if (sameInOtherSeparators(gold, given)) return "value";
  return decideFormulas(plainNotation(gold), plainNotation(given), reach);
}

function decideFormulas(gold: string, given: string, reach: Reach): Outcome | "unparsed" {
  const [a, b] = [parseFormula(gold), parseFormula(given)];
  if (!a || !b) return a || b ? "unparsed" : "different";
  return compareFormulas(a, b, reach.isSymbolic ? allRungs(reach) : exactRungs(reach));
}

/** Whether a text holds a decimal that may be another number's rounded value. */
const hasDecimals = (text: string, { decimals }: Reach): boolean =>
  [...text.matchAll(/\.(\d+)/g)].some(([, digits]) => digits.length >= decimals);

/** `1.234,56` and its like beside a number in any style. */
function sameInOtherSeparators(gold: string, given: string): boolean {
  const [first, second] = [inOtherSeparators(gold), inOtherSeparators(given)];
  if (first === null && second === null) return false;
  const [a, b] = [readNumber(first ?? gold), readNumber(second ?? given)];
  return a !== null && b !== null && sameNumber(a, b);
}

/** In formulas letters keep their case and white space means nothing; in words it is the other way round. */
function normalText(text: string): string {
  const plain = plainNotation(text)
    .replace(/^\(([A-Za-z])\)$/, "$1") // the letter of a choice
    .replace(/\s*([,;:()[\]{}])\s*/g, "$1");
  if (!/[\\^_=]/.test(plain)) return plain.replace(/\s+/g, " ").toLowerCase();
  return plain
    .replace(/\\frac\s*(\d)\s*(\d)/g, "\\frac{$1}{$2}")
    .replace(/\\sqrt\s*(\d)/g, "\\sqrt{$1}")
    .replace(/([\^_])\{(\w)\}/g, "$1$2")
    .replace(/\s+/g, "");
}
