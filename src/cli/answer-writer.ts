// Shows a model's answer while it is being written, its thinking apart. Knows no model.
import type { ChatEvent } from "../inference/conversation/chat-session.js";
import type { TextPart } from "../inference/runtime/request.js";
import { jsonLine, withoutControls } from "../plain-text.js";
import { showsColors } from "../terminal/colors.js";
import { columnsOf, WordWrap } from "../terminal/terminal-text.js";
import { replyRecord } from "./reply-record.js";
import { tell } from "./run-verb.js";

/** Where an answer goes: standard output, or a test's own. */
export interface AnswerStream {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

/**
 * Shows a response as it comes: thinking dim on a terminal, under a heading of its own elsewhere; in JSON all at the
 * end.
 */
export class AnswerWriter {
  private readonly colored: boolean;
  private readonly wrapper: WordWrap;
  private shown: TextPart | null = null;

  constructor(
    private readonly stream: AnswerStream,
    private readonly options: { readonly json: boolean },
  ) {
    this.colored = showsColors(stream);
    this.wrapper = new WordWrap(() => columnsOf(stream));
  }

  /** Shows an event; the last one ends the answer, or writes everything as one JSON object. */
  show(event: ChatEvent, question: string, adapter?: string | null): void {
    if (event.kind === "end") this.finish(question, event, adapter);
    else if (this.options.json) return;
    else if (event.kind === "piece") this.showPiece(event.part, event.text);
    else if (this.shown === "answer") this.shown = "thought"; // what comes next is headed as the answer
  }

  private finish(question: string, end: Extract<ChatEvent, { kind: "end" }>, adapter?: string | null): void {
    const { numTokens, finishReason } = end.figures;
    if (this.options.json) this.stream.write(jsonLine(replyRecord(question, end, adapter)));
    else this.stream.write(`${this.wrapped("", true)}${this.colored && this.shown === "thought" ? "\x1b[0m" : ""}\n`);
    if (!this.options.json && finishReason === "length")
      tell(`(cut off after ${numTokens} tokens; allow more with --max-tokens)`);
  }

  private showPiece(part: TextPart, piece: string): void {
    const begins = part !== this.shown;
    // Line ends around the tags say nothing; those inside a text do.
    const text = begins && part === "answer" ? piece.trimStart() : piece;
    if (text === "") return;
    if (begins) this.stream.write(`${this.wrapped("", true)}${this.heading(part)}`);
    this.shown = part;
    this.stream.write(this.wrapped(text));
  }

  /** On a terminal lines break between words; elsewhere text stays as it is. `ends`: what was held back comes too. */
  private wrapped(text: string, ends = false): string {
    if (!this.stream.isTTY) return text;
    return `${this.wrapper.push(withoutControls(text))}${ends ? this.wrapper.flush() : ""}`;
  }

  private heading(part: TextPart): string {
    const gap = this.shown === null ? "" : "\n";
    if (this.colored) return `\x1b[0m${gap}${part === "thought" ? "\x1b[2m" : ""}`;
    if (part === "answer" && this.shown === null) return "";
    return `${gap}${part === "thought" ? "Thinking:" : "Answer:"}\n`;
  }
}
