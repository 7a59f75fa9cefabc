// How problems are put to a policy: in a message by the model's own chat template, or in the wording a model was
// trained with. Knows no task.
import { ConfigError } from "../errors.js";
import { type ChatPrompt, chatStyle } from "../inference/conversation/chat-style.js";
import { frameOfChatTemplate } from "../inference/conversation/prompt.js";
import { opensThought, type ResponseForm } from "../tasks/response.js";
import type { Problem, PromptTemplate, Task } from "../tasks/task.js";
import { PROMPT_TEMPLATES } from "../tasks/templates.js";
import { ChatTemplate } from "../tokenizer/chat-template.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";

/** `chat`: a user's message through the model's chat template; else one of the tasks' own wordings. */
export type PromptStyle = PromptTemplate | "chat";
/** All of them. */
export const PROMPT_STYLES: readonly PromptStyle[] = [...PROMPT_TEMPLATES, "chat"];

/** What R1's evaluations ask for (deepseek-ai/DeepSeek-R1, README, usage recommendations). */
const BOXED = "Please reason step by step, and put your final answer within \\boxed{}.";

/** A problem as the model gets it, and how the response to it is read. */
export interface ProblemPrompt extends ChatPrompt {
  readonly form: ResponseForm;
}

/** Puts problems. */
export type Prompter = (task: Task, problem: Problem) => ProblemPrompt;

/**
 * The style where none is asked for: the wording of training, else the model's chat template, else r1-zero's wording
 * for a base model.
 */
export function defaultPromptStyle(tokenizer: Tokenizer, trained: PromptTemplate | null): PromptStyle {
  return (
    trained ?? frameOfChatTemplate(tokenizer.config?.chat_template) ?? (ChatTemplate.of(tokenizer) ? "chat" : "r1-zero")
  );
}

/** What puts problems to a policy. Throws ConfigError for `chat` where the tokenizer has no chat template. */
export function prompterOf({
  tokenizer,
  template,
}: {
  readonly tokenizer: Tokenizer;
  readonly template: PromptStyle;
}): Prompter {
  if (template !== "chat")
    return (task, problem) => {
      const text = task.renderPrompt(problem, template);
      return {
        text,
        ids: tokenizer.encode(text, { addSpecialTokens: true }),
        startsInside: opensThought(text),
        form: "tagged",
      };
    };
  const style = chatStyle(tokenizer, null);
  if (style.kind !== "conversation")
    throw new ConfigError(`template "chat": the model has no chat template; choose ${PROMPT_TEMPLATES.join(", ")}`);
  return (task, problem) => {
    const question = task.renderPrompt(problem, "plain");
    const content = question.includes("\\boxed") ? question : `${question}\n${BOXED}`;
    return { ...style.prompt([{ role: "user", content }]), form: style.form };
  };
}
