// `luciole run`: one question, or one a line, to a model; the answer streams, thinking apart.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { ConfigError } from "../errors.js";
import type { OpenedChat } from "../inference/conversation/chat-model.js";
import { type ChatSampling, ChatSession } from "../inference/conversation/chat-session.js";
import { AnswerWriter } from "./answer-writer.js";
import { StoppedBySignal } from "./failure.js";
import { type OpenFlags, openNamed } from "./open-named.js";
import { listenForSignals } from "./stop-signals.js";

/** Flags as commander gives them. */
export interface AskFlags extends OpenFlags {
  readonly maxTokens?: number;
  readonly thinkBudget?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly raw?: boolean;
  readonly controlTokens?: boolean;
  readonly system?: string;
  readonly seed?: number;
  /** File with the JSON schema of answers. */
  readonly schema?: string;
}

/** Answers `question`, or every line of standard input. */
export async function run(name: string, question: string | undefined, flags: AskFlags): Promise<void> {
  const schema = flags.schema === undefined ? undefined : readSchema(flags.schema);
  const opened = await openNamed(name, flags);
  const stop = listenForSignals();
  try {
    for await (const each of question === undefined ? typedLines(stop.signal) : [question]) {
      await answerWithEach(opened, each, { ...flags, schema }, stop.signal);
      if (stop.signal.aborted) break;
    }
    if (stop.signal.aborted) throw new StoppedBySignal("stopped", stop.exitCode());
  } finally {
    stop.dispose();
    await opened.dispose();
  }
}

function readSchema(path: string): object | boolean {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new ConfigError(`--schema ${path}: expected a file with a JSON schema, got: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function* typedLines(signal: AbortSignal): AsyncGenerator<string> {
  const terminal = process.stdin.isTTY;
  const lines = createInterface({
    input: process.stdin,
    output: terminal ? process.stderr : undefined,
    signal,
    prompt: "> ",
  });
  if (terminal) lines.prompt();
  for await (const line of lines) {
    if (line.trim() !== "") yield line;
    if (terminal) lines.prompt();
  }
}

/** Flags with the schema itself. */
type Asking = Omit<AskFlags, "schema"> & Pick<ChatSampling, "schema">;

/** One answer, or of several adapters one each. */
async function answerWithEach(opened: OpenedChat, question: string, flags: Asking, signal: AbortSignal) {
  const { adapters } = opened;
  if (adapters.length < 2) return answer(opened, question, { ...flags, adapter: undefined }, signal);
  for (const adapter of adapters) {
    if (!flags.json) process.stdout.write(`${adapter}:\n`);
    await answer(opened, question, { ...flags, adapter }, signal);
    if (signal.aborted) return;
  }
}

/** Each question is a conversation of its own. */
async function answer(
  { model, style }: OpenedChat,
  question: string,
  flags: Omit<Asking, "adapter"> & Pick<ChatSampling, "adapter">,
  signal: AbortSignal,
): Promise<void> {
  const session = new ChatSession(model, style(flags));
  session.system = flags.system;
  const writer = new AnswerWriter(process.stdout, { json: flags.json ?? false });
  for await (const event of session.ask(question, flags, signal)) writer.show(event, question, flags.adapter);
}
