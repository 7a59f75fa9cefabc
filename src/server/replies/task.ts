// What a client asks for, in words of no dialect. Knows no wire format and no model.
import type { ChatSampling } from "../../inference/index.js";
import type { ChatMessage } from "../../tokenizer/index.js";
import type { Tool } from "./calls/call-format.js";

/** Whether tools may be called: as the model likes, not at all, in any case, or this one in any case. */
export type ToolChoice = "auto" | "none" | "required" | { readonly name: string };

/** A conversation to go on with, by the model's chat template. */
export interface ChatTask {
  readonly kind: "chat";
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice;
  /** Whether one answer may call several times. */
  readonly parallelCalls: boolean;
  /** Whether the last message, an assistant's, is the beginning of the answer. */
  readonly continuesLast: boolean;
  /** Whether the model shall think; undefined: as its template has it. */
  readonly thinks?: boolean;
  /** Further variables of the template. */
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly sampling: ChatSampling;
  /** Completions to make, the i-th with the seed plus i. */
  readonly numChoices: number;
}

/** A text, or token ids, to go on with as they stand. */
export interface TextTask {
  readonly kind: "text";
  readonly prompt: string | readonly number[];
  readonly sampling: ChatSampling;
  readonly numChoices: number;
}

/** One of the two. */
export type Task = ChatTask | TextTask;
