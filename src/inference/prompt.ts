// What a person typed, put into the words the model was trained on. Knows templates, no model.
import type { PromptTemplate } from "../tasks/task.js";
import { renderWording } from "../tasks/templates.js";

/** Numbers, an equals sign, a target: `3 7 8 = 24`. */
const COUNTDOWN = /^\s*(\d+(?:[\s,]+\d+)+)\s*=\s*(\d+)\s*$/;

/**
 * The prompt for a question. Under `compact` a bare Countdown is brought to the spelling of training; other text is framed as it is.
 * A question that is already framed, and every question without a template, passes unchanged.
 */
export function framePrompt(question: string, template: PromptTemplate | null): string {
  if (template === null || template === "plain" || question.startsWith("Q:")) return question;
  const countdown = COUNTDOWN.exec(question);
  const compact = countdown
    ? `${countdown[1]
        .trim()
        .split(/[\s,]+/)
        .join(" ")}=${countdown[2]}`
    : question.trim();
  return renderWording({ compact, question: question.trim(), answerForm: "only the final answer" }, template);
}
