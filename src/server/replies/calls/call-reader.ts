// Tells calls of tools from the rest of an answer while it is written, and gives their arguments as they come. What
// turns out to be no call is text. Knows formats, no tokens and no tool but by name.
import type { CallFormat } from "./call-format.js";
import { JsonSpan } from "./json-span.js";

/** What an answer holds, piece by piece. */
export type AnswerPiece =
  | { readonly kind: "text"; readonly text: string }
  /** A call begins; `index` counts the calls of the answer. */
  | { readonly kind: "call"; readonly index: number; readonly name: string }
  /** More of the arguments of the call, JSON. */
  | { readonly kind: "arguments"; readonly index: number; readonly text: string };

/** Where the reader stands: before a call that would begin the answer, in text, between calls, in one, behind one. */
type Place = "start" | "text" | "between" | "head" | "arguments" | "tail";
/** A beginning that has not become a call by then is none. */
const MAX_HEAD = 4096;

/** Reads one answer. */
export class CallReader {
  /** Calls that have begun. */
  numCalls = 0;
  private place: Place;
  private held = "";
  private span = new JsonSpan();
  private pieces: AnswerPiece[] = [];

  /**
   * `tagsAreTokens`: whether the format's tags come by `pushCall` alone, so that text that spells one is text. `names`:
   * the tools there are; a format without tags is known by them.
   */
  constructor(
    private readonly format: CallFormat,
    private readonly tagsAreTokens: boolean,
    private readonly names: ReadonlySet<string>,
  ) {
    this.place = format.open === null ? "start" : "text";
  }

  /** Takes text of the answer. */
  push(text: string): AnswerPiece[] {
    if (this.tagsAreTokens && this.place === "text") return text === "" ? [] : [{ kind: "text", text }];
    return this.take(text);
  }

  /** Takes text that tokens say is of calls, tags included. */
  pushCall(text: string): AnswerPiece[] {
    return this.take(text);
  }

  /** The rest, when no more will come. */
  end(): AnswerPiece[] {
    if (this.place === "head" && this.format.open !== null && !this.takeWhole(this.held))
      this.say(this.format.open + this.held);
    else if (this.place === "start" || this.place === "text") this.say(this.held);
    else if (this.place === "head") this.say(this.held);
    this.held = "";
    return this.given();
  }

  private take(text: string): AnswerPiece[] {
    this.held += text;
    while (this.step());
    return this.given();
  }

  private given(): AnswerPiece[] {
    const { pieces } = this;
    this.pieces = [];
    return pieces;
  }

  /** Goes on as far as the text at hand is certain; returns whether it did. */
  private step(): boolean {
    switch (this.place) {
      case "start":
        return this.stepStart();
      case "text":
        return this.stepText();
      case "between":
        return this.stepBetween();
      case "head":
        return this.stepHead();
      case "arguments":
        return this.stepArguments();
      case "tail":
        return this.stepTail();
    }
  }

  private stepStart(): boolean {
    const begun = this.held.trimStart();
    if (begun === "") return false;
    this.place = mayBeginJsonCall(begun) ? "head" : "text";
    return true;
  }

  private stepText(): boolean {
    const { around, open } = this.format;
    const tag = around?.[0] ?? open;
    if (tag === null) return this.releaseAll();
    const at = this.held.indexOf(tag);
    if (at < 0) return this.release(this.held.length - overlap(this.held, tag));
    this.say(this.held.slice(0, at));
    this.held = this.held.slice(at + tag.length);
    this.place = around ? "between" : "head";
    return true;
  }

  private stepBetween(): boolean {
    const { around, open } = this.format;
    if (open === null) {
      this.held = this.held.replace(/^[\s;,\]]+/, "");
      if (this.held === "") return false;
      this.place = mayBeginJsonCall(this.held) ? "head" : "text";
      return true;
    }
    const close = around![1];
    const [next] = [open, close].filter((tag) => this.held.includes(tag)).sort((a, b) => this.at(a) - this.at(b));
    if (next === undefined) return false;
    this.say(this.held.slice(0, this.at(next)).trim());
    this.held = this.held.slice(this.at(next) + next.length);
    this.place = next === open ? "head" : "text";
    return true;
  }

  private stepHead(): boolean {
    const { format } = this;
    const found = format.head.exec(this.held);
    if (found && this.isKnown(format.nameOf(found[1]))) {
      this.begin(format.nameOf(found[1]));
      this.held = this.held.slice(found[0].length);
      this.place = "arguments";
      return true;
    }
    if (format.open === null) {
      const isNone = found || this.held.length > MAX_HEAD || !mayBeginJsonCall(this.held);
      if (isNone) this.place = "text";
      return Boolean(isNone);
    }
    const at = this.at(format.close);
    if (at < 0) return false;
    const body = this.held.slice(0, at);
    if (!this.takeWhole(body)) this.say(format.open + body + format.close);
    this.held = this.held.slice(at + format.close.length);
    this.leaveCall();
    return true;
  }

  private stepArguments(): boolean {
    if (this.held === "") return false;
    const { length, isEnd } = this.span.take(this.held);
    this.pieces.push({ kind: "arguments", index: this.numCalls - 1, text: this.held.slice(0, length) });
    this.held = this.held.slice(length);
    if (isEnd) this.place = "tail";
    return isEnd;
  }

  private stepTail(): boolean {
    const at = this.at(this.format.close);
    if (at < 0) return false;
    this.held = this.held.slice(at + this.format.close.length);
    this.leaveCall();
    return true;
  }

  private leaveCall(): void {
    this.place = this.format.around || this.format.open === null ? "between" : "text";
  }

  private takeWhole(body: string): boolean {
    const call = this.format.whole(body);
    if (!call) return false;
    this.begin(call.name);
    this.pieces.push({ kind: "arguments", index: this.numCalls - 1, text: call.arguments });
    return true;
  }

  private begin(name: string): void {
    this.pieces.push({ kind: "call", index: this.numCalls++, name });
    this.span = new JsonSpan();
  }

  /** Without tags, JSON that names no tool is an answer. */
  private isKnown(name: string): boolean {
    return this.format.open !== null || this.names.has(name);
  }

  private at(text: string): number {
    return this.held.indexOf(text);
  }

  private releaseAll(): boolean {
    return this.release(this.held.length);
  }

  private release(length: number): boolean {
    this.say(this.held.slice(0, length));
    this.held = this.held.slice(length);
    return false;
  }

  private say(text: string): void {
    if (text !== "") this.pieces.push({ kind: "text", text });
  }
}

/** Length of the longest end of a text that begins a tag. */
function overlap(text: string, tag: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--)
    if (tag.startsWith(text.slice(text.length - length))) return length;
  return 0;
}

/** Whether a text may be the beginning of a call in JSON: of an object, perhaps in a list, whose first key fits. */
function mayBeginJsonCall(text: string): boolean {
  const [begun, key = "", closes] = /^\s*\[?\s*(?:\{\s*(?:"([a-z]*)(")?)?)?/.exec(text) ?? [""];
  const keys = ["name", "type"];
  if (closes) return keys.includes(key);
  return begun.trim() !== "" && begun.length === text.length && keys.some((each) => each.startsWith(key));
}
