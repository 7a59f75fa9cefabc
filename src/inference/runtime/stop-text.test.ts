// Stop texts at every way a text can be cut into pieces.
import { expect, test } from "vitest";
import type { ResponsePiece } from "../../tasks/response.js";
import { StopText } from "./stop-text.js";

function run(stops: readonly string[], pieces: readonly string[]): { text: string; found?: string } {
  const stop = new StopText(stops);
  const text = textOf([...pieces.flatMap((piece) => stop.push([said(piece)])), ...stop.flush()]);
  return { text, found: stop.found };
}
const said = (text: string, part: ResponsePiece["part"] = "answer"): ResponsePiece => ({ part, text });
const textOf = (pieces: readonly ResponsePiece[]): string => pieces.map(({ text }) => text).join("");
const TEXT = "one two\n\nthree END four";
const cuts = (text: string) => Array.from({ length: text.length + 1 }, (_, at) => [text.slice(0, at), text.slice(at)]);

test("what comes before the first stop text comes out, however the text is cut", () => {
  for (const pieces of [...cuts(TEXT), [...TEXT]]) {
    expect(run(["END", "\n\n"], pieces)).toEqual({ text: "one two", found: "\n\n" });
    expect(run(["END"], pieces)).toEqual({ text: "one two\n\nthree ", found: "END" });
  }
});
test("what could have become a stop text and did not comes out whole", () => {
  for (const pieces of [...cuts(TEXT), [...TEXT]])
    expect(run(["three ENDS", "twofold"], pieces)).toEqual({ text: TEXT, found: undefined });
});
test("of stop texts that begin together, the first to be complete ends the text", () => {
  expect(run(["ab", "abc"], ["xab", "c"])).toEqual({ text: "x", found: "ab" });
  expect(run(["ab", "abc"], ["xabc"])).toEqual({ text: "x", found: "abc" });
});
test("text that cannot grow into a stop text is not held back", () => {
  const stop = new StopText(["END"]);
  expect(textOf(stop.push([said("an E")]))).toBe("an ");
  expect(textOf(stop.push([said("x")]))).toBe("Ex");
});
test("the thought is let through, and pieces keep what they belong to", () => {
  const stop = new StopText(["END", "r>!"]);
  const thought = [said("an END", "thought"), said("</think>", "tag")];
  expect(stop.push(thought)).toEqual(thought);
  expect(stop.push([said("a"), said("<answer>", "tag"), said("E")])).toEqual([said("a"), said("<answer>", "tag")]);
  expect(stop.push([said("x"), said("</answer>", "tag")])).toEqual([said("E"), said("x")]);
  expect([stop.push([said("!")]), stop.found]).toEqual([[said("</answe")], "r>!"]);
});
