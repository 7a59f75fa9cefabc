// What completions and their chunks have in common: names, dates, reasons.
import { newId } from "../../http/new-id.js";
import type { ReplyEnding } from "../../replies/reply.js";

/** The frame of a completion. */
export interface CompletionHead {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

/** A new frame, its id of a kind such as `chatcmpl-`. */
export const completionHead = (kind: string, model: string): CompletionHead => ({
  id: newId(kind),
  created: Math.floor(Date.now() / 1000),
  model,
  system_fingerprint: "luciole",
});

/** A name for a call of a tool. */
export const callId = (): string => newId("call_");

/** The reason that clients know. A loop that was cut off is an answer that is not complete. */
export const finishReason = (ending: ReplyEnding): "stop" | "length" | "tool_calls" =>
  ending === "calls" ? "tool_calls" : ending === "stop" ? "stop" : "length";
