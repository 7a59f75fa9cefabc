// The thinking's borders at every way a text can be cut into pieces.
import { expect, test } from "vitest";
import { opensThinking, ThinkTracker } from "./thinking.js";

function part(pieces: readonly string[], startsInside = false): { thinking: string; answer: string; state: string } {
  const tracker = new ThinkTracker(startsInside);
  const parts = [...pieces.map((piece) => tracker.push(piece)), tracker.flush()];
  return { thinking: parts.map((p) => p.thinking).join(""), answer: parts.map((p) => p.answer).join(""), state: tracker.state };
}
const everyCut = (text: string) => [...Array.from({ length: text.length + 1 }, (_, at) => [text.slice(0, at), text.slice(at)]), [...text]];

test("a completion that opens its thinking is parted behind the closing tag", () => {
  for (const pieces of everyCut("\n<think>a<b</think>\n4")) expect(part(pieces)).toEqual({ thinking: "\n<think>a<b</think>", answer: "\n4", state: "after" });
});
test("a completion that starts inside needs no opening tag", () => {
  for (const pieces of everyCut("so</think>4</think>")) expect(part(pieces, true)).toEqual({ thinking: "so</think>", answer: "4</think>", state: "after" });
});
test("an opening tag after the first words is text", () => {
  for (const pieces of everyCut("well <think>x</think>")) expect(part(pieces)).toEqual({ thinking: "", answer: "well <think>x</think>", state: "after" });
});
test("what was held back as a tag to be comes out", () => {
  for (const pieces of everyCut(" <thin")) expect(part(pieces)).toEqual({ thinking: "", answer: " <thin", state: "before" });
});
test("an unclosed thinking is all thinking", () => {
  for (const pieces of everyCut("hm</thi")) expect(part(pieces, true)).toEqual({ thinking: "hm</thi", answer: "", state: "inside" });
});
test("a prompt opens the thinking when it ends in the tag", () => {
  expect(opensThinking("<｜Assistant｜><think>\n")).toBe(true);
  expect(opensThinking("<think> is a tag")).toBe(false);
});
