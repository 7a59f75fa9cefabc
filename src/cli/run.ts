// `luciole run`: one question, or one a line, to a model; the answer streams, thinking apart.
import { createInterface } from "node:readline";
import { chatModel } from "../inference/chat-model.js";
import { ChatSession } from "../inference/chat-session.js";
import { chatStyle } from "../inference/chat-style.js";
import { type OpenedModel, openModel } from "../inference/open-model.js";
import { AnswerWriter } from "./answer-writer.js";
import { StoppedBySignal } from "./failure.js";
import { type ComputeFlags, listenForSignals, openForAnswers } from "./run-verb.js";

/** Flags as commander gives them. */
export interface AskFlags extends ComputeFlags {
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly raw?: boolean;
  readonly system?: string;
  readonly seed?: number;
}

/** Answers `question`, or every line of standard input. */
export async function run(path: string, question: string | undefined, flags: AskFlags): Promise<void> {
  await openForAnswers(flags);
  const opened = await openModel(path);
  if (opened.warning) process.stderr.write(`warning: ${opened.warning}\n`);
  const stop = listenForSignals(() => {});
  try {
    for await (const each of question === undefined ? typedLines(stop.signal) : [question]) {
      await answer(opened, each, flags, stop.signal);
      if (stop.signal.aborted) break;
    }
    if (stop.signal.aborted) throw new StoppedBySignal("stopped", stop.exitCode());
  } finally {
    stop.dispose();
    opened.model.dispose();
  }
}

async function* typedLines(signal: AbortSignal): AsyncGenerator<string> {
  const terminal = process.stdin.isTTY;
  const lines = createInterface({ input: process.stdin, output: terminal ? process.stderr : undefined, signal, prompt: "> " });
  if (terminal) lines.prompt();
  for await (const line of lines) {
    if (line.trim() !== "") yield line;
    if (terminal) lines.prompt();
  }
}

/** Each question is a conversation of its own. */
async function answer(opened: OpenedModel, question: string, flags: AskFlags, signal: AbortSignal): Promise<void> {
  const session = new ChatSession(chatModel(opened), chatStyle(opened.tokenizer, opened.template, flags));
  session.system = flags.system;
  const writer = new AnswerWriter(process.stdout, { json: flags.json ?? false });
  for await (const event of session.ask(question, flags, signal)) {
    if (event.kind === "piece") writer.push(event);
    else writer.finish(question, event.figures);
  }
}
