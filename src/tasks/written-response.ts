// Writes responses of the form `<think>…</think><answer>…</answer>`, or misses the form in one of six ways. The twin
// of response.ts, which reads them.
import type { Random } from "../random.js";
import { ANSWER_CLOSE, ANSWER_OPEN, RESPONSE_TAGS, THINK_CLOSE, THINK_OPEN } from "./response.js";

/** Well formed, one of the four tags left out (by its place), or a whole block left out. */
export type ResponseShape = "whole" | 0 | 1 | 2 | 3 | "no-thought" | "no-answer-tags";

const MALFORMED: readonly ResponseShape[] = [0, 1, 2, 3, "no-thought", "no-answer-tags"];

/** One of the six malformed shapes. */
export const malformedShape = (random: Random): ResponseShape => random.pick(MALFORMED);

/** The text of a response in a shape. */
export function writeResponse(thought: string, answer: string, shape: ResponseShape = "whole"): string {
  if (shape === "no-thought") return ANSWER_OPEN + answer + ANSWER_CLOSE;
  if (shape === "no-answer-tags") return THINK_OPEN + thought + THINK_CLOSE + answer;
  const [open, close, answerOpen, answerClose] = RESPONSE_TAGS.map((tag, i) => (i === shape ? "" : tag));
  return open + thought + close + answerOpen + answer + answerClose;
}
