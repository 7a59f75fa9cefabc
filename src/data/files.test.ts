// Files by path, folder and pattern: the right ones, in a fixed order, and nothing chosen in silence.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findDataFiles, formatOf, isDataFile, namesFiles } from "./files.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "luciole-files-"));
  const files = ["one/b.jsonl", "one/a.jsonl", "one/deep/c.jsonl.gz", "one/README.md", "one/dataset_infos.json"];
  for (const path of [...files, "one/.hidden.jsonl", "mixed/a.csv", "mixed/b.parquet", "none/x.bin"]) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), "");
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const found = (spec: string) => findDataFiles(join(folder, spec)).map((path) => relative(folder, path));

test("the name of a file tells its format, packed or not", () => {
  expect(["a.JSONL", "a.ndjson.gz", "a.json.zst", "a.csv", "x.y.tsv", "a.parquet", "a.txt"].map(formatOf)).toEqual([
    ...["lines", "lines", "json", "csv", "tsv", "parquet", "text"],
  ]);
  expect(["a", "a.bin", "a.gz", "a.parquet.gz", "a.constructor"].map(formatOf)).toEqual(Array(5).fill(undefined));
});

test("what describes a data set is none, and nothing else is passed over", () => {
  const beside = [
    "README.md",
    "license",
    "dataset_infos.json",
    "dataset_dict.json",
    "a/state.json",
    ".x.jsonl",
    "a.png",
  ];
  expect(beside.filter(isDataFile)).toEqual([]);
  const data = ["metadata.jsonl", "state_of_the_union.jsonl", "licenses.csv", "a/readme_texts.parquet", "state.jsonl"];
  expect(data.filter(isDataFile)).toEqual(data);
});

test("a folder stands for its data files in order, a pattern for what it matches, a file for itself", () => {
  expect(found("one")).toEqual(["one/a.jsonl", "one/b.jsonl", "one/deep/c.jsonl.gz"]);
  expect(found("one/*.jsonl")).toEqual(["one/a.jsonl", "one/b.jsonl"]);
  expect(found("**/[bc].*")).toEqual(["mixed/b.parquet", "one/b.jsonl", "one/deep/c.jsonl.gz"]);
  expect(found("none/x.bin")).toEqual(["none/x.bin"]);
  expect(namesFiles(join(folder, "one/*.csv"))).toBe(false);
});

test("nothing found, and a folder with several formats, are refused with what to do", () => {
  expect(() => found("one/*.csv")).toThrow(/one\/\*\.csv: no file matches this pattern/);
  expect(() => found("two")).toThrow(/two: no such file or folder; expected data/);
  expect(() => found("none")).toThrow(/none: no data files in this folder/);
  expect(() => found("mixed")).toThrow(
    /several formats \(csv, parquet\); choose one with a pattern, for example ".*\/mixed\/\*\*\/\*\.csv"/,
  );
});
