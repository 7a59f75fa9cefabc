// Calls of tools in the ways that models write them, cut into pieces anywhere: what is told joins to the same calls.
import { describe, expect, test } from "vitest";
import { createByteTokenizer } from "../../../tokenizer/index.js";
import { callFormatOf, JSON_CALLS } from "./call-format.js";
import { type AnswerPiece, CallReader } from "./call-reader.js";

const HERMES = callFormatOf(undefined, createByteTokenizer({}));
const DEEPSEEK = callFormatOf(undefined, createByteTokenizer({ tags: ["<｜tool▁call▁begin｜>"] }));
const NAMES = new Set(["weather", "time"]);
const deepseekCall = (name: string, given: string) =>
  `<｜tool▁call▁begin｜>function<｜tool▁sep｜>${name}\n\`\`\`json\n${given}\n\`\`\`<｜tool▁call▁end｜>`;

/** What a reader makes of a text that comes in pieces of `size` characters. */
function read(format: typeof HERMES, text: string, size: number) {
  const reader = new CallReader(format, false, NAMES);
  const pieces: AnswerPiece[] = [];
  for (let at = 0; at < text.length; at += size) pieces.push(...reader.push(text.slice(at, at + size)));
  pieces.push(...reader.end());
  const calls: { name: string; arguments: string }[] = [];
  let said = "";
  for (const piece of pieces)
    if (piece.kind === "text") said += piece.text;
    else if (piece.kind === "call") calls.push({ name: piece.name, arguments: "" });
    else calls[piece.index].arguments += piece.text;
  return { said, calls };
}

const nested = '{"city": "a } \\" ] b", "days": [1, {"x": "{"}]}';
const two = [
  { name: "weather", arguments: nested },
  { name: "time", arguments: "{}" },
];

describe.each([1, 2, 3, 7, 1000])("in pieces of %i characters", (size) => {
  test("Hermes and Qwen: tags around JSON, text before", () => {
    const text =
      `I look.\n<tool_call>\n{"name": "weather", "arguments": ${nested}}\n</tool_call>` +
      '\n<tool_call>\n{"name": "time", "arguments": {}}\n</tool_call>';
    expect(read(HERMES, text, size)).toEqual({ said: "I look.\n\n", calls: two });
  });
  test("Hermes: arguments before the name, and arguments as text", () => {
    const swapped = '<tool_call>{"arguments": {"a":1}, "name": "weather"}</tool_call>';
    expect(read(HERMES, swapped, size).calls).toEqual([{ name: "weather", arguments: '{"a":1}' }]);
    const quoted = '<tool_call>{"name": "weather", "arguments": "{\\"a\\":1}"}</tool_call>';
    expect(read(HERMES, quoted, size).calls).toEqual([{ name: "weather", arguments: '{"a":1}' }]);
  });
  test("Hermes: what is no call stays text, tags and all, also when it is cut off", () => {
    for (const text of ["<tool_call>not JSON</tool_call> so.", "<tool_call>\n{nam", "a < b <tool_cal"])
      expect(read(HERMES, text, size)).toEqual({ said: text, calls: [] });
  });
  test("DeepSeek V3 and R1-0528: code blocks between tags", () => {
    const text =
      `Let me see.<｜tool▁calls▁begin｜>${deepseekCall("weather", nested)}\n${deepseekCall("time", "{}")}` +
      "<｜tool▁calls▁end｜>";
    expect(read(DEEPSEEK, text, size)).toEqual({ said: "Let me see.", calls: two });
  });
  test("DeepSeek V3.1: the name and the arguments alone", () => {
    const text =
      `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>${nested}<｜tool▁call▁end｜>` +
      "<｜tool▁call▁begin｜>time<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>";
    expect(read(DEEPSEEK, text, size)).toEqual({ said: "", calls: two });
  });
  test("Llama 3: JSON alone, several behind another, or a list", () => {
    const [first, second] = [`{"name": "weather", "parameters": ${nested}}`, '{"name": "time", "parameters": {}}'];
    for (const text of [`${first}; ${second}`, `${first}\n${second}`, `[${first}, ${second}]`, ` ${first}${second}`])
      expect(read(JSON_CALLS, text, size)).toEqual({ said: "", calls: two });
    const typed = `{"type": "function", "name": "weather", "parameters": ${nested}}`;
    expect(read(JSON_CALLS, typed, size).calls).toEqual(two.slice(0, 1));
  });
  test("Llama 3: JSON that names no tool is an answer, and so is JSON inside one", () => {
    for (const text of [
      '{"name": "Ada", "arguments": {"x": 1}}',
      '{"sum": 56}',
      "[1, 2]",
      'It is {"name": "weather", "parameters": {}}',
    ])
      expect(read(JSON_CALLS, text, size)).toEqual({ said: text, calls: [] });
  });
  test("arguments that are cut off come as far as they go", () => {
    const text = '<tool_call>{"name": "weather", "arguments": {"city": "Par';
    expect(read(HERMES, text, size)).toEqual({ said: "", calls: [{ name: "weather", arguments: '{"city": "Par' }] });
  });
});

test("arguments are told before they are complete", () => {
  const reader = new CallReader(HERMES, false, NAMES);
  expect(reader.push('<tool_call>{"name": "weather", "arguments": {"ci')).toEqual([
    { kind: "call", index: 0, name: "weather" },
    { kind: "arguments", index: 0, text: '{"ci' },
  ]);
});

test("where tags are tokens, text that spells one is text", () => {
  const reader = new CallReader(HERMES, true, NAMES);
  const text = '<tool_call>{"name": "weather", "arguments": {}}</tool_call>';
  expect(reader.push(text)).toEqual([{ kind: "text", text }]);
  expect(reader.pushCall(text).map(({ kind }) => kind)).toEqual(["call", "arguments"]);
});
