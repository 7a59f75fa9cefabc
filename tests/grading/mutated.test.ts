// Damaged answers: none crashes the grader, none takes longer than its limit, and each verdict is the same both ways.
// LUCIOLE_FUZZ=50 makes 100,000 of them.
import { expect, test } from "vitest";
import { LIMIT_MS } from "../../src/tasks/grading/algebra-host.js";
import { gradeAnswer } from "../../src/tasks/index.js";
import { Draw, mutateText } from "../fuzz/mutations.js";
import { readVectors } from "./vectors.js";

const NUM_ANSWERS = 2000 * Number(process.env.LUCIOLE_FUZZ ?? 1);
/** Pieces that hang or crash what reads them carelessly. */
const PIECES = [
  ..."{}()[]|$^_\\!,;:=<>+-*/.%0123456789xeπ√∞".split(""),
  ...["\\frac", "\\sqrt", "\\boxed{", "^{", "9999999999", "!!!!", "\\begin{pmatrix}", "\\end{pmatrix}", "10^{10^{10}}"],
  ...[
    "\\pm",
    "\\cup",
    "\\infty",
    "\\sum_{k=0}^{n}",
    "\\binom{9}{4}",
    "\\text{",
    "^^^^",
    "((((((((((",
    "\\left(",
    " or ",
    "e^{e^{e^{e}}}",
  ],
];

test("mutated answers neither crash the grader nor hold it up, and verdicts are symmetric", () => {
  const texts = readVectors().flatMap(({ same, other }) => [...same, ...other]);
  gradeAnswer("\\sqrt{x}", "x^{1/2}"); // starts the thread
  const slow: string[] = [];
  const askew: string[] = [];
  for (let i = 0; i < NUM_ANSWERS; i++) {
    const draw = new Draw(i);
    const gold = draw.of(texts);
    const given = damaged(draw.below(4) === 0 ? gold : draw.of(texts), draw);
    const { rung, isSlow } = timed(gold, given);
    // What is slow by itself is so again; a busy machine is not.
    if (isSlow && timed(gold, given).isSlow) slow.push(`${i}: ${gold} | ${given}`);
    if (i % 10 === 0 && gradeAnswer(given, gold).rung !== rung) askew.push(`${i}: ${gold} | ${given}`);
  }
  expect(slow).toEqual([]);
  expect(askew).toEqual([]);
});

function timed(gold: string, given: string): { readonly rung: string; readonly isSlow: boolean } {
  const started = performance.now();
  const { rung } = gradeAnswer(gold, given);
  return { rung, isSlow: performance.now() - started > LIMIT_MS + 500 };
}

function damaged(text: string, draw: Draw): string {
  let result = draw.below(2) === 0 ? mutateText(text, draw) : text;
  for (let times = 1 + draw.below(4); times > 0; times--) {
    const at = draw.below(result.length + 1);
    result = result.slice(0, at) + draw.of(PIECES).repeat(1 + draw.below(3)) + result.slice(at + draw.below(3));
  }
  return result;
}
