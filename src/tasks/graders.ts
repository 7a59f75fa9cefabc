// Graders by name: what is asked of an answer's form, where it stands in a reply, and whether it is right. Knows no
// file and no suite.
import { extractAnswer } from "./grading/extract.js";
import { finalAnswer } from "./grading/final-answer.js";
import { judgeAnswer } from "./grading/grade.js";
import type { Grader } from "./listed-task.js";
import type { Grade } from "./task.js";

/** Mathematical equality, for answers that are marked as the prompt asks: in a box, in tags, or the last number. */
export const markedMath: Grader = {
  name: "marked math",
  answerForm: "only the final answer",
  grade: ({ answer: gold }, answer) => judgeAnswer(gold, answer),
  same: (_, a, b) => judgeAnswer(a, b).score === 1,
};

/** Mathematical equality, wherever the answer stands in the reply (docs/grader.md). */
export const mathGrader: Grader = {
  ...markedMath,
  name: "math",
  find: (_, reply) => extractAnswer(reply)?.text ?? null,
};

/** The letters of so many choices: A, B, C, … */
export const choiceLetters = (count: number): string => "ABCDEFGHIJKLMNOPQRSTUVWXYZ".slice(0, count);

/** A question with its choices below it, one a line: `A) …`. */
export const withChoices = (question: string, choices: readonly string[]): string =>
  `${question}\n\n${choices.map((choice, i) => `${choiceLetters(26)[i]}) ${choice}`).join("\n")}`;

const decided = (isRight: boolean, decidedBy: string): Grade => ({ score: isRight ? 1 : 0, decidedBy });

/** The letter of a choice. Problems tell how many choices there are in `meta.numChoices`. */
export const choiceGrader: Grader = {
  name: "choice",
  instruction:
    "Please reason step by step, and put the letter of your final answer, and nothing else, within \\boxed{}.",
  answerForm: "only the letter of the right choice",
  find: ({ meta }, reply) => extractAnswer(reply, { choices: choiceLetters(Number(meta.numChoices)) })?.text ?? null,
  grade: ({ answer: gold }, answer) => decided(letterIn(answer) === gold, "letter"),
  same: (_, a, b) => letterIn(a) === letterIn(b),
};

const letterIn = (answer: string): string => answer.replace(/[^A-Za-z]/g, "").toUpperCase();

/** The same text, but for white space at its ends and runs of it. */
export const exactGrader: Grader = {
  name: "exact",
  answerForm: "only the final answer",
  find: (_, reply) => finalAnswer(reply) ?? (reply.trim() || null),
  grade: ({ answer: gold }, answer) => decided(plainText(answer) === plainText(gold), "text"),
  same: (_, a, b) => plainText(a) === plainText(b),
};

const plainText = (text: string): string => text.trim().replaceAll(/\s+/g, " ");
