// What is said where no reply holds an answer to grade: the model does not write it as the prompt asks.
import type { PromptStyle } from "./problem-prompt.js";

/** A line that names the mend; null where some reply has an answer, or the prompt asks for no box. */
export function unansweredNotice(answers: readonly (string | null)[], template: PromptStyle): string | null {
  if (template !== "chat" || answers.length === 0 || answers.some((answer) => answer !== null)) return null;
  return (
    `none of the ${answers.length} replies has its answer in \\boxed{}, so none counts as correct; ` +
    "with the prompt format chat-plain, the last number of a reply counts"
  );
}
