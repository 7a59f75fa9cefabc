// How an answer is shown: thinking dim on a terminal, under headings elsewhere, and all in one object for programs.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ThinkSplitter } from "../inference/think-splitter.js";
import { AnswerWriter } from "./answer-writer.js";

beforeEach(() => void vi.stubEnv("NO_COLOR", ""));
afterEach(() => void vi.unstubAllEnvs());

function show(pieces: readonly string[], { json = false, isTTY = false, prefilled = false } = {}): string {
  let shown = "";
  const stream = { isTTY, write: (text: string) => void (shown += text) };
  const writer = new AnswerWriter(stream, { json });
  const splitter = new ThinkSplitter({ prefilled });
  for (const piece of [...pieces.flatMap((text) => splitter.push(text)), ...splitter.flush()]) writer.push(piece);
  writer.finish("1 2 = 3", { numTokens: 10, seconds: 2, stopReason: "stop" });
  return shown;
}
const RESPONSE = ["<thi", "nk>1+2", "=3!</think>\n<ans", "wer>1+2</answer>"];

test("elsewhere than on a terminal both parts have a heading", () => {
  expect(show(RESPONSE)).toBe("Thinking:\n1+2=3!\nAnswer:\n1+2\n");
  expect(show(["so</think>4"], { prefilled: true })).toBe("Thinking:\nso\nAnswer:\n4\n");
});
test("on a terminal the thinking is dim and the answer is not; NO_COLOR is respected", () => {
  expect(show(RESPONSE, { isTTY: true })).toBe("\x1b[0m\x1b[2m1+2=3!\x1b[0m\n1+2\n");
  expect(show(["<think>cut"], { isTTY: true })).toBe("\x1b[0m\x1b[2mcut\x1b[0m\n");
  vi.stubEnv("NO_COLOR", "1");
  expect(show(RESPONSE, { isTTY: true })).toBe("Thinking:\n1+2=3!\nAnswer:\n1+2\n");
});
test("a model that uses no tags is shown as it writes", () => {
  expect(show(["Once", "\n", "upon", " ", "a time"])).toBe("Once\nupon a time\n");
});
test("for a program everything comes at the end, in one object", () => {
  const expected = { prompt: "1 2 = 3", thinking: "1+2=3!", answer: "1+2", numTokens: 10, tokensPerSecond: 5, stopReason: "stop" };
  expect(JSON.parse(show(RESPONSE, { json: true, isTTY: true }))).toEqual(expected);
});
