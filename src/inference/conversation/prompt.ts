// What a person typed, put into the words the model was trained on, and the same frame as a chat template. Knows
// templates, no model.
import type { PromptTemplate } from "../../tasks/task.js";
import { PROMPT_TEMPLATES, renderWording } from "../../tasks/templates.js";

/** Numbers, an equals sign, a target: `3 7 8 = 24`. */
const COUNTDOWN = /^\s*(\d+(?:[\s,]+\d+)+)\s*=\s*(\d+)\s*$/;

const frame = (compact: string, question: string, template: PromptTemplate): string =>
  renderWording({ compact, question, answerForm: "only the final answer" }, template);

/**
 * The prompt for a question. Under `compact` a bare Countdown is brought to the spelling of training; other text is
 * framed without the blanks around it. A question that is already framed, and every question without a template, passes
 * unchanged.
 */
export function framePrompt(question: string, template: PromptTemplate | null): string {
  if (template === null || question.startsWith("Q:")) return question;
  const countdown = COUNTDOWN.exec(question);
  const compact = countdown
    ? `${countdown[1]
        .trim()
        .split(/[\s,]+/)
        .join(" ")}=${countdown[2]}`
    : question.trim();
  return frame(compact, question.trim(), template);
}

/** The last message of a conversation, in Jinja. */
const QUESTION = "{{ messages[-1]['content'] | trim }}";

/**
 * The frame as a chat template, for files that hold nothing else of how a model was trained, and for other programs
 * that read them.
 */
export const frameAsChatTemplate = (template: PromptTemplate): string => frame(QUESTION, QUESTION, template);

/** The frame that a chat template is; null for any other. */
export const frameOfChatTemplate = (source: unknown): PromptTemplate | null =>
  PROMPT_TEMPLATES.find((template) => frameAsChatTemplate(template) === source) ?? null;
