// `luciole chat`: a conversation with a model, on a terminal or line by line from another program.
import { basename } from "node:path";
import { createInterface } from "node:readline";
import type { OpenedChat } from "../inference/conversation/chat-model.js";
import { type ChatEvent, ChatSession } from "../inference/conversation/chat-session.js";
import { jsonLine, withoutControls } from "../plain-text.js";
import { type ChatState, isCommand, runCommand } from "./chat-commands.js";
import { chatOnTerminal } from "./chat-terminal.js";
import { reportFailure, StoppedBySignal } from "./failure.js";
import { type OpenFlags, openNamed } from "./open-named.js";
import { replyRecord } from "./reply-record.js";
import type { ThinkMode } from "./reply-view.js";
import { tell } from "./run-verb.js";
import { listenForSignals } from "./stop-signals.js";

/** Flags as commander gives them. */
export interface ChatFlags extends OpenFlags {
  readonly system?: string;
  readonly think?: ThinkMode;
  readonly thinkBudget?: number;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed?: number;
  readonly controlTokens?: boolean;
}

/** Talks to the model until the chat is left or the input ends. */
export async function chat(name: string, flags: ChatFlags): Promise<void> {
  const opened = await openNamed(name, flags);
  try {
    const state = newChat(opened, flags);
    const isTerminal = process.stdin.isTTY && process.stdout.isTTY && !flags.json;
    await (isTerminal ? chatOnTerminal(state, greeting(name, state)) : chatByLines(state, flags.json ?? false));
  } finally {
    await opened.dispose();
  }
}

function newChat(
  { model, style, defaults, adapters }: OpenedChat,
  { system, think = "fold", controlTokens, ...flags }: ChatFlags,
): ChatState {
  const session = new ChatSession(model, style({ controlTokens }));
  session.system = system;
  const { temperature, topP, maxTokens, thinkBudget, seed } = flags;
  return {
    session,
    defaults,
    adapters,
    sampling: { temperature, topP, maxTokens, thinkBudget, seed },
    thinkMode: think,
    lastThinking: "",
  };
}

const MANNERS = {
  conversation: "",
  question: "; it was trained on single questions and does not remember earlier messages",
  text: "; it has no chat template and continues the text you type",
} as const;

function greeting(name: string, { session }: ChatState): string[] {
  return [
    `${basename(name)}, context of ${session.maxPositions} tokens${MANNERS[session.style.kind]}. Type ` +
      "/help for the commands.",
  ];
}

/**
 * Every line of standard input is a message or a command; answers alone go to standard output, or one JSON object for
 * each. What goes wrong with a line is told, the next ones are answered all the same, and the exit code is 1.
 */
async function chatByLines(state: ChatState, json: boolean): Promise<void> {
  const stop = listenForSignals();
  try {
    for await (const line of createInterface({ input: process.stdin, signal: stop.signal })) {
      if (line.trim() === "") continue;
      try {
        if ((await meetLine(line, state, json, stop.signal)) === "exit") return;
      } catch (error) {
        process.exitCode = reportFailure(error, { debug: false });
        if (json && !isCommand(line)) process.stdout.write(jsonLine({ prompt: line, error: (error as Error).message }));
      }
      if (stop.signal.aborted) break;
    }
    if (stop.signal.aborted) throw new StoppedBySignal("stopped", stop.exitCode());
  } finally {
    stop.dispose();
  }
}

async function meetLine(
  line: string,
  state: ChatState,
  json: boolean,
  signal: AbortSignal,
): Promise<"exit" | undefined> {
  if (!isCommand(line)) {
    await answerLine(line.startsWith("//") ? line.slice(1) : line, state, json, signal);
    return undefined;
  }
  const result = runCommand(line, state);
  if (result === "exit") return "exit";
  tell(result.join("\n"));
  return undefined;
}

async function answerLine(question: string, state: ChatState, json: boolean, signal: AbortSignal): Promise<void> {
  let isBegun = false;
  for await (const event of state.session.ask(question, state.sampling, signal)) {
    if (event.kind === "end") finishLine(question, event, state, json);
    else if (!json && event.kind === "recast" && isBegun) {
      process.stdout.write("\n\n"); // that was thinking; the answer begins anew
      isBegun = false;
    } else if (!json && event.kind === "piece" && event.part === "answer") {
      const text: string = isBegun ? event.text : event.text.trimStart();
      isBegun ||= text !== "";
      process.stdout.write(process.stdout.isTTY ? withoutControls(text) : text);
    }
  }
}

function finishLine(question: string, end: Extract<ChatEvent, { kind: "end" }>, state: ChatState, json: boolean): void {
  state.lastThinking = end.thinking;
  process.stdout.write(json ? jsonLine(replyRecord(question, end)) : "\n");
}
