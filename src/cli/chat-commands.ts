// The /commands of a chat: what they are called, what they change. Knows no terminal and no model.
import { readFileSync, writeFileSync } from "node:fs";
import { ConfigError, DataError, didYouMean } from "../errors.js";
import type { ChatSampling, ChatSession } from "../inference/conversation/chat-session.js";
import type { SamplingDefaults } from "../inference/opening/sampling-defaults.js";
import { counted, THINK_MODES, type ThinkMode } from "./reply-view.js";

/** What commands act on. */
export interface ChatState {
  readonly session: ChatSession;
  readonly defaults: SamplingDefaults;
  /** Names of the adapters over the model. */
  readonly adapters: readonly string[];
  sampling: ChatSampling;
  thinkMode: ThinkMode;
  /** The thinking of the last reply. */
  lastThinking: string;
}

/** What a command has to say, or that the chat is over. */
export type CommandResult = readonly string[] | "exit";

interface Command {
  readonly usage: string;
  readonly help: string;
  run(argument: string, chat: ChatState): CommandResult;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  help: { usage: "/help", help: "show this list", run: () => helpLines() },
  clear: { usage: "/clear", help: "start a new conversation, keep the system prompt", run: clear },
  system: { usage: "/system [text|off]", help: "show, set or remove the system prompt", run: system },
  think: {
    usage: "/think on|fold|off|show",
    help: "show thinking live, folded or not at all; show the last one",
    run: think,
  },
  set: {
    usage: "/set [name=value …]",
    help: "show or change temperature, top-p, top-k, min-p, max-tokens, think-budget, seed",
    run: set,
  },
  adapter: { usage: "/adapter [name|off]", help: "show the adapters, or answer with another or none", run: adapter },
  save: { usage: "/save file", help: "save the conversation to a file", run: save },
  load: { usage: "/load file", help: "continue a saved conversation", run: load },
  stats: { usage: "/stats", help: "show tokens, speed and context usage", run: (_, chat) => stats(chat) },
  exit: { usage: "/exit", help: "leave the chat (also Ctrl-D, or Ctrl-C twice)", run: () => "exit" },
  quit: { usage: "/quit", help: "same as /exit", run: () => "exit" },
};

/** Whether a message is a command: a slash and a word. A message that has to begin so is written with two slashes. */
export const isCommand = (message: string): boolean => /^\/[a-z?]+(\s|$)/i.test(message);

/** Runs a command. Throws ConfigError for one that does not exist or cannot take its argument. */
export function runCommand(message: string, chat: ChatState): CommandResult {
  const [, name, argument] = /^\/(\S+)\s*([\s\S]*)$/.exec(message) as unknown as [string, string, string];
  const known = name === "?" ? "help" : name.toLowerCase();
  const command = Object.hasOwn(COMMANDS, known) ? COMMANDS[known] : undefined;
  if (!command) throw new ConfigError(`unknown command /${name}${didYouMean(name, Object.keys(COMMANDS))}; see /help`);
  return command.run(argument.trim(), chat);
}

function helpLines(): string[] {
  const width = Math.max(...Object.values(COMMANDS).map(({ usage }) => usage.length));
  const lines = Object.values(COMMANDS).map(({ usage, help }) => `  ${usage.padEnd(width)}  ${help}`);
  return [
    ...lines,
    '  to write several lines, end a line with \\ or put """ on the lines before and after',
    "  Ctrl-C interrupts a reply",
  ];
}

function clear(_: string, { session }: ChatState): CommandResult {
  session.clear();
  return ["started a new conversation"];
}

function system(text: string, { session }: ChatState): CommandResult {
  if (text === "")
    return [session.system === undefined ? "there is no system prompt" : `system prompt: ${session.system}`];
  if (text !== "off" && !session.style.remembers)
    throw new ConfigError("this model has no chat template, so it cannot use a system prompt");
  session.system = text === "off" ? undefined : text;
  return [session.system === undefined ? "no system prompt" : "system prompt set"];
}

function think(mode: string, chat: ChatState): CommandResult {
  if (mode === "show")
    return chat.lastThinking.trim() === "" ? ["the last reply had no thinking"] : [chat.lastThinking.trim()];
  if (mode === "") return [`thinking: ${chat.thinkMode}`];
  const known = THINK_MODES.find((each) => each === mode);
  if (!known) throw new ConfigError(`/think: expected ${THINK_MODES.join(", ")} or show, got ${mode}`);
  chat.thinkMode = known;
  return [`thinking: ${known}`];
}

