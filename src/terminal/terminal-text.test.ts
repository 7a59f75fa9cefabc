// Text on a terminal: lines break between words, whatever pieces it comes in.
import { describe, expect, it } from "vitest";
import { fitted, lastLines, WordWrap, wrap } from "./terminal-text.js";

const TEXT =
  "The quick brown fox jumps over the lazy dog, and 番茄 stays whole.\nNew paragraph: " +
  "supercalifragilisticexpialidocious!";

/** The text as a terminal of that width shows it, when it comes in pieces of that length. */
function shown(text: string, width: number, pieceLength: number): string {
  const wrapper = new WordWrap(() => width);
  let out = "";
  for (let i = 0; i < text.length; i += pieceLength) out += wrapper.push(text.slice(i, i + pieceLength));
  return out + wrapper.flush();
}

describe("wrapped text", () => {
  it.each([20, 30, 50, 80])("at %i columns breaks between words only, in pieces of any length", (width) => {
    const whole = shown(TEXT, width, TEXT.length);
    for (const length of [1, 2, 3, 7]) expect(shown(TEXT, width, length)).toBe(whole);
    const lines = whole.split("\n");
    expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(width);
    const words = TEXT.split(/\s+/).filter((word) => word.length <= width);
    for (const word of words) expect(lines.some((line) => line.split(" ").includes(word))).toBe(true);
  });

  it("keeps blanks within a line, drops those at its end, cuts only what is longer than a line", () => {
    expect(wrap("a  b", 20)).toEqual(["a  b"]);
    expect(wrap("aaaa bbbb", 5)).toEqual(["aaaa", "bbbb"]);
    expect(wrap("abcdefgh ij", 5)).toEqual(["abcde", "fgh", "ij"]);
    expect(wrap("", 5)).toEqual([""]);
    expect(wrap("番茄番茄", 4)).toEqual(["番茄", "番茄"]);
  });

  it("the last lines are whole words too", () => {
    expect(lastLines("one two three four", 10, 2)).toEqual(["one two", "three four"]);
  });
});

describe("lines for a stream", () => {
  it("are fitted to a terminal, with their indent, and left alone elsewhere", () => {
    const lines = ["  a line that is rather long"];
    expect(fitted(lines, { isTTY: true, columns: 20 })).toEqual(["  a line that is", "  rather long"]);
    expect(fitted(lines, { isTTY: false, columns: 20 })).toEqual(lines);
  });
});
