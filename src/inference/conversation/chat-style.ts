// How a conversation is put to a model and its replies are read: by the model's own chat template, or as the single
// questions a model of this project was trained on. Knows no model and no way of sampling.
import { ConfigError } from "../../errors.js";
import { opensThought, type ResponseForm, THINK_CLOSE, THINK_OPEN } from "../../tasks/response.js";
import type { PromptTemplate } from "../../tasks/task.js";
import {
  type ChatMessage,
  ChatTemplate,
  type ChatTemplateOptions,
  encodePrompt,
} from "../../tokenizer/chat-template.js";
import { ControlTokens, type MarkedText, unmarked } from "../../tokenizer/control-tokens.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import { frameOfChatTemplate, framePrompt } from "./prompt.js";

/** A conversation as the model gets it. */
export interface ChatPrompt {
  readonly text: string;
  readonly ids: Int32Array;
  /** Whether the prompt itself opened the thinking, so that the reply begins inside it. */
  readonly startsInside: boolean;
}

/** The way of talking to one model. */
export interface ChatStyle {
  /**
   * A conversation by the chat template; single questions, framed as in training; or text that the model goes on with.
   */
  readonly kind: "conversation" | "question" | "text";
  /** Whether earlier turns are part of the prompt. */
  readonly remembers: boolean;
  /** The chat template, where prompts are made by one. */
  readonly template?: ChatTemplate;
  /** Throws DataError or ConfigError for a conversation the model cannot be given. */
  prompt(messages: readonly ChatMessage[], options?: PromptOptions): ChatPrompt;
  /** How thought and answer of a reply are told apart. */
  readonly form: ResponseForm;
}

/** What else a prompt is made by. Only a chat template can use it. */
export interface PromptOptions extends Pick<ChatTemplateOptions, "tools" | "variables"> {
  /** Whether the last message, an assistant's, is the beginning of the reply that the model goes on with. */
  readonly continuesLast?: boolean;
}

/**
 * The style of a model: its chat template's, or that of the questions it was trained on, also where these stand as its
 * chat template. `raw` gives every message as it is.
 */
export function chatStyle(
  tokenizer: Tokenizer,
  trained: PromptTemplate | null,
  { raw = false, controlTokens = false }: ChatStyleOptions = {},
): ChatStyle {
  if (raw) return questionStyle(tokenizer, null, true);
  const frame = frameOfChatTemplate(tokenizer.config?.chat_template);
  const template = frame ? undefined : ChatTemplate.of(tokenizer);
  return template
    ? templateStyle(template, tokenizer, controlTokens)
    : questionStyle(tokenizer, frame ?? trained, controlTokens);
}

/** How messages are put to a model. */
export interface ChatStyleOptions {
  /** Gives every message as it is, its control tokens included. */
  readonly raw?: boolean;
  /** Whether text in a message that spells a control token becomes one; default false: it is text. */
  readonly controlTokens?: boolean;
}

/** A prompt of marked text. One that a message only seems to end in `<think>` does not start inside. */
const toPrompt = (tokenizer: Tokenizer, prompt: MarkedText): ChatPrompt => ({
  text: unmarked(prompt),
  ids: encodePrompt(tokenizer, prompt),
  startsInside: opensThought(prompt.text),
});

const templateStyle = (template: ChatTemplate, tokenizer: Tokenizer, controlTokens: boolean): ChatStyle => ({
  kind: "conversation",
  remembers: true,
  form: "chat",
  template,
  prompt(messages, { continuesLast = false, tools, variables } = {}) {
    const options = { openAssistant: true, controlTokens, tools, variables };
    if (!continuesLast) return toPrompt(tokenizer, template.prompt(messages, options));
    return continued(template.prompt(messages.slice(0, -1), options), messages.at(-1), tokenizer);
  },
});

/**
 * A prompt with the beginning of the reply behind it. Where that has an answer, its thought is closed, with the line
 * breaks of templates that have one behind their `<think>`. Where the template closed the thought itself, there is
 * none. What others gave as the beginning is text, whatever it spells.
 */
function continued(prompt: MarkedText, last: ChatMessage | undefined, tokenizer: Tokenizer): ChatPrompt {
  const { startsInside, ...before } = toPrompt(tokenizer, prompt);
  const isClosed = before.text.trimEnd().endsWith(THINK_CLOSE);
  const given = [isClosed ? null : last?.reasoning_content, last?.content];
  const { messages, marks } = new ControlTokens(tokenizer, []).mark(
    given.map((text) => ({ role: "user", content: typeof text === "string" ? text : "" })),
    [],
  );
  const [thought, answer] = messages.map(({ content }) => content);
  const opens = !startsInside && thought !== "" ? `${THINK_OPEN}\n` : "";
  const closes = (startsInside || opens !== "") && answer !== "";
  const hasBreaks = `${before.text}${opens}`.endsWith("\n");
  const closing = hasBreaks ? `${thought === "" ? "" : "\n"}${THINK_CLOSE}\n\n` : THINK_CLOSE;
  const beginning = { text: `${opens}${thought}${closes ? closing : ""}${answer}`, marks };
  return {
    text: before.text + unmarked(beginning),
    ids: Int32Array.from([...before.ids, ...tokenizer.encode(beginning.text, { marks })]),
    startsInside: (startsInside || opens !== "") && !closes,
  };
}

function questionStyle(tokenizer: Tokenizer, trained: PromptTemplate | null, controlTokens: boolean): ChatStyle {
  const control = controlTokens ? undefined : new ControlTokens(tokenizer, []);
  return {
    kind: trained === null ? "text" : "question",
    remembers: false,
    form: "tagged",
    prompt(messages, { continuesLast, tools } = {}) {
      if (continuesLast || tools)
        throw new ConfigError(
          `this model has no chat template, so it cannot ${tools ? "be given tools" : "continue a message"}`,
        );
      if (messages.some(({ role }) => role === "system"))
        throw new ConfigError(
          "this model has no chat template, so it cannot use a system prompt; put it into the question",
        );
      const question = messages.at(-1)?.content ?? "";
      const { text, marks } = control?.markText(question) ?? { text: question, marks: new Map() };
      return toPrompt(tokenizer, { text: framePrompt(text, trained), marks });
    },
  };
}
