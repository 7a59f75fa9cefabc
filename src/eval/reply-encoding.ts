// An environment's replies as tokens: each is encoded once and put behind what is there already, which is never
// tokenised again. Text in them that spells a control token stays text.
import { ConfigError, DataError } from "../errors.js";
import { opensThought } from "../tasks/response.js";
import type { PromptTemplate } from "../tasks/task.js";
import { ChatTemplate } from "../tokenizer/chat-template.js";
import { ControlTokens, type MarkedText } from "../tokenizer/control-tokens.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { isChat, type PromptStyle } from "./problem-prompt.js";

/** A reply as tokens. */
export interface EncodedReply {
  readonly ids: Int32Array;
  /** Whether a new response begins behind it, and begins inside the thought; null where the last one goes on. */
  readonly startsInside: boolean | null;
}

/** Encodes replies for one policy. */
export interface ReplyEncoder {
  /** A text that the model goes on behind. */
  inline(text: string): EncodedReply;
  /** A message, framed as the question was. `lastId`: the token that ended the model's turn. */
  message(text: string, lastId: number): EncodedReply;
}

/** How a message stands between the model's turns in the wordings of the tasks. */
const FRAMES: Readonly<Record<PromptTemplate, (text: string) => string>> = {
  compact: (text) => `\nQ:${text}\nA:`,
  dialogue: (text) => `\nUser: ${text}\nAssistant:`,
  "r1-zero": (text) => `\nUser: ${text}\nAssistant:`,
  plain: (text) => `\n${text}\n`,
};

/** Stands for the model's turn while a chat template is asked what it puts behind one. */
const PROBE = "luciole-turn";

/**
 * The encoder of a policy. Its methods throw DataError for text that the tokenizer cannot spell, and ConfigError where
 * a chat template does not show earlier turns.
 */
export function replyEncoder(tokenizer: Tokenizer, style: PromptStyle): ReplyEncoder {
  const control = new ControlTokens(tokenizer, []);
  const encode = ({ text, marks }: MarkedText) => tokenizer.encode(text, { marks });
  const framed = (text: string): MarkedText => {
    if (isChat(style)) return afterTurn(ChatTemplate.of(tokenizer) as ChatTemplate, text);
    const { text: marked, marks } = control.markText(text);
    return { text: FRAMES[style](marked), marks };
  };
  return {
    inline: (text) => ({ ids: encode(control.markText(text)), startsInside: null }),
    message(text, lastId) {
      const marked = framed(text);
      const ids = encode(marked);
      // Templates end the model's turn with the token that it has ended itself with.
      return { ids: ids[0] === lastId ? ids.subarray(1) : ids, startsInside: opensThought(marked.text) };
    },
  };
}

/** What a chat template puts behind a turn of the model where a user's message follows. */
function afterTurn(template: ChatTemplate, text: string): MarkedText {
  const conversation = [
    { role: "user", content: PROBE },
    { role: "assistant", content: PROBE },
    { role: "user", content: text },
  ];
  const whole = template.prompt(conversation, { openAssistant: true });
  const turn = whole.text.indexOf(PROBE, whole.text.indexOf(PROBE) + 1);
  if (turn < 0)
    throw new ConfigError(
      "the model's chat template leaves out earlier turns, so an environment cannot answer with messages; " +
        'use another template, such as --set template="plain"',
    );
  return { text: whole.text.slice(turn + PROBE.length), marks: whole.marks };
}

/** Runs `body`; a DataError is told as one of the environment's reply. */
export function asReply<T>(environment: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    throw new DataError(`the reply of environment "${environment}" cannot be encoded: ${error.message}`, {
      cause: error,
    });
  }
}
