// What a chat shows and understands: commands, messages of several lines, thinking that folds, text that cannot steer
// the terminal.
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ConfigError } from "../errors.js";
import type { ChatEvent } from "../inference/conversation/chat-session.js";
import { ChatSession } from "../inference/conversation/chat-session.js";
import { withoutControls } from "../plain-text.js";
import { lastLines } from "../terminal/terminal-text.js";
import { type ChatState, isCommand, runCommand } from "./chat-commands.js";
import { historyFile, readHistory, writeHistory } from "./chat-history.js";
import { MessageLines } from "./message-lines.js";
import { figuresLine, ReplyView, type ThinkMode } from "./reply-view.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-chat-"));
afterAll(() => rmSync(folder, { recursive: true }));

function newChat(remembers = true): ChatState {
  const style = {
    kind: "conversation" as const,
    remembers,
    prompt: () => ({ text: "", ids: new Int32Array(1), startsInside: false }),
    form: "chat" as const,
  };
  const reply = () => {
    throw new Error("nobody asks");
  };
  const session = new ChatSession({ maxPositions: 99, reply }, style);
  return {
    session,
    defaults: { temperature: 0.6, topP: 0.95, topK: 0 },
    sampling: {},
    thinkMode: "fold",
    adapters: [],
    lastThinking: "",
  };
}

describe("commands", () => {
  test("are a slash and a word at the beginning", () => {
    for (const text of ["/help", "/set a=1", "/?", "/Clear"]) expect(isCommand(text)).toBe(true);
    for (const text of ["help", " /help", "//help", "/", "/2", "/usr/bin", "a /help"])
      expect(isCommand(text)).toBe(false);
  });
  test("change sampling, one mistake changing nothing", () => {
    const chat = newChat();
    expect(runCommand("/set temperature=0.3 top-k=5 seed=9", chat)).toEqual([
      expect.stringContaining("temperature=0.3  top-p=0.95  top-k=5"),
    ]);
    expect(chat.sampling).toEqual({ temperature: 0.3, topK: 5, seed: 9 });
    for (const bad of [
      "temperature=-1",
      "top-p=0",
      "top-k=1.5",
      "min-p=2",
      "max-tokens=0",
      "temprature=1",
      "seed",
      "seed=x",
    ])
      expect(() => runCommand(`/set top-k=7 ${bad}`, chat), bad).toThrow(ConfigError);
    expect(chat.sampling.topK).toBe(5);
    runCommand("/set temperature=", chat);
    expect(chat.sampling.temperature).toBeUndefined();
    expect(() => runCommand("/set temprature=1", chat)).toThrow(/did you mean "temperature"\?/);
  });
  test("set, show and drop the system prompt, where the model has a place for one", () => {
    const chat = newChat();
    expect(runCommand("/system", chat)).toEqual(["there is no system prompt"]);
    runCommand("/system Be brief.", chat);
    expect([chat.session.system, runCommand("/system", chat)]).toEqual(["Be brief.", ["system prompt: Be brief."]]);
    runCommand("/system off", chat);
    expect(chat.session.system).toBeUndefined();
    expect(() => runCommand("/system x", newChat(false))).toThrow(/no chat template, so it cannot use a system prompt/);
  });
  test("show thinking and choose how it is shown", () => {
    const chat = newChat();
    expect(runCommand("/think show", chat)).toEqual(["the last reply had no thinking"]);
    chat.lastThinking = "\nso so\n";
    expect(runCommand("/think show", chat)).toEqual(["so so"]);
    runCommand("/think off", chat);
    expect(chat.thinkMode).toBe("off");
    expect(() => runCommand("/think maybe", chat)).toThrow(/expected on, fold, off or show/);
  });
  test("choose the adapter that answers, or none", () => {
    const chat = { ...newChat(), adapters: ["chess", "poems"] };
    expect(runCommand("/adapter", chat)).toEqual(["adapter: chess (of chess, poems)"]);
    expect(runCommand("/adapter poems", chat)).toEqual(["adapter: poems (of chess, poems)"]);
    expect(chat.sampling).toEqual({ adapter: "poems" });
    expect(runCommand("/adapter off", chat)).toEqual(["adapter: off (of chess, poems)"]);
    expect(chat.sampling).toEqual({ adapter: null });
    expect(() => runCommand("/adapter go", chat)).toThrow("/adapter: expected chess, poems, off, got go");
    expect(() => runCommand("/adapter", newChat())).toThrow("this model was opened without one");
  });
  test("save and load, tell figures, help, leave; an unknown one names the nearest", () => {
    const chat = newChat();
    chat.session.load({ system: "S", messages: [{ role: "user", content: "hi" }] });
    const file = join(folder, "saved.json");
    runCommand(`/save ${file}`, chat);
    const other = newChat();
    expect(runCommand(`/load ${file}`, other)).toEqual([`1 message loaded from ${file}`]);
    expect(other.session.save()).toEqual(JSON.parse(readFileSync(file, "utf8")));
    expect(() => runCommand("/load /nowhere", other)).toThrow(/\/load \/nowhere: .*no such file/);
    expect(runCommand("/stats", other)).toEqual(["0 replies, 0 tokens", "context: 0 of 99 tokens"]);
    runCommand("/clear", other);
    expect(other.session.messages).toEqual([]);
    expect(runCommand("/help", other).length).toBeGreaterThan(9);
    expect(runCommand("/exit", other)).toBe("exit");
    expect(() => runCommand("/cler", other)).toThrow(/unknown command \/cler, did you mean "clear"\?/);
    expect(() => runCommand("/constructor", other)).toThrow(ConfigError);
  });
});

