// Which files of a repository are which split: by numbered parts, by words in the path, by folders; what is asked for
// is found or refused with what there is.
import { describe, expect, test } from "vitest";
import { chosenParts, datasetParts, numMissing, partToRead } from "./dataset-files.js";

const named = (...paths: string[]) => paths.map((path) => ({ path, sizeBytes: 1 }));
const parts = (...paths: string[]) =>
  datasetParts(named(...paths)).map(({ configuration, split, files }) => [configuration, split, files.length]);

test("splits and configurations stand in the paths, as the library datasets reads them", () => {
  const files = [
    "data/train-00000-of-00002.parquet",
    "data/train-00001-of-00002-a1b2.parquet",
    "data/test_gen-00000-of-00001.parquet",
  ];
  expect(parts("README.md", ...files)).toEqual([
    ["", "test_gen", 1],
    ["", "train", 2],
  ]);
  expect(parts("main/train-00000-of-00001.parquet", "socratic/train-00000-of-00001.parquet")).toEqual([
    ["main", "train", 1],
    ["socratic", "train", 1],
  ]);
  expect(parts("my-train-file.csv", "dev.jsonl", "eval_2.json", "rows.jsonl.gz", "trainer.tsv")).toEqual([
    ["", "validation", 1],
    ["", "test", 1],
    ["", "train", 3],
  ]);
  expect(parts("en/train/a.jsonl", "en/train/b.jsonl", "en/test/a.jsonl", "data/fr/a.jsonl")).toEqual([
    ["fr", "train", 1],
    ["en", "test", 1],
    ["en", "train", 2],
  ]);
  expect(parts("LICENSE.txt", "a.png", "dataset_infos.json", ".meta.jsonl")).toEqual([]);
});

describe("a choice", () => {
  const files = named("main/train.jsonl", "main/test.jsonl", "other/train.jsonl", "other/dev.jsonl");
  const chosen = (choice: string | null, of = files) =>
    chosenParts(of, choice, "org/name").flatMap((part) => part.files.map(({ path }) => path));
  test("is a split, a configuration, both or a file", () => {
    expect(chosen("main/train")).toEqual(["main/train.jsonl"]);
    expect(chosen("test")).toEqual(["main/test.jsonl"]);
    expect(chosen("other")).toEqual(["other/dev.jsonl", "other/train.jsonl"]);
    expect(chosen("main/test.jsonl")).toEqual(["main/test.jsonl"]);
    expect(chosen(null, named("train.csv", "test.csv"))).toEqual(["test.csv", "train.csv"]);
  });
  test("that is not there, or could mean several, is refused with what there is", () => {
    expect(() => chosen("trian")).toThrow(/org\/name has no split "trian".*it has: main\/test, main\/train, other\//);
    expect(() => chosen("train")).toThrow(/several configurations; choose one, for example org\/name:main\/train/);
    expect(() => chosen(null)).toThrow(/several configurations/);
    expect(() => chosen(null, named("train.csv", "train.parquet"))).toThrow(
      /has train in several formats; choose one file: org\/name:train\.csv, org\/name:train\.parquet/,
    );
    expect(() => chosen(null, named("a.png"))).toThrow(/org\/name has no JSONL, JSON, CSV, TSV or Parquet files/);
  });
});

test("train is read where there are several splits, and parts that are missing are counted", () => {
  const read = (...paths: string[]) => partToRead(datasetParts(named(...paths)), "org/name").split;
  expect([read("test.csv", "train.csv"), read("test.csv")]).toEqual(["train", "test"]);
  expect(() => read("test.csv", "dev.csv")).toThrow("several splits; choose one: org/name:validation, org/name:test");
  const missing = (...paths: string[]) => numMissing(datasetParts(named(...paths))[0]);
  expect(missing("train-00000-of-00003.parquet", "train-00002-of-00003.parquet")).toBe(1);
  expect([missing("train-00000-of-00001.parquet"), missing("train.csv")]).toEqual([0, 0]);
});
