// Corpora: what is held out, how documents become windows, and what is wrong with a bad file.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createByteTokenizer } from "../tokenizer/byte-tokenizer.js";
import { SequencesInMemory } from "./sequence-list.js";
import { ShuffledSequences } from "./shuffled-sequences.js";
import { openTextCorpus, windowsOf } from "./text-corpus.js";

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

async function read(name: string, text: string, validationFraction: number, textColumn?: string) {
  const corpus = await openTextCorpus([write(name, text)], { validationFraction, textColumn });
  const texts = async (side: "train" | "heldout") => {
    const all: string[] = [];
    for await (const document of corpus.documents(side)) all.push(document.text);
    return all;
  };
  return { train: await texts("train"), heldOut: await texts("heldout") };
}

describe("a corpus", () => {
  test("of plain text keeps its end for validation, from a line's beginning on", async () => {
    const text = Array.from({ length: 100 }, (_, i) => `line ${i}\n`).join("");
    const { train, heldOut } = await read("a.txt", text, 0.1);
    expect(train.join("") + heldOut.join("")).toBe(text);
    expect(heldOut[0]).toMatch(/^line \d+\n/);
    expect(heldOut[0].length / text.length).toBeCloseTo(0.1, 1);
    expect((await read("b.txt", text, 0)).heldOut).toEqual([]);
  });
  test("of plain text is never cut inside a character of two units", async () => {
    const text = `x${"😀".repeat(1000)}`;
    for (const fraction of [0.1, 0.2505, 0.3333]) {
      const { train, heldOut } = await read("pairs.txt", text, fraction);
      expect(train[0] + heldOut[0]).toBe(text);
      expect([train[0], heldOut[0]].every((part) => !/\p{Surrogate}/u.test(part))).toBe(true);
    }
  });
  test("of JSONL holds documents out by their text, whatever stands around them", async () => {
    const documents = Array.from({ length: 60 }, (_, i) => ({ text: `document ${i}` }));
    const lines = (rows: object[]) => rows.map((row) => JSON.stringify(row)).join("\n");
    const whole = await read("a.jsonl", lines(documents), 0.3);
    const half = await read("b.jsonl", lines(documents.slice(30)), 0.3);
    expect(whole.train.length + whole.heldOut.length).toBe(60);
    expect(whole.heldOut.length).toBeGreaterThan(5);
    expect(half.heldOut.every((text) => whole.heldOut.includes(text))).toBe(true);
  });
  test("may hold its text in another column, and has a held-out document as soon as it has two", async () => {
    const lines = '{"body":"a"}\n{"body":"b"}\n{"body":"a"}\n';
    const { train, heldOut } = await read("f.jsonl", lines, 0.001, "body");
    expect([...train, ...heldOut].sort()).toEqual(["a", "a", "b"]);
    expect(new Set(heldOut).size).toBe(1);
    expect(train).not.toContain(heldOut[0]);
    expect((await read("g.jsonl", '{"body":"a"}\n{"body":"a"}\n', 0.001, "body")).heldOut).toEqual([]);
  });
  test("names the line that is wrong, and the file that is not there", async () => {
    await expect(read("c.jsonl", '{"text":"a"}\n{"text":\n', 0)).rejects.toThrow(/c\.jsonl:2: not valid JSON/);
    await expect(read("d.jsonl", '{"text":"a"}\n\n{"body":"b"}\n', 0)).rejects.toThrow(
      /d\.jsonl:3: expected a column "text".*body/,
    );
    await expect(openTextCorpus([join(folder, "none.txt")], { validationFraction: 0 })).rejects.toThrow("none.txt");
    await expect(read("e.txt", "", 0)).rejects.toThrow("no text");
  });
});

describe("windows", () => {
  const ids = (text: string) => [...Buffer.from(text)];
  test("with a begin token: each opens with it, and every token and the end is predicted once", () => {
    const tokenizer = createByteTokenizer({ bos: "<b>", eos: "<e>" });
    const windows = ["abcdefg", "xy"]
      .flatMap((text) => windowsOf(text, tokenizer, 3))
      .map((w) => [...(w.ids as Int32Array)]);
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
    const ids = windowsOf(text, tokenizer, 1 << 20).flatMap((w) => [...(w.ids as Int32Array)]);
    expect(tokenizer.decode(ids)).toBe(text);
  });
  test("without: they overlap by one token, and only a document's first is not predicted", () => {
    const windows = ["abcdefg", "z"]
      .flatMap((text) => windowsOf(text, createByteTokenizer(), 3))
      .map((w) => [...(w.ids as Int32Array)]);
    expect(windows).toEqual([ids("abcd"), ids("defg")]);
  });
  test("of a long text are those of the whole, piece by piece", () => {
    const text = "0123456789\n".repeat(20_000);
    const windows = windowsOf(text, createByteTokenizer(), 1000);
    const joined = windows.flatMap((w, i) => [...(w.ids as Int32Array).subarray(i === 0 ? 0 : 1)]);
    expect(Buffer.from(joined).toString()).toBe(text);
  });
});

describe("a shuffled walk", () => {
  const all = Array.from({ length: 7 }, (_, i) => ({ ids: [i, i] }));
  const firsts = (from: number, count: number, seed = 1) =>
    new ShuffledSequences(new SequencesInMemory(all), seed).sequences(from, count).map((s) => s.ids[0]);

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
