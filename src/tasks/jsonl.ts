// Reads files of one JSON object a line, of any size: line by line, never the whole text at once. Knows nothing of what
// the columns mean.
import { closeSync, openSync, readSync } from "node:fs";
import { DataError } from "../errors.js";

/** The columns of one line, as they stand in the file. */
export type JsonlRow = Readonly<Record<string, unknown>>;

const CHUNK_BYTES = 1 << 22;
const NEWLINE = 0x0a;

/**
 * Reads a JSONL file. @throws DataError naming file and line: unreadable file, a line that is no JSON object, no line
 * at all
 */
export function readJsonl(path: string): { readonly row: JsonlRow; readonly line: number }[] {
  const rows: { readonly row: JsonlRow; readonly line: number }[] = [];
  let line = 0;
  for (const bytes of linesOf(path)) {
    const content = textOf(bytes, path, ++line);
    if (content.trim() !== "") rows.push({ row: parseLine(content, path, line), line });
  }
  if (rows.length === 0) throw new DataError(`data set ${path} is empty; expected one JSON object per line`);
  return rows;
}

/** Runs `body`; a DataError that it throws is told with the place (`file:line`) in front. */
export function atPlace<T>(where: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof DataError) throw new DataError(`${where}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** The lines of a file as bytes, without their ends. */
function* linesOf(path: string): Generator<Buffer> {
  const descriptor = open(path);
  try {
    let rest: Buffer[] = [];
    for (;;) {
      const chunk = read(descriptor, path);
      if (chunk.length === 0) break;
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; start = end + 1, end = chunk.indexOf(NEWLINE, start)) {
        yield Buffer.concat([...rest, chunk.subarray(start, end)]);
        rest = [];
      }
      if (start < chunk.length) rest.push(chunk.subarray(start));
    }
    if (rest.length > 0) yield Buffer.concat(rest);
  } finally {
    closeSync(descriptor);
  }
}

function open(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    throw new DataError(`cannot read data set ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function read(descriptor: number, path: string): Buffer {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  try {
    return buffer.subarray(0, readSync(descriptor, buffer));
  } catch (error) {
    throw new DataError(`cannot read data set ${path}: ${(error as Error).message}`, { cause: error });
  }
}

const BYTE_ORDER_MARK = /^\uFEFF/;

function textOf(bytes: Buffer, path: string, line: number): string {
  try {
    const text = bytes.toString("utf8");
    return line === 1 ? text.replace(BYTE_ORDER_MARK, "") : text;
  } catch {
    throw new DataError(
      `${path}:${line}: the line has ${bytes.length.toLocaleString("en-US")} bytes, which is too long; split it`,
    );
  }
}

function parseLine(content: string, path: string, line: number): JsonlRow {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    throw new DataError(
      `${path}:${line}: not valid JSON (${(error as Error).message}); each line must be one complete JSON object`,
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new DataError(`${path}:${line}: expected a JSON object, got ${JSON.stringify(value)?.slice(0, 40)}`);
  }
  return value as JsonlRow;
}
