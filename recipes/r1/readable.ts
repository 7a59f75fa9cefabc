// Which sampled answers are fit to learn from, and how a chain of thought is rewritten to be one. Rules alone.
import type { Trajectory } from "../../src/eval/trajectory.js";
import { taskNameOf } from "../../src/tasks/mix.js";
import { inEnglish } from "../../src/tasks/thoughts/in-english.js";
import { languageShares } from "../../src/tasks/thoughts/languages.js";
import { writeResponse } from "../../src/tasks/written-response.js";

/** Whether a thought has words, and so large a share of them is English. */
export const isReadable = (thought: string, minEnglish: number): boolean => {
  const { english } = languageShares(thought);
  return english > 0 && english >= minEnglish;
};

/** The answer in the whole form with its thought said in English; null where it is not readable even so. */
export function rewrittenChain({ problem, response }: Trajectory, minEnglish: number): string | null {
  const { think, answer } = response;
  if (think === null || answer === null) return null;
  const thought = inEnglish(taskNameOf(problem), problem, think.trim());
  return isReadable(thought, minEnglish) ? writeResponse(thought, answer.trim()) : null;
}

/** The answer as it was sampled; null where it is malformed or not readable. */
export const readableAnswer = ({ completion, response }: Trajectory, minEnglish: number): string | null =>
  response.wellFormed && isReadable(response.think ?? "", minEnglish) ? completion : null;
