// Rows of files of every format: whole whatever their size and line ends, and every fault in one line with its place.
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DataError } from "../errors.js";
import { packageRoot } from "../package-root.js";
import { atPlace } from "./row.js";
import { readRows } from "./rows.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "luciole-data-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, content: string | Buffer): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
async function rowsOf(...files: string[]): Promise<[string, unknown][]> {
  const rows: [string, unknown][] = [];
  for await (const { row, where } of readRows(files)) rows.push([where.slice(folder.length + 1), row]);
  return rows;
}
const fixture = (name: string) => join(packageRoot(), "tests", "golden", "data", name);
const readPart = (name: string, size: number) => readFileSync(fixture(name)).subarray(0, size);

describe("rows", () => {
  test("lines longer than what is read at once, and characters cut by it, come whole", async () => {
    const long = "ü😀".repeat(1_000_000); // 6 MB of 2 and 4 bytes each, more than one piece
    const path = write("long.jsonl", `\uFEFF{"a":1}\r\n\n{"a":${JSON.stringify(long)}}\n{"a":3}`);
    expect(await rowsOf(path)).toEqual([
      ["long.jsonl:1", { a: 1 }],
      ["long.jsonl:3", { a: long }],
      ["long.jsonl:4", { a: 3 }],
    ]);
    const list = write("long.json", `\uFEFF \n[{"a":1}, {"a":${JSON.stringify(long)}},{"a":["]",{}]} ]\n`);
    expect(await rowsOf(list)).toEqual([
      ["long.json: row 1", { a: 1 }],
      ["long.json: row 2", { a: long }],
      ["long.json: row 3", { a: ["]", {}] }],
    ]);
    const csv = write("long.csv", `a,b\n1,${long}\n"x\ny",2\n\n3,4\n`);
    expect(await rowsOf(csv)).toEqual([
      ["long.csv:2", { a: "1", b: long }],
      ["long.csv:3", { a: "x\ny", b: "2" }],
      ["long.csv:5", { a: "3", b: "4" }],
    ]);
  });

  test("several files are read one after the other, of any formats", async () => {
    const files = [write("a.jsonl", '{"a":1}\n'), write("b.tsv", "a\n2\n"), write("c.txt", "whole\ntext\n")];
    expect(await rowsOf(...files)).toEqual([
      ["a.jsonl:1", { a: 1 }],
      ["b.tsv:2", { a: "2" }],
      ["c.txt", { text: "whole\ntext\n" }],
    ]);
  });

  const cut = (name: string, size: number) => {
    const path = write(`cut-${name}`, Buffer.concat([gzipSync("x")]));
    truncateSync(path, size);
    return path;
  };
  test.each<[string, () => string, RegExp]>([
    [
      "a line",
      () => write("b.jsonl", `${`{"a":"${"x".repeat(1000)}"}\n`.repeat(2000)}[1]\n`),
      /b\.jsonl:2001: expected a JSON object, got a list: \[1\]/,
    ],
    [
      "a torn line",
      () => write("t.jsonl", '{"a":1}\n{"a":'),
      /t\.jsonl:2: not valid JSON \(.*\); each line must be one/,
    ],
    ["a row of a list", () => write("l.json", '[{"a":1},\n{"a"}]'), /l\.json: row 2: not valid JSON/],
    ["a number in a list", () => write("n.json", "[1]"), /n\.json: row 1: expected a JSON object, got a number: 1/],
    [
      "a torn list",
      () => write("o.json", '[{"a":1},{"a":2}'),
      /o\.json: the file ends inside its list; it may be truncated/,
    ],
    ["text behind a list", () => write("p.json", '[{"a":1}] {"a":2}'), /p\.json: there is text behind the list/],
    ["an empty list", () => write("q.json", " [ ] "), /q\.json is empty; expected at least one row/],
    ["an empty file", () => write("e.jsonl", "\n \n"), /e\.jsonl is empty/],
    ["a header alone", () => write("h.csv", "a,b\n"), /h\.csv is empty/],
    [
      "too few values",
      () => write("v.csv", 'a,b\n1,2\n"x\ny",3\n4\n'),
      /v\.csv:5: expected 2 values \(a, b\), got 1; put values with/,
    ],
    ["too many values", () => write("w.csv", "a,b\n1,2,3\n"), /w\.csv:2: expected 2 values \(a, b\), got 3/],
    [
      "an open quote",
      () => write("u.csv", 'a,b\n1,2\n1,"2\n3,4\n'),
      /u\.csv:3: a double quote opens here and is never closed/,
    ],
    ["a quote inside", () => write("i.csv", 'a,b\n1,2"3\n'), /i\.csv:2: a double quote stands inside a value/],
    ["text behind a quote", () => write("j.csv", 'a,b\n1,"2"3\n'), /j\.csv:2: text follows a closing double quote/],
    ["a name twice", () => write("d.csv", "a,a\n1,2\n"), /d\.csv:1: the column "a" stands twice/],
    [
      "other bytes",
      () => write("latin.csv", Buffer.from("a\nGr\xfc\xdfe\n", "latin1")),
      /latin\.csv: expected UTF-8 text, got other/,
    ],
    [
      "other bytes in a line",
      () => write("latin.jsonl", Buffer.from('{"a":"\xfc"}\n', "latin1")),
      /latin\.jsonl:1: expected UTF-8 text/,
    ],
    [
      "other bytes in a text",
      () => write("latin.txt", Buffer.from("\xfc", "latin1")),
      /latin\.txt: expected UTF-8 text/,
    ],
    [
      "no Parquet",
      () => write("x.parquet", "PAR1 and then nothing of the kind PAR1"),
      /x\.parquet: not a Parquet file that can be read/,
    ],
    ["an empty Parquet", () => fixture("empty.parquet"), /empty\.parquet is empty; expected at least one row/],
    ["a torn gzip", () => cut("y.jsonl.gz", 12), /cut-y\.jsonl\.gz: the file ends too early; it may be truncated/],
    ["no gzip", () => write("z.jsonl.gz", "plain"), /cannot read data set .*z\.jsonl\.gz: incorrect header check/],
    ["no zstd", () => write("z.jsonl.zst", "plain text"), /cannot read data set .*z\.jsonl\.zst: invalid zstd data/],
    [
      "a torn zstd",
      () => write("r.jsonl.zst", readPart("lines.jsonl.zst", 200)),
      /cannot read data set .*r\.jsonl\.zst: /,
    ],
    ["a name without format", () => write("data.bin", "x"), /data\.bin: the name tells no format; expected \.jsonl/],
    ["a folder", () => folder, /the name tells no format|expected a regular file, got a directory/],
    ["nothing", () => join(folder, "none.jsonl"), /cannot read data set .*none\.jsonl: ENOENT/],
  ])("%s is refused in one line that names the place", async (_, make, message) => {
    const failure = await rowsOf(make()).catch((error: unknown) => error as Error);
    expect(failure).toBeInstanceOf(DataError);
    expect((failure as Error).message).toMatch(message);
    expect((failure as Error).message).not.toContain("\n");
  });
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
