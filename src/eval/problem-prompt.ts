// How problems are put to a policy: in a message by the model's own chat template, or in the wording a model was
// trained with. Knows no task.
import type { JsonObject } from "../checkpoint/index.js";
import { ConfigError } from "../errors.js";
import { type ChatPrompt, chatStyle } from "../inference/conversation/chat-style.js";
import { frameOfChatTemplate } from "../inference/conversation/prompt.js";
import { opensThought, type ResponseForm, THINK_OPEN } from "../tasks/response.js";
import type { Problem, PromptTemplate, Task } from "../tasks/task.js";
import { PROMPT_TEMPLATES } from "../tasks/templates.js";
import { ChatTemplate } from "../tokenizer/chat-template.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";

/** The styles that put the question in a user's message, through the model's chat template. */
const CHAT_STYLES = ["chat", "chat-plain"] as const;
/**
 * `chat`: a user's message through the model's chat template, which asks for the answer in a box. `chat-plain`: the
 * question alone as that message; the last number of the reply counts. Else one of the tasks' own wordings.
 */
export type PromptStyle = PromptTemplate | (typeof CHAT_STYLES)[number];
/** All of them. */
export const PROMPT_STYLES: readonly PromptStyle[] = [...PROMPT_TEMPLATES, ...CHAT_STYLES];

/** What R1's evaluations ask for (deepseek-ai/DeepSeek-R1, README, usage recommendations). */
const BOXED = "Please reason step by step, and put your final answer within \\boxed{}.";

/** A problem as the model gets it, and how the response to it is read. */
export interface ProblemPrompt extends ChatPrompt {
  readonly form: ResponseForm;
}

/** Puts problems. */
export type Prompter = (task: Task, problem: Problem) => ProblemPrompt;

/**
 * The style where none is asked for: that of training, which the model's generation_config.json records, else the
 * model's chat template, else r1-zero's wording for a base model.
 */
export function defaultPromptStyle(tokenizer: Tokenizer, { prompt_template: trained }: JsonObject): PromptStyle {
  return (
    PROMPT_STYLES.find((style) => style === trained) ??
    frameOfChatTemplate(tokenizer.config?.chat_template) ??
    (ChatTemplate.of(tokenizer) ? "chat" : "r1-zero")
  );
}

/** Whether questions go through the model's chat template. */
export const isChat = (style: PromptStyle): style is (typeof CHAT_STYLES)[number] =>
  (CHAT_STYLES as readonly PromptStyle[]).includes(style);

/** How problems are put. */
export interface Prompting {
  readonly tokenizer: Tokenizer;
  readonly template: PromptStyle;
  /** Whether a chat prompt opens the thought where the model has a token for that; default: as its template says. */
  readonly forcesThought?: boolean;
}

/** What puts problems to a policy. Throws ConfigError for a chat where the tokenizer has no chat template. */
export function prompterOf({ tokenizer, template, forcesThought = false }: Prompting): Prompter {
  if (!isChat(template))
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
    throw new ConfigError(
      `template "${template}": the model has no chat template; choose ${PROMPT_TEMPLATES.join(", ")}`,
    );
  const isPlain = template === "chat-plain";
  return (task, problem) => {
    const question = task.renderPrompt(problem, "plain");
    const { instruction = BOXED } = task;
    const isAsked = isPlain || instruction === "" || question.includes("\\boxed");
    const content = isAsked ? question : `${question}\n${instruction}`;
    const prompt = style.prompt([{ role: "user", content }]);
    const form = isPlain ? "unmarked" : style.form;
    return { ...(forcesThought ? withOpenThought(prompt, tokenizer) : prompt), form };
  };
}

/** The prompt with `<think>` behind it, where it does not end in one and the vocabulary has it as a token. */
function withOpenThought(prompt: ChatPrompt, tokenizer: Tokenizer): ChatPrompt {
  const id = tokenizer.tokenId(THINK_OPEN);
  if (prompt.startsInside || id === undefined) return prompt;
  const opening = `${THINK_OPEN}\n`;
  return {
    text: `${prompt.text}${opening}`,
    ids: Int32Array.from([...prompt.ids, ...tokenizer.encode(opening)]),
    startsInside: true,
  };
}
