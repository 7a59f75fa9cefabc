// Rows of CSV and TSV, read as a stream: the first line names the columns, every value is text. The parsing is
// csv-parse's; here are the choice of the separator and the words of its errors.
import { Readable } from "node:stream";
import { CsvError, type InfoRecord, parse } from "csv-parse";
import { DataError } from "../errors.js";
import { piecesOf } from "./bytes.js";
import type { PlacedRow, Row } from "./row.js";

/** One value may be so long; without a bound an unclosed quote would take in the rest of the file. */
const MOST_CHARACTERS = 1 << 26;

/**
 * The rows of a file. `separator`: the character between values; where none is given, the most frequent of comma,
 * semicolon and tab in the first line. Throws DataError naming file and line.
 */
export async function* rowsOfCsv(path: string, separator?: string): AsyncGenerator<PlacedRow> {
  const texts = decoded(piecesOf(path), path);
  const { before, header } = await firstLine(texts);
  if (header.trim() === "") return;
  let line = header.trim().split("\n").length;
  const parser = parse({
    delimiter: separator ?? likelySeparator(header),
    columns: (names: string[]) => checkedNames(names, path),
    bom: true,
    skip_empty_lines: true,
    max_record_size: MOST_CHARACTERS,
    // The parser counts lines to the end of a row; the row begins behind the one before.
    on_record: (row: Row, { lines }: InfoRecord): PlacedRow => {
      const where = `${path}:${line + 1}`;
      line = lines;
      return { row, where };
    },
  });
  const source = Readable.from(chained(before, texts));
  source.on("error", (error) => parser.destroy(error)).pipe(parser);
  try {
    yield* parser as AsyncIterable<PlacedRow>;
  } catch (error) {
    throw error instanceof CsvError ? readable(error, path, line + 1) : error;
  } finally {
    source.destroy();
    parser.destroy();
  }
}

async function* decoded(pieces: AsyncIterable<Buffer>, path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    for await (const piece of pieces) yield decoder.decode(piece, { stream: true });
    yield decoder.decode();
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(`${path}: expected UTF-8 text, got other bytes; save the file as UTF-8`, { cause: error });
  }
}

/** The text up to the first line end outside quotes, and the pieces read for it. */
async function firstLine(texts: AsyncGenerator<string>): Promise<{ before: string[]; header: string }> {
  const before: string[] = [];
  let all = "";
  for (;;) {
    const { value, done } = await texts.next();
    if (done) return { before, header: all };
    before.push(value);
    all += value;
    const line = /^(?:"(?:[^"]|"")*"|[^"\r\n])*[\r\n]/.exec(all.replace(/^\uFEFF?[\r\n]*/, ""));
    if (line || all.length > MOST_CHARACTERS) return { before, header: line?.[0] ?? all };
  }
}

async function* chained(before: readonly string[], rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield* before.filter((text) => text !== "");
  for await (const text of rest) if (text !== "") yield text;
}

function likelySeparator(header: string): string {
  const bare = header.replaceAll(/"(?:[^"]|"")*"/g, "");
  const count = (separator: string) => bare.split(separator).length;
  return [",", ";", "\t"].reduce((best, each) => (count(each) > count(best) ? each : best));
}

function checkedNames(names: readonly string[], path: string): string[] {
  const trimmed = names.map((name) => name.trim());
  const twice = trimmed.find((name, i) => trimmed.indexOf(name) !== i);
  if (twice === undefined) return trimmed;
  throw new DataError(`${path}:1: the column ${JSON.stringify(twice)} stands twice; every column needs its own name`);
}

/** csv-parse's own words name its options; these name the file and what to do. */
function readable(error: CsvError, path: string, line: number): DataError {
  const columns = (error as { columns?: readonly { readonly name: string }[] }).columns ?? [];
  const record = (error as { record?: readonly unknown[] }).record ?? [];
  const told: Readonly<Record<string, string>> = {
    CSV_RECORD_INCONSISTENT_COLUMNS:
      `expected ${columns.length} values (${columns.map(({ name }) => name).join(", ")}), got ${record.length}; ` +
      "put values with separators into double quotes",
    CSV_QUOTE_NOT_CLOSED: "a double quote opens here and is never closed",
    CSV_MAX_RECORD_SIZE: `the row is longer than ${MOST_CHARACTERS >> 20} MiB; a double quote may be missing`,
    CSV_INVALID_CLOSING_QUOTE: 'text follows a closing double quote; write a quote inside a value as ""',
    INVALID_OPENING_QUOTE: "a double quote stands inside a value that is not quoted; put the value into double quotes",
  };
  return new DataError(`${path}:${line}: ${told[error.code] ?? error.message}`, { cause: error });
}
