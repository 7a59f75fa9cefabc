// Data files that pandas and pyarrow wrote are read as these libraries read them. The files and their rows are made by
// data_vectors.py.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readRows } from "../../src/data/index.js";
import { root } from "../e2e/command.js";

const folder = join(root, "tests", "golden", "data");
const { rows } = JSON.parse(readFileSync(join(folder, "rows.json"), "utf8")) as {
  rows: Record<string, Record<string, unknown>[]>;
};

test.each(Object.keys(rows))("%s holds the rows that its writer's own reader gives", async (name) => {
  const read: object[] = [];
  for await (const { row } of readRows([join(folder, name)])) read.push(row);
  expect(read).toEqual(rows[name]);
});
