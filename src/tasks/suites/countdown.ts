// Countdown: an expression over given numbers, each used once, that makes a target (TinyZero, github.com/Jiayi-Pan/
// TinyZero). For example:
//   nums    [44, 19, 35]
//   target  98
// Any expression that does it is right, so the rows hold no gold answer. The first 1,000 rows count.
import { listOf, textOf } from "../../data/columns.js";
import { type CountdownFields, countdownWording, sameExpression, verifyCountdown } from "../countdown.js";
import { finalAnswer } from "../grading/final-answer.js";
import type { Grader } from "../listed-task.js";
import type { Problem } from "../task.js";
import type { Suite } from "./suite.js";

const fieldsOf = ({ meta }: Problem): CountdownFields => meta.countdown as CountdownFields;

const expressionGrader: Grader = {
  name: "expression",
  answerForm: "only the expression, without an equals sign",
  needsNoGold: true,
  find: (_, reply) => finalAnswer(reply)?.replace(/=.*$/s, "") ?? null,
  grade: (problem, answer) => ({ score: verifyCountdown(fieldsOf(problem), answer), decidedBy: "value" }),
  same: (_, a, b) => sameExpression(a, b),
};

/** See the file's head. */
export const countdown: Suite = {
  name: "countdown",
  title: "Countdown",
  source: {
    repo: "Jiayi-Pan/Countdown-Tasks-3to4",
    revision: "408f70d177020686d34a56bba5952feb45aaaee4",
    part: "train",
    licence: "none stated",
  },
  grader: expressionGrader,
  samples: 4,
  maxRows: 1000,
  read(placed) {
    const fields = { numbers: listOf(placed, "nums").map(Number), target: Number(textOf(placed, "target")) };
    const { compact: id, question } = countdownWording(fields);
    return { id, question, answer: "", difficulty: fields.numbers.length, meta: { countdown: fields } };
  },
};
