// Conversations as prompts: the model's own chat template (Jinja) where its tokenizer has one, else plain role lines.
// Knows no model; says which part of the text the assistant wrote.
import { Template } from "@huggingface/jinja";
import { DataError } from "../errors.js";
import type { Tokenizer } from "./tokenizer.js";

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/** A prompt and the text that is to follow it. */
export interface PromptAndCompletion {
  readonly prompt: string;
  readonly completion: string;
}

/** Renders messages; with `openAssistant` the text ends where the assistant would begin to write. */
export type ChatRenderer = (messages: readonly ChatMessage[], openAssistant: boolean) => string;

/** The renderer of a tokenizer's chat template, or that of plain role lines. Throws DataError for a template that cannot be read. */
export function chatRenderer(tokenizer: Tokenizer): ChatRenderer {
  const source = tokenizer.config?.chat_template;
  if (typeof source !== "string") return plainLines;
  let template: Template;
  try {
    template = new Template(source);
  } catch (error) {
    throw new DataError(`tokenizer_config.json: the chat template cannot be read: ${(error as Error).message}`, { cause: error });
  }
  const token = (id: number | undefined) => tokenizer.specialTokens.find((special) => special.id === id)?.token ?? "";
  // The tokenizer puts its own begin token in front of a prompt: the template's would be a second one.
  return (messages, openAssistant) => template.render({ messages, add_generation_prompt: openAssistant, bos_token: "", eos_token: token(tokenizer.eosId) });
}

const plainLines: ChatRenderer = (messages, openAssistant) => {
  const lines = messages.map(({ role, content }) => `${role.charAt(0).toUpperCase()}${role.slice(1)}: ${content}\n`);
  return lines.join("") + (openAssistant ? "Assistant: " : "");
};

/** The last assistant turn as a completion, everything before it as its prompt. Throws DataError when the conversation does not end in one. */
export function lastTurn(messages: readonly ChatMessage[], render: ChatRenderer, where: string): PromptAndCompletion {
  const last = messages.at(-1);
  if (last?.role !== "assistant")
    throw new DataError(`${where}: messages must end with a turn of role "assistant", got ${JSON.stringify(last?.role ?? "none")}`);
  const prompt = render(messages.slice(0, -1), true);
  const whole = render(messages, false);
  // Some templates rewrite earlier turns once an answer stands; then the answer's own text is all that can be told apart.
  return { prompt, completion: whole.startsWith(prompt) ? whole.slice(prompt.length) : last.content };
}
