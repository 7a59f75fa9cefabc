// The splitter at every way a text can be cut into pieces.
import { expect, test } from "vitest";
import { type ResponsePiece, ThinkSplitter } from "./think-splitter.js";

const TEXT = "<think>3+7=10, a<b</think>\n<answer>10</answer> done";

function split(pieces: readonly string[], prefilled = false): Record<string, string> {
  const splitter = new ThinkSplitter({ prefilled });
  const all: ResponsePiece[] = [...pieces.flatMap((p) => splitter.push(p)), ...splitter.flush()];
  const result: Record<string, string> = {};
  for (const { part, text } of all) result[part] = (result[part] ?? "") + text;
  return result;
}

test("thinking, answer and the rest are told apart, tags left out", () => {
  expect(split([TEXT])).toEqual({ think: "3+7=10, a<b", answer: "10", text: "\n done" });
});
test("however the text is cut, the parts are the same", () => {
  for (let at = 0; at <= TEXT.length; at++) expect(split([TEXT.slice(0, at), TEXT.slice(at)])).toEqual(split([TEXT]));
  expect(split([...TEXT])).toEqual(split([TEXT]));
});
test("what cannot become a tag is shown at once; what still can is held back", () => {
  const splitter = new ThinkSplitter();
  expect(splitter.push("1<2 and <thi")).toEqual([{ part: "text", text: "1<2 and " }]);
  expect(splitter.push("s")).toEqual([{ part: "text", text: "<this" }]);
});
test("a prompt that opened the thinking makes the completion begin inside it", () => {
  expect(split(["so</think>4"], true)).toEqual({ think: "so", text: "4" });
});
