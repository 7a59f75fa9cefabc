// Shows a model's answer while it is being written, its thinking apart. Knows no model.
import type { ReplyFigures } from "../inference/chat-session.js";
import type { ResponsePart, ResponsePiece } from "../inference/think-splitter.js";

import { withoutControls } from "./terminal-text.js";

/** Where an answer goes: standard output, or a test's own. */
export interface AnswerStream {
  write(text: string): unknown;
  isTTY?: boolean;
}

/** Shows a response as it comes: thinking dim on a terminal, under a heading of its own elsewhere; in JSON all at the end. */
export class AnswerWriter {
  private readonly whole: Record<ResponsePart, string> = { think: "", answer: "", text: "" };
  private readonly colored: boolean;
  private shown: ResponsePart | null = null;

  constructor(
    private readonly stream: AnswerStream,
    private readonly options: { readonly json: boolean },
  ) {
    this.colored = stream.isTTY === true && !process.env.NO_COLOR;
  }

  /** Shows a piece that has become certain. */
  push({ part, text }: ResponsePiece): void {
    this.show(part, text);
  }

  /** Ends the answer, or writes everything as one JSON object. */
  finish(question: string, { numTokens, seconds, stopReason }: Pick<ReplyFigures, "numTokens" | "seconds" | "stopReason">): void {
    const { think, answer, text } = this.whole;
    const figures = { numTokens, tokensPerSecond: numTokens / seconds, stopReason };
    if (this.options.json) this.stream.write(`${JSON.stringify({ prompt: question, thinking: think.trim(), answer: (answer || text).trim(), ...figures })}\n`);
    else this.stream.write(`${this.colored && this.shown === "think" ? "\x1b[0m" : ""}\n`);
    if (!this.options.json && stopReason === "length") process.stderr.write(`(cut off at ${numTokens} tokens; allow more with --max-tokens)\n`);
  }

  private show(part: ResponsePart, piece: string): void {
    this.whole[part] += piece;
    // Line ends between the tags say nothing; those inside a text do.
    const isFiller = part === "text" && this.shown !== "text" && piece.trim() === "";
    if (this.options.json || isFiller) return;
    if (part !== this.shown) this.stream.write(this.heading(part));
    this.shown = part;
    this.stream.write(this.stream.isTTY ? withoutControls(piece) : piece);
  }

  private heading(part: ResponsePart): string {
    const gap = this.shown === null ? "" : "\n";
    if (this.colored) return `\x1b[0m${gap}${part === "think" ? "\x1b[2m" : ""}`;
    if (part === "text" && this.shown === null) return "";
    return `${gap}${part === "think" ? "Thinking:" : "Answer:"}\n`;
  }
}
