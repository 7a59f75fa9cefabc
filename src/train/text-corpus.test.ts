// Corpora: what is held out, how documents become windows, and what is wrong with a bad file.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createByteTokenizer } from "../tokenizer/byte-tokenizer.js";
import { ShuffledSequences } from "./shuffled-sequences.js";
import { readTextCorpus, windowsOf } from "./text-corpus.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "luciole-corpus-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe("a corpus", () => {
  test("of plain text keeps its end for validation, from a line's beginning on", () => {
    const text = Array.from({ length: 100 }, (_, i) => `line ${i}\n`).join("");
    const { train, heldOut } = readTextCorpus(write("a.txt", text), 0.1);
    expect(train.join("") + heldOut.join("")).toBe(text);
    expect(heldOut[0]).toMatch(/^line \d+\n/);
    expect(heldOut[0].length / text.length).toBeCloseTo(0.1, 1);
    expect(readTextCorpus(write("b.txt", text), 0).heldOut).toEqual([]);
  });
  test("of plain text is never cut inside a character of two units", () => {
    const text = `x${"😀".repeat(1000)}`;
    for (const fraction of [0.1, 0.2505, 0.3333]) {
      const { train, heldOut } = readTextCorpus(write("pairs.txt", text), fraction);
      expect(train[0] + heldOut[0]).toBe(text);
      expect([train[0], heldOut[0]].every((part) => !/\p{Surrogate}/u.test(part))).toBe(true);
    }
  });
  test("of JSONL holds documents out by their text, whatever stands around them", () => {
    const documents = Array.from({ length: 60 }, (_, i) => ({ text: `document ${i}` }));
    const lines = (rows: object[]) => rows.map((row) => JSON.stringify(row)).join("\n");
    const whole = readTextCorpus(write("a.jsonl", lines(documents)), 0.3);
    const half = readTextCorpus(write("b.jsonl", lines(documents.slice(30))), 0.3);
    expect(whole.train.length + whole.heldOut.length).toBe(60);
    expect(whole.heldOut.length).toBeGreaterThan(5);
    expect(half.heldOut.every((text) => whole.heldOut.includes(text))).toBe(true);
  });
  test("names the line that is wrong, and the file that is not there", () => {
    expect(() => readTextCorpus(write("c.jsonl", '{"text":"a"}\n{"text":\n'), 0)).toThrow(/c\.jsonl:2: not valid JSON/);
    expect(() => readTextCorpus(write("d.jsonl", '{"text":"a"}\n\n{"body":"b"}\n'), 0)).toThrow(
      /d\.jsonl:3: expected a column "text".*body/,
    );
    expect(() => readTextCorpus(join(folder, "none.txt"), 0)).toThrow("none.txt");
    expect(() => readTextCorpus(write("e.txt", ""), 0)).toThrow("no text");
  });
});

describe("windows", () => {
  const ids = (text: string) => [...Buffer.from(text)];
  test("with a begin token: each opens with it, and every token and the end is predicted once", () => {
    const tokenizer = createByteTokenizer({ bos: "<b>", eos: "<e>" });
    const windows = windowsOf(["abcdefg", "xy"], tokenizer, 3).map((w) => [...(w.ids as Int32Array)]);
    expect(windows).toEqual([
      [256, ...ids("abc")],
      [256, ...ids("def")],
      [256, ...ids("g"), 257],
      [256, ...ids("xy"), 257],
    ]);
  });
  test("of a long text without line ends keep every character", () => {
    const text = `x${"😀".repeat(40_000)}`;
    const tokenizer = createByteTokenizer();
    const ids = windowsOf([text], tokenizer, 1 << 20).flatMap((w) => [...(w.ids as Int32Array)]);
    expect(tokenizer.decode(ids)).toBe(text);
  });
  test("without: they overlap by one token, and only a document's first is not predicted", () => {
    const windows = windowsOf(["abcdefg", "z"], createByteTokenizer(), 3).map((w) => [...(w.ids as Int32Array)]);
    expect(windows).toEqual([ids("abcd"), ids("defg")]);
  });
  test("of a long text are those of the whole, piece by piece", () => {
    const text = "0123456789\n".repeat(20_000);
    const windows = windowsOf([text], createByteTokenizer(), 1000);
    const joined = windows.flatMap((w, i) => [...(w.ids as Int32Array).subarray(i === 0 ? 0 : 1)]);
    expect(Buffer.from(joined).toString()).toBe(text);
  });
});

describe("a shuffled walk", () => {
  const all = Array.from({ length: 7 }, (_, i) => ({ ids: [i, i] }));
  const firsts = (from: number, count: number, seed = 1) =>
    new ShuffledSequences(all, seed).sequences(from, count).map((s) => s.ids[0]);

  test("takes every sequence once a pass, in another order each time", () => {
    const [first, second] = [firsts(0, 7), firsts(7, 7)];
    expect([...first].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect([...second].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(second).not.toEqual(first);
  });
  test("is the same from wherever it is taken up, and another for another seed", () => {
    expect([...firsts(0, 5), ...firsts(5, 9)]).toEqual(firsts(0, 14));
    expect(firsts(0, 7, 2)).not.toEqual(firsts(0, 7));
  });
});
