// Whether two written answers are the same: numbers by value in whatever form, other texts but for dress, case and
// white space. The one equality of data sets: the grader goes by it, and so does the vote of cons@k.
import { plainNotation } from "./notation.js";
import { readNumber, sameNumber } from "./written-number.js";

/** 1 when both texts are the same number, or the same words or formula but for their dress; else 0. */
export function matchesAnswer(expected: string, given: string): number {
  const [a, b] = [readNumber(expected), readNumber(given)];
  if (a && b) return sameNumber(a, b) ? 1 : 0;
  return normalText(expected) === normalText(given) ? 1 : 0;
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
