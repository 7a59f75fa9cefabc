// Finds the answer in a reply that nobody asked to mark it: tagged or boxed, after "the answer is", as the whole text,
// as the last formula, or as the last number. Does not judge it.
import { finalAnswer } from "./final-answer.js";
import { parseFormula } from "./formula-parser.js";
import { MAX_ANSWER_LENGTH } from "./lexer.js";

/** How the answer was found. */
export type FoundBy = "mark" | "phrase" | "whole" | "formula" | "number";

/** An answer and how it was found. */
export interface ExtractedAnswer {
  readonly text: string;
  readonly by: FoundBy;
}

/** What to look for. */
export interface ExtractionOptions {
  /** The letters of a multiple choice, `ABCD` say; without them the answer is a value. */
  readonly choices?: string;
}

/** The answer of a reply; null where it holds none. The thought must have been taken off. */
export function extractAnswer(text: string, { choices }: ExtractionOptions = {}): ExtractedAnswer | null {
  if (choices !== undefined) return extractChoice(text, choices);
  const marked = finalAnswer(text) ?? openBox(text);
  const corrected = marked === null ? null : afterLastBox(text);
  if (corrected) return corrected;
  if (marked !== null) return { text: withUnit(marked, text), by: "mark" };
  const whole = wholeAnswer(text);
  if (whole !== null) return { text: whole, by: "whole" };
  return afterPhrase(text) ?? lastStatement(text);
}

/** A final answer that is announced behind the last box, and is a value. */
function afterLastBox(text: string): ExtractedAnswer | null {
  const behind = text.slice(Math.max(text.lastIndexOf("\\boxed"), text.lastIndexOf("</answer>")));
  const announced = /final answer\s+is/i.test(behind) ? afterPhrase(behind) : null;
  return announced && parseFormula(announced.text)?.kind === "number" ? announced : null;
}

/** What a box holds that the end of the text cuts off. */
function openBox(text: string): string | null {
  const at = text.lastIndexOf("\\boxed{");
  const content = at < 0 ? "" : text.slice(at + 7).trim();
  return content === "" || content.length > MAX_ANSWER_LENGTH ? null : content;
}

/** A percent sign that stands behind the box. */
function withUnit(answer: string, text: string): string {
  const behind = text.slice(text.lastIndexOf(answer) + answer.length);
  return /^\d[\d.,]*$/.test(answer.trim()) && /^\}\s*\$?\s*(?:\\?%|percent\b|pct\b)/.test(behind)
    ? `${answer}%`
    : answer;
}

const PHRASE =
  /(?:final answer|answer|result|solution)s?(?:\s+(?:is|are|:|=)|\s*:|\s+to the (?:problem|question) is)\**\s*/gi;

function afterPhrase(text: string): ExtractedAnswer | null {
  const last = [...text.matchAll(PHRASE)].at(-1);
  if (!last) return null;
  const statement = sentenceOf(text.slice(last.index + last[0].length));
  const answer = answerOf(statement);
  return answer === null ? null : { text: answer, by: "phrase" };
}

/** Up to the end of the sentence or line; a point between digits ends none. */
function sentenceOf(text: string): string {
  const end = /\.(?=\s|$)(?!\s*\$\s*[,.]?\s*$)|\n\s*\n|<\|/.exec(maskMath(text))?.index ?? text.length;
  return text.slice(0, Math.min(end, MAX_ANSWER_LENGTH)).trim();
}

/** The text with the insides of formulas replaced, so that their points and breaks do not count. */
const maskMath = (text: string): string =>
  text.slice(0, 2 * MAX_ANSWER_LENGTH).replace(MATH, (math) => "m".repeat(math.length));

/** A statement as an answer: itself, what stands behind its last "is", or its last formula or number. */
function answerOf(statement: string): string | null {
  const plain = undressed(statement);
  if (plain === "") return null;
  if (wholeAnswer(plain) !== null || !/\s/.test(plain)) return plain;
  const behind = /.*\b(?:is|are|equals|be)\s+(?:approximately |about |exactly |equal to )?(.+)$/is.exec(plain)?.[1];
  if (behind !== undefined && wholeAnswer(behind) !== null) return undressed(behind);
  return lastStatement(statement)?.text ?? plain;
}

