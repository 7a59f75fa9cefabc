// JSONL files: whole whatever their size and line ends, and every fault with its line.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DataError } from "../errors.js";
import { atPlace, readJsonl } from "./jsonl.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "luciole-jsonl-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (text: string): string => {
  const path = join(folder, "data.jsonl");
  writeFileSync(path, text);
  return path;
};

test("lines longer than what is read at once, and characters cut by it, come whole", () => {
  const long = "ü😀".repeat(1_000_000); // 6 MB of 2 and 4 bytes each, more than one piece
  const path = write(`\uFEFF{"a":1}\r\n\n{"a":${JSON.stringify(long)}}\n{"a":3}`);
  expect(readJsonl(path).map(({ row, line }) => [line, row.a])).toEqual([
    [1, 1],
    [3, long],
    [4, 3],
  ]);
});

test("a fault after many megabytes has its line", () => {
  const path = write(`${`{"a":"${"x".repeat(1000)}"}\n`.repeat(9000)}[1]\n`);
  expect(() => readJsonl(path)).toThrow(/data\.jsonl:9001: expected a JSON object, got \[1\]/);
});

test("a folder and a file that is not there are named", () => {
  expect(() => readJsonl(folder)).toThrow(new RegExp(`cannot read data set ${folder}: EISDIR`));
  expect(() => readJsonl(join(folder, "none.jsonl"))).toThrow(/cannot read data set .*none\.jsonl: ENOENT/);
});

test("a place is put before a fault of the data, and nothing else is touched", () => {
  expect(() =>
    atPlace("a.jsonl:3", () => {
      throw new DataError("character");
    }),
  ).toThrow(new DataError("a.jsonl:3: character"));
  const other = new TypeError("ours");
  expect(() =>
    atPlace("a.jsonl:3", () => {
      throw other;
    }),
  ).toThrow(other);
});
