// How a chain of thought is rewritten to be read. Rules alone.
import type { Trajectory } from "../../src/eval/trajectory.js";
import { taskNameOf } from "../../src/tasks/mix.js";
import { inEnglish } from "../../src/tasks/thoughts/in-english.js";
import { writeResponse } from "../../src/tasks/written-response.js";

/** The answer in the whole form with its thought said in English; null where it lacks a thought or an answer. */
export function rewrittenChain({ problem, response }: Trajectory): string | null {
  const { think, answer } = response;
  if (think === null || answer === null) return null;
  return writeResponse(inEnglish(taskNameOf(problem), problem, think.trim()), answer.trim());
}