describe("messages of several lines", () => {
  const read = (...lines: string[]) => {
    const messages = new MessageLines();
    return lines.map((line) => messages.push(line));
  };
  test("go on after a backslash, or between fences", () => {
    expect(read("a", "b\\", "c", "d")).toEqual(["a", undefined, "b\nc", "d"]);
    expect(read('"""', "a\\", "", "b", '"""', "c")).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      "a\\\n\nb",
      "c",
    ]);
    expect(read('"""a', 'b"""')).toEqual([undefined, "a\nb"]);
    expect(read('"""a"""')).toEqual(["a"]);
  });
  test("a paste is one message once Enter is pressed after it; clearing drops what was begun", () => {
    const messages = new MessageLines();
    expect([messages.push("a", true), messages.push("b", true), messages.push("c")]).toEqual([
      undefined,
      undefined,
      "a\nb\nc",
    ]);
    messages.push("x\\");
    expect(messages.isOpen).toBe(true);
    messages.clear();
    expect([messages.isOpen, messages.push("y")]).toEqual([false, "y"]);
  });
});

const FIGURES = {
  numPromptTokens: 5,
  numTokens: 11,
  numThinking: 6,
  seconds: 2.5,
  firstTokenSeconds: 0.5,
  finishReason: "stop" as const,
};

/** What stands on a terminal after the events; `screen` follows the two escapes that are used. */
function show(
  mode: ThinkMode,
  pieces: readonly [part: "thought" | "answer", text: string][],
  colored = false,
): { screen: string; written: string } {
  let written = "";
  let clock = 0;
  const view = new ReplyView(
    { write: (text) => void (written += text), columns: 40 },
    { mode, colored, now: () => (clock += 100) },
  );
  view.begin();
  pieces.forEach(([part, text], i) => {
    view.show({ kind: "piece", part, text, numTokens: i + 1 });
  });
  view.show({ kind: "end", thinking: "", answer: "", figures: FIGURES } as ChatEvent);
  return { screen: screenOf(written), written };
}

function screenOf(written: string): string {
  let lines = [""];
  const start = "\x1b";
  for (const [piece, up] of written.matchAll(
    new RegExp(`${start}\\[(\\d+)A\\r${start}\\[J|${start}\\[\\d*m|\\n|[^${start}\\n]+`, "g"),
  )) {
    if (up !== undefined) lines = [...lines.slice(0, -1 - Number(up)), ""];
    else if (piece === "\n") lines.push("");
    else if (!piece.startsWith(start)) lines[lines.length - 1] += piece;
  }
  return lines.join("\n");
}

describe("a reply on a terminal", () => {
  const pieces: [part: "thought" | "answer", text: string][] = [
    ["thought", "\nfirst "],
    ["thought", "thought, long enough for two lines of forty\nand a line"],
    ["answer", "\n\n"],
    ["answer", "the "],
    ["answer", "answer"],
  ];
  const footer = "11 tokens, 5.0 tokens/s, first token after 0.50 s\n";
  test("folds its thinking into one line", () => {
    expect(show("fold", pieces).screen).toMatch(
      /^▸ thought for 2 tokens, 0\.\d s \(\/think show\)\nthe answer\n11 tokens/,
    );
  });
  test("shows its thinking as it comes", () => {
    expect(show("on", pieces).screen).toBe(
      `first thought, long enough for two lines\nof forty\nand a line\n\nthe answer\n${footer}`,
    );
    expect(show("on", pieces, true).written).toContain("\x1b[2mfirst ");
  });
  test("hides its thinking", () => {
    expect(show("off", pieces).screen).toBe(`the answer\n${footer}`);
  });
  test("that is interrupted while it thinks leaves the terminal whole", () => {
    for (const mode of ["fold", "off"] as const) expect(show(mode, pieces.slice(0, 2)).screen).not.toContain("forty");
    expect(show("on", pieces.slice(0, 2)).screen).toMatch(/and a line\n11 tokens/);
    expect(show("fold", []).screen).toBe(footer);
  });
  test("cannot steer it", () => {
    expect(withoutControls("a\x1b[2J\x07\u009b1m\r\tb\n")).toBe("a[2J1m\tb\n");
    expect(show("on", [["answer", "a\x1b]0;title\x07b"]], false).written).not.toContain("\x1b]0");
  });
  test("ends with its figures, and why it was cut short", () => {
    expect(figuresLine(FIGURES)).toBe(footer.trimEnd());
    expect(figuresLine({ ...FIGURES, finishReason: "cancelled" })).toMatch(/, interrupted$/);
    expect(figuresLine({ ...FIGURES, numTokens: 1 })).toBe("1 token, first token after 0.50 s");
  });
});

test("lines are cut by the columns that characters take", () => {
  expect(lastLines("abcdef", 4, 9)).toEqual(["abcd", "ef"]);
  expect(lastLines("你好世界", 5, 9)).toEqual(["你好", "世界"]);
  expect(lastLines("e\u0301e\u0301e\u0301", 2, 9)).toEqual(["e\u0301e\u0301", "e\u0301"]);
  expect(lastLines("1\n2\n3\n4", 9, 2)).toEqual(["3", "4"]);
});

test("history is kept oldest first, readable by its owner alone, and done without where it cannot be", () => {
  const file = historyFile({ XDG_STATE_HOME: folder });
  writeHistory(["second", "first"], file);
  expect(readFileSync(file, "utf8")).toBe("first\nsecond\n");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readHistory(file)).toEqual(["second", "first"]);
  expect(readHistory("/nowhere/x")).toEqual([]);
  writeHistory(["x"], join(file, "below a file"));
});
