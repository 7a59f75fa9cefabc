// How an answer is shown: thinking dim on a terminal, under headings elsewhere, and all in one object for programs.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parseResponse, ResponseParser, type ResponsePiece } from "../tasks/response.js";
import { AnswerWriter } from "./answer-writer.js";

beforeEach(() => void vi.stubEnv("NO_COLOR", ""));
afterEach(() => void vi.unstubAllEnvs());

function show(texts: readonly string[], { json = false, isTTY = false, startsInside = false } = {}): string {
  let shown = "";
  const stream = { isTTY, write: (text: string) => void (shown += text) };
  const writer = new AnswerWriter(stream, { json });
  const parser = new ResponseParser({ startsInside, form: "tagged" });
  const tell = ({ part, text, recasts }: ResponsePiece) => {
    if (recasts) writer.show({ kind: "recast", numTokens: 1 }, QUESTION);
    if (part !== "tag") writer.show({ kind: "piece", part, text, numTokens: 1 }, QUESTION);
  };
  for (const piece of [...texts.flatMap((text) => parser.push(text)), ...parser.end()]) tell(piece);
  const { think, reply: answer } = parseResponse(texts.join(""), { startsInside });
  const figures = {
    numPromptTokens: 1,
    numTokens: 10,
    numThinking: 5,
    seconds: 2,
    firstTokenSeconds: 1,
    finishReason: "stop",
  } as const;
  writer.show({ kind: "end", thinking: think ?? "", answer, figures }, QUESTION);
  return shown;
}
const QUESTION = "1 2 = 3";
const RESPONSE = ["<thi", "nk>1+2", "=3!</think>\n<ans", "wer>1+2</answer>"];

test("elsewhere than on a terminal both parts have a heading", () => {
  expect(show(RESPONSE)).toBe("Thinking:\n1+2=3!\nAnswer:\n1+2\n");
  expect(show(["so</think>4"], { startsInside: true })).toBe("Thinking:\nso\nAnswer:\n4\n");
});
test("on a terminal the thinking is dim and the answer is not; NO_COLOR is respected", () => {
  expect(show(RESPONSE, { isTTY: true })).toBe("\x1b[0m\x1b[2m1+2=3!\x1b[0m\n1+2\n");
  expect(show(["<think>cut"], { isTTY: true })).toBe("\x1b[0m\x1b[2mcut\x1b[0m\n");
  vi.stubEnv("NO_COLOR", "1");
  expect(show(RESPONSE, { isTTY: true })).toBe("Thinking:\n1+2=3!\nAnswer:\n1+2\n");
});
test("what turns out to have been thinking is told apart from the answer that follows", () => {
  expect(show(["so so", "</think>", "4"])).toBe("so so\nAnswer:\n4\n");
  expect(JSON.parse(show(["so so", "</think>", "4"], { json: true }))).toMatchObject({
    thinking: "so so",
    answer: "4",
  });
});
test("a model that uses no tags is shown as it writes", () => {
  expect(show(["Once", "\n", "upon", " ", "a time"])).toBe("Once\nupon a time\n");
});
test("for a program everything comes at the end, in one object", () => {
  const expected = {
    prompt: "1 2 = 3",
    thinking: "1+2=3!",
    answer: "1+2",
    numTokens: 10,
    tokensPerSecond: 5,
    finishReason: "stop",
  };
  expect(JSON.parse(show(RESPONSE, { json: true, isTTY: true }))).toEqual(expected);
});
