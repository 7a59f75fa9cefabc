// Follows a completion's text through its thinking: where `<think>` … `</think>` begins and ends, however the tags are cut into tokens.
// Knows text alone; budgets and policies are the request's.
import { THINK_CLOSE, THINK_OPEN } from "../tasks/response.js";

/** A completion starts before its thinking or inside it; after it there is only answer. */
export type ThinkState = "before" | "inside" | "after";

/** A piece of text, parted at the end of the thinking. */
export interface PartedText {
  /** Thinking, tags included. */
  readonly thinking: string;
  readonly answer: string;
}

/** Whether a rendered prompt leaves the thinking open, so that the completion starts inside it. */
export const opensThinking = (prompt: string): boolean => prompt.trimEnd().endsWith(THINK_OPEN);

/** Thinking can only be opened by the prompt or as the first thing but white space, and is closed once. */
export class ThinkTracker {
  state: ThinkState;
  /** Before: all text so far. Inside: the end of the text, which may be the beginning of the closing tag. */
  private tail = "";

  constructor(startsInside: boolean) {
    this.state = startsInside ? "inside" : "before";
  }

  /** Takes more text and parts it. What may become the opening tag is held back until it is certain. */
  push(text: string): PartedText {
    if (this.state === "before") return this.open(text);
    return this.state === "inside" ? this.close(text) : { thinking: "", answer: text };
  }

  /** The rest, when no more text will come. */
  flush(): PartedText {
    const answer = this.state === "before" ? this.tail : "";
    this.tail = "";
    return { thinking: "", answer };
  }

  private open(text: string): PartedText {
    this.tail += text;
    const begun = this.tail.trimStart();
    if (begun.length < THINK_OPEN.length && THINK_OPEN.startsWith(begun)) return { thinking: "", answer: "" };
    const all = this.tail;
    this.tail = "";
    this.state = begun.startsWith(THINK_OPEN) ? "inside" : "after";
    return this.state === "inside" ? this.close(all) : { thinking: "", answer: all };
  }

  private close(text: string): PartedText {
    const seen = this.tail + text;
    const at = seen.indexOf(THINK_CLOSE);
    this.tail = at < 0 ? seen.slice(Math.max(0, seen.length - THINK_CLOSE.length + 1)) : "";
    if (at < 0) return { thinking: text, answer: "" };
    this.state = "after";
    const numThinking = at + THINK_CLOSE.length - (seen.length - text.length);
    return { thinking: text.slice(0, numThinking), answer: text.slice(numThinking) };
  }
}
