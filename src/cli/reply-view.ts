// A reply on a terminal while it is made: thinking dim, as it comes, folded into one line, or hidden; then the answer.
// Knows no model.
import type { ChatEvent, ReplyFigures } from "../inference/conversation/chat-session.js";
import { withoutControls } from "../plain-text.js";
import { columnsOf, lastLines, WordWrap } from "../terminal/terminal-text.js";

/** Thinking is shown as it comes; in a few lines that fold into one when it ends; or not at all. */
export type ThinkMode = "on" | "fold" | "off";
/** The modes as /think takes them. */
export const THINK_MODES: readonly ThinkMode[] = ["on", "fold", "off"];

/** A terminal, or a test's own. */
export interface TerminalStream {
  write(text: string): unknown;
  readonly columns?: number;
}

const NUM_FOLD_LINES = 5;
const REDRAW_INTERVAL_MS = 60;

/** Shows one reply. `begin`, then every event, in the end `close` whatever happened. */
export class ReplyView {
  private thinking = "";
  private shown: "nothing" | "think" | "answer" = "nothing";
  private drawnLines = 0;
  private lastDrawMs = Number.NEGATIVE_INFINITY;
  private thinkStartedMs = 0;
  private numThinking = 0;
  private readonly wrapper = new WordWrap(() => this.width);

  constructor(
    private readonly stream: TerminalStream,
    private readonly options: { readonly mode: ThinkMode; readonly colored: boolean; readonly now?: () => number },
  ) {}

  /** Says that the prompt is being read. */
  begin(): void {
    this.redraw(["reading …"]);
  }

  show(event: ChatEvent): void {
    if (event.kind === "end") this.end(event.figures);
    else if (event.kind === "recast") this.recast();
    else if (event.part === "thought") this.showThinking(withoutControls(event.text), event.numTokens);
    else this.showAnswer(withoutControls(event.text));
  }

  /** Gives the terminal back: nothing half drawn, the cursor at a line's beginning. */
  close(): void {
    this.foldThinking();
    this.stream.write(this.wrapper.flush());
    if (this.shown !== "nothing") this.stream.write(`${this.options.colored ? "\x1b[0m" : ""}\n`);
    this.shown = "nothing";
  }

  /** What was shown as answer cannot be taken back; a line says what it was. */
  private recast(): void {
    if (this.shown === "nothing") return;
    this.stream.write(`${this.wrapper.flush()}\n${this.dim("(that was thinking)")}\n\n`);
    this.shown = "nothing";
  }

  private showThinking(text: string, numTokens: number): void {
    if (this.thinking === "") this.thinkStartedMs = this.now();
    this.numThinking = numTokens;
    this.thinking += text;
    if (this.options.mode === "on") {
      const first = this.shown === "nothing";
      this.erase();
      this.stream.write(
        (first && this.options.colored ? "\x1b[2m" : "") + this.wrapper.push(first ? text.trimStart() : text),
      );
      if (!first || text.trim() !== "") this.shown = "think";
    } else if (this.now() - this.lastDrawMs >= REDRAW_INTERVAL_MS) {
      const header = `thinking … ${counted(this.numThinking, "token")}`;
      const lines =
        this.options.mode === "fold"
          ? lastLines(this.thinking.trim(), this.width - 2, NUM_FOLD_LINES).map((line) => `  ${line}`)
          : [];
      this.redraw([header, ...lines]);
    }
  }

  private showAnswer(text: string): void {
    const begins = this.shown !== "answer";
    const shown = begins ? text.trimStart() : text;
    if (shown === "") return;
    if (begins) {
      this.foldThinking();
      this.stream.write(this.wrapper.flush());
      if (this.shown === "think") this.stream.write(`${this.options.colored ? "\x1b[0m" : ""}\n\n`);
    }
    this.shown = "answer";
    this.stream.write(this.wrapper.push(shown));
  }

  /** Takes the drawn lines away and leaves one that says how long the thinking was. */
  private foldThinking(): void {
    this.erase();
    if (this.options.mode !== "fold" || this.thinking === "") return;
    const seconds = (this.now() - this.thinkStartedMs) / 1000;
    this.stream.write(
      `${this.dim(`▸ thought for ${counted(this.numThinking, "token")}, ${seconds.toFixed(1)} s (/think show)`)}\n`,
    );
    this.thinking = "";
  }

  private end(figures: ReplyFigures): void {
    this.close();
    this.stream.write(`${this.dim(figuresLine(figures))}\n`);
  }

  private redraw(lines: readonly string[]): void {
    this.erase();
    this.stream.write(`${lines.map((line) => this.dim(line)).join("\n")}\n`);
    this.drawnLines = lines.length;
    this.lastDrawMs = this.now();
  }

  private erase(): void {
    if (this.drawnLines > 0) this.stream.write(`\x1b[${this.drawnLines}A\r\x1b[J`);
    this.drawnLines = 0;
  }

  private get width(): number {
    return columnsOf(this.stream);
  }

  private now(): number {
    return (this.options.now ?? (() => performance.now()))();
  }

  private dim(text: string): string {
    return this.options.colored ? `\x1b[2m${text}\x1b[0m` : text;
  }
}

/** A number of things, in words. */
export const counted = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

const ENDS: Readonly<Record<ReplyFigures["finishReason"], string>> = {
  stop: "",
  length: ", cut off by the length limit",
  loop: ", stopped in a loop",
  cancelled: ", interrupted",
};

/** A reply's figures in one line; the rate is that of the tokens after the first. */
export function figuresLine({ numTokens, seconds, firstTokenSeconds, finishReason }: ReplyFigures): string {
  const rate =
    numTokens > 1 ? `, ${((numTokens - 1) / Math.max(seconds - firstTokenSeconds, 1e-9)).toFixed(1)} tokens/s` : "";
  return (
    `${counted(numTokens, "token")}${rate}, first token after ${firstTokenSeconds.toFixed(2)} ` +
    `s${ENDS[finishReason]}`
  );
}