const undressed = (text: string): string => text.trim().replace(/^(?:\\?["'*\s:])+|(?:\\?["'*\s.])+$/g, "");

const JOINTS = /^(?:[\s,;:.*"]|and|or|percent|pct|%)*$/i;

/** The text where all of it is one answer. */
function wholeAnswer(text: string): string | null {
  if (text.length > MAX_ANSWER_LENGTH) return null;
  const plain = undressed(text);
  if (plain === "") return null;
  if (/^[^\s]+$/.test(plain) && !/^[$\\]/.test(plain)) return plain;
  const bare = plain.replace(MATH, (math) => ` ${inside(math)} `).trim();
  const isMathAlone = plain !== bare && JOINTS.test(plain.replace(MATH, " "));
  const formula = parseFormula(bare);
  if (
    formula &&
    formula.kind !== "text" &&
    (isMathAlone || !/[A-Za-z]{4,}(?![^{]*\})/.test(bare.replace(/\\[A-Za-z]+/g, " ")))
  )
    return bare;
  return isMathAlone ? bare : null;
}

/** A formula in running text, in any of LaTeX's fences. */
const MATH = /\$\$[^$]+\$\$|\$(?:[^$\\]|\\.)+\$|\\\[[\s\S]{1,1000}?\\\]|\\\([\s\S]{1,1000}?\\\)/g;
const inside = (math: string): string => math.replace(/^(?:\$\$?|\\\[|\\\()|(?:\$\$?|\\\]|\\\))$/g, "").trim();
/** A number, fraction or percentage in running text. */
const NUMBER = /(?<![\w.])-?(?:[$€£]\s?)?(?:\d[\d,. ]*\d|\d|\.\d+)(?:\s*\/\s*\d+)?(?:\s?(?:\\?%|percent\b))?/g;

/** The last formula with something to say, or the last number, whichever comes later. */
function lastStatement(text: string): ExtractedAnswer | null {
  const end = text.slice(-20 * MAX_ANSWER_LENGTH);
  const formulas = [...end.matchAll(MATH)];
  const formula = formulas.findLast(([math]) => /\d|\\text|=|\\in\b|\\begin/.test(math)) ?? formulas.at(-1);
  const masked = end.replace(MATH, (math) => "\u0000".repeat(math.length));
  const number = [...masked.matchAll(NUMBER)].at(-1);
  if (formula && (!number || formula.index > number.index))
    return { text: formulaWithUnit(formula, end), by: "formula" };
  return number ? { text: number[0].trim().replace(/[.,]$/, ""), by: "number" } : null;
}

function formulaWithUnit(formula: RegExpExecArray, text: string): string {
  const behind = text.slice(formula.index + formula[0].length);
  const content = inside(formula[0]).replace(/[.,;]\s*$/, "");
  return /^\s*(?:\\?%|percent\b|pct\b)/.test(behind) ? `${content}%` : content;
}

/** The letter of a choice: in a mark, behind "answer is", at the start, or the last one that stands alone. */
function extractChoice(text: string, choices: string): ExtractedAnswer | null {
  const letter = `[${choices.replace(/[^A-Za-z]/g, "")}]`;
  const alone = new RegExp(`(?<![A-Za-z])\\(?(${letter})\\)?(?![A-Za-z'])`, "g");
  const marked = finalAnswer(text);
  const inMark = marked === null ? undefined : [...marked.matchAll(alone)].at(0);
  if (inMark) return { text: inMark[1], by: "mark" };
  const phrase = new RegExp(
    `answers?\\s*(?:is|:)?[\\s:*(\\[$]*(?:\\\\(?:text|mathrm|mathbf)\\{)?\\(?(${letter})(?![A-Za-z])`,
    "gi",
  );
  const said = [...text.matchAll(phrase)].at(-1);
  if (said) return { text: said[1].toUpperCase(), by: "phrase" };
  const first = new RegExp(`^\\s*\\(?(${letter})\\)?(?:[.:)\\s]|$)`).exec(text);
  if (first) return { text: first[1], by: "whole" };
  const last = [...text.matchAll(alone)].at(-1);
  return last ? { text: last[1], by: "formula" } : null;
}
