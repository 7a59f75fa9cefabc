// A chat on a terminal: a line editor with history, replies as they come, Ctrl-C that interrupts them. Knows no model.
import { createInterface, type Interface } from "node:readline";
import { Writable } from "node:stream";
import { LucioleError } from "../errors.js";
import { oneLine, withoutControls } from "../plain-text.js";
import { showsColors } from "../terminal/colors.js";
import { fitted } from "../terminal/terminal-text.js";
import { type ChatState, isCommand, runCommand } from "./chat-commands.js";
import { MAX_HISTORY, readHistory, writeHistory } from "./chat-history.js";
import { MessageLines } from "./message-lines.js";
import { ReplyView } from "./reply-view.js";

const PROMPT = "> ";
const CONTINUATION = "… ";
/** Asks the terminal to mark what is pasted. */
const MARK_PASTES = "\x1b[?2004h";
const NO_MARKS = "\x1b[?2004l";

/** Runs the chat until it is left. */
export async function chatOnTerminal(chat: ChatState, greeting: readonly string[]): Promise<void> {
  const terminal = new ChatTerminal(chat);
  try {
    await terminal.run(greeting);
  } finally {
    terminal.dispose();
  }
}

/** Standard output for the line editor, closed while a reply is shown: what is typed meanwhile is kept, not echoed. */
class GatedOutput extends Writable {
  isOpen = true;
  readonly isTTY = true;

  get columns(): number {
    return process.stdout.columns;
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    if (this.isOpen) process.stdout.write(chunk);
    done();
  }
}

class ChatTerminal {
  private readonly output = new GatedOutput();
  private readonly editor: Interface;
  private readonly lines = new MessageLines();
  private readonly messages: string[] = [];
  private readonly colored = showsColors(process.stdout);
  private wake: (() => void) | undefined;
  private reply: AbortController | undefined;
  private isPasting = false;
  private isLeaving = false;
  private wasAskedToLeave = false;

  constructor(private readonly chat: ChatState) {
    const options = {
      input: process.stdin,
      output: this.output,
      terminal: true,
      history: readHistory(),
      historySize: MAX_HISTORY,
    };
    this.editor = createInterface({ ...options, removeHistoryDuplicates: true, prompt: PROMPT });
    this.editor.on("history", (history) => writeHistory(history));
    this.editor.on("line", (line) => this.take(line));
    this.editor.on("SIGINT", () => this.interrupt());
    this.editor.on("close", () => this.leave());
    process.stdin.on("keypress", this.onKey);
    process.stdout.on("resize", this.onResize);
  }

  async run(greeting: readonly string[]): Promise<void> {
    process.stdout.write(MARK_PASTES);
    this.say(greeting);
    this.editor.prompt();
    for (let message = await this.nextMessage(); message !== undefined; message = await this.nextMessage()) {
      this.output.isOpen = false;
      await this.meet(message);
      this.output.isOpen = true;
      if (this.isLeaving) return;
      if (this.messages.length === 0) this.editor.prompt(true);
    }
  }

  dispose(): void {
    process.stdin.off("keypress", this.onKey);
    process.stdout.off("resize", this.onResize);
    this.editor.close();
    process.stdout.write(NO_MARKS);
  }

  private readonly onKey = (_: string | undefined, key: { readonly name?: string } | undefined): void => {
    if (key?.name === "paste-start") this.isPasting = true;
    if (key?.name === "paste-end") this.isPasting = false;
  };

  private readonly onResize = (): void => void this.output.emit("resize");

  private take(line: string): void {
    this.wasAskedToLeave = false;
    const message = this.lines.push(line, this.isPasting);
    this.editor.setPrompt(this.lines.isOpen ? CONTINUATION : PROMPT);
    if (message === undefined || message.trim() === "") this.editor.prompt();
    else {
      this.messages.push(message);
      this.wake?.();
    }
  }

  private async nextMessage(): Promise<string | undefined> {
    while (this.messages.length === 0 && !this.isLeaving) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.isLeaving ? undefined : this.messages.shift();
  }

  /** Answers a message or does what the command says; what goes wrong is told, and the chat goes on. */
  private async meet(message: string): Promise<void> {
    try {
      if (!isCommand(message)) return await this.answer(message.startsWith("//") ? message.slice(1) : message);
      const result = runCommand(message, this.chat);
      if (result === "exit") this.leave();
      else this.say(result);
    } catch (error) {
      const isSystem = typeof (error as NodeJS.ErrnoException).code === "string";
      if (!(error instanceof LucioleError) && !isSystem) throw error;
      process.stdout.write(`error: ${oneLine((error as Error).message)}\n`);
    }
  }

  private async answer(question: string): Promise<void> {
    const { session, sampling, thinkMode } = this.chat;
    const view = new ReplyView(process.stdout, { mode: thinkMode, colored: this.colored });
    this.reply = new AbortController();
    view.begin();
    try {
      for await (const event of session.ask(question, sampling, this.reply.signal)) {
        view.show(event);
        if (event.kind !== "end") continue;
        this.chat.lastThinking = event.thinking;
        if (event.answer.trim() === "")
          this.say(["there was no answer: neither it nor the question stays in the conversation"]);
      }
    } finally {
      view.close();
      this.reply = undefined;
    }
  }

  /** Ctrl-C: stops the reply; clears the line; leaves when it comes a second time. */
  private interrupt(): void {
    if (this.reply && !this.reply.signal.aborted) this.reply.abort();
    else if (this.reply || this.wasAskedToLeave) this.leave();
    else if (this.editor.line !== "" || this.lines.isOpen) this.dropLine();
    else {
      this.wasAskedToLeave = true;
      this.say(["", "Ctrl-C once more leaves"]);
      this.editor.prompt();
    }
  }

  private dropLine(): void {
    this.lines.clear();
    this.editor.setPrompt(PROMPT);
    this.editor.write(null, { ctrl: true, name: "e" });
    this.editor.write(null, { ctrl: true, name: "u" });
  }

  private leave(): void {
    this.isLeaving = true;
    this.reply?.abort();
    this.wake?.();
  }

  private say(lines: readonly string[]): void {
    for (const line of fitted(lines, process.stdout))
      process.stdout.write(`${this.colored ? `\x1b[2m${withoutControls(line)}\x1b[0m` : withoutControls(line)}\n`);
  }
}
