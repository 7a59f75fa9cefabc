// What `run` and `chat` print of a finished reply with --json. Knows no terminal.
import type { ChatEvent, ReplyFigures } from "../inference/conversation/chat-session.js";

/** A finished reply as one JSON object. */
export interface ReplyRecord extends Pick<ReplyFigures, "numTokens" | "finishReason" | "members"> {
  readonly prompt: string;
  /** The adapter that was asked for; null: the model without one. */
  readonly adapter?: string | null;
  readonly thinking: string;
  readonly answer: string;
  readonly tokensPerSecond: number;
}

/** The record of the reply to `prompt`. */
export function replyRecord(
  prompt: string,
  { thinking, answer, figures }: Extract<ChatEvent, { kind: "end" }>,
  adapter?: string | null,
): ReplyRecord {
  const { numTokens, seconds, finishReason, members } = figures;
  return {
    prompt,
    ...(adapter === undefined ? {} : { adapter }),
    thinking: thinking.trim(),
    answer: answer.trim(),
    numTokens,
    tokensPerSecond: numTokens / seconds,
    finishReason,
    ...(members && { members }),
  };
}