function adapter(name: string, chat: ChatState): CommandResult {
  const { adapters } = chat;
  if (adapters.length === 0) throw new ConfigError("/adapter: this model was opened without one; see --adapter");
  if (name !== "" && name !== "off" && !adapters.includes(name))
    throw new ConfigError(`/adapter: expected ${[...adapters, "off"].join(", ")}, got ${name}`);
  if (name !== "") chat.sampling = { ...chat.sampling, adapter: name === "off" ? null : name };
  const { adapter: chosen = adapters[0] } = chat.sampling;
  return [`adapter: ${chosen ?? "off"} (of ${adapters.join(", ")})`];
}

const isWhole = (least: number) => (value: number) => Number.isSafeInteger(value) && value >= least;
/** Names as /set takes them: their key, and what values are right. */
const SETTINGS: Readonly<
  Record<string, { readonly key: keyof ChatSampling; readonly expected: string; fits(value: number): boolean }>
> = {
  temperature: {
    key: "temperature",
    expected: "a number of at least 0",
    fits: (value) => value >= 0 && Number.isFinite(value),
  },
  "top-p": { key: "topP", expected: "a number above 0 and up to 1", fits: (value) => value > 0 && value <= 1 },
  "top-k": { key: "topK", expected: "a whole number (0: all)", fits: isWhole(0) },
  "min-p": { key: "minP", expected: "a number from 0 to 1", fits: (value) => value >= 0 && value <= 1 },
  "max-tokens": { key: "maxTokens", expected: "a whole number of at least 1", fits: isWhole(1) },
  "think-budget": { key: "thinkBudget", expected: "a whole number (tokens of thinking)", fits: isWhole(0) },
  seed: { key: "seed", expected: "a whole number", fits: isWhole(0) },
};

function set(argument: string, chat: ChatState): CommandResult {
  let { sampling } = chat;
  for (const setting of argument.split(/\s+/).filter((each) => each !== "")) sampling = changed(sampling, setting);
  chat.sampling = sampling;
  const unset: Readonly<Record<string, unknown>> = {
    ...chat.defaults,
    minP: 0,
    seed: 0,
    maxTokens: "(whatever fits)",
    thinkBudget: "(none)",
  };
  const shown = Object.entries(SETTINGS).map(([name, { key }]) => `${name}=${sampling[key] ?? unset[key]}`);
  return [shown.join("  ")];
}

function changed(sampling: ChatSampling, setting: string): ChatSampling {
  const at = setting.indexOf("=");
  const name = setting.slice(0, at);
  const known = Object.hasOwn(SETTINGS, name) ? SETTINGS[name] : undefined;
  if (at < 0) throw new ConfigError(`/set ${setting}: expected name=value, for example temperature=0.6`);
  if (!known) throw new ConfigError(`/set: unknown setting ${name}${didYouMean(name, Object.keys(SETTINGS))}`);
  const text = setting.slice(at + 1);
  const value = text === "" ? undefined : Number(text);
  if (value !== undefined && !known.fits(value))
    throw new ConfigError(`/set ${name}: expected ${known.expected}, got ${text}`);
  return { ...sampling, [known.key]: value };
}

function save(file: string, { session }: ChatState): CommandResult {
  if (file === "") throw new ConfigError("/save: expected a file name");
  writeFileSync(file, `${JSON.stringify(session.save(), null, 2)}\n`);
  return [`${counted(session.messages.length, "message")} saved to ${file}`];
}

function load(file: string, { session }: ChatState): CommandResult {
  if (file === "") throw new ConfigError("/load: expected a file name");
  try {
    session.load(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    throw new DataError(`/load ${file}: ${(error as Error).message}`, { cause: error });
  }
  return [`${counted(session.messages.length, "message")} loaded from ${file}`];
}

function stats({ session }: ChatState): string[] {
  const { numReplies, numTokens, seconds, contextTokens } = session.totals;
  const rate = seconds > 0 ? ` in ${seconds.toFixed(1)} s, ${(numTokens / seconds).toFixed(1)} tokens/s` : "";
  return [
    `${counted(numReplies, "reply", "replies")}, ${counted(numTokens, "token")}${rate}`,
    `context: ${contextTokens} of ${session.maxPositions} tokens`,
  ];
}
