// The rows of files of any format, one after the other, without ever holding a file in memory.
import { isUtf8 } from "node:buffer";
import { DataError } from "../errors.js";
import { piecesOf } from "./bytes.js";
import { type DataFormat, requireFormat } from "./files.js";
import { rowsOfJson, rowsOfLines } from "./json.js";
import type { PlacedRow } from "./row.js";

type Rows = AsyncGenerator<PlacedRow>;

/** Parsers of other people come when a file needs them: most commands read none of theirs. */
const READERS: Readonly<Record<DataFormat, (path: string) => Rows | Promise<Rows>>> = {
  lines: rowsOfLines,
  json: rowsOfJson,
  csv: async (path) => (await import("./csv.js")).rowsOfCsv(path),
  tsv: async (path) => (await import("./csv.js")).rowsOfCsv(path, "\t"),
  parquet: async (path) => (await import("./parquet.js")).rowsOfParquet(path),
  text: rowOfText,
};

/**
 * The rows of all files, in order. Throws DataError naming file and row: unreadable or damaged files, rows that do not
 * parse, a file without rows.
 */
export async function* readRows(files: readonly string[]): AsyncGenerator<PlacedRow> {
  for (const path of files) {
    let isEmpty = true;
    for await (const placed of await READERS[requireFormat(path)](path)) {
      isEmpty = false;
      yield placed;
    }
    if (isEmpty) throw new DataError(`data set ${path} is empty; expected at least one row`);
  }
}

/** All rows, for what must be in memory. As `readRows`. */
export async function readAllRows(files: readonly string[]): Promise<PlacedRow[]> {
  const rows: PlacedRow[] = [];
  for await (const row of readRows(files)) rows.push(row);
  return rows;
}

/** A text file is one row with a column `text`. */
async function* rowOfText(path: string): AsyncGenerator<PlacedRow> {
  yield { row: { text: await readWholeText(path) }, where: path };
}

/** The text of a file, whatever its name. Throws DataError where it is not UTF-8 or longer than a string can be. */
export async function readWholeText(path: string): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of piecesOf(path)) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  if (!isUtf8(bytes)) throw new DataError(`${path}: expected UTF-8 text, got other bytes; save the file as UTF-8`);
  try {
    return bytes.toString("utf8");
  } catch (error) {
    throw new DataError(
      `cannot read ${path}: plain text of more than 512 MB; convert it to JSONL with one document per line in a ` +
        "text column",
      { cause: error },
    );
  }
}
