// Rows of JSON: one object per line, or one list of objects. Reads piece by piece, so neither the text nor the rows are
// ever in memory as a whole. Knows nothing of what the columns mean.
import { isUtf8 } from "node:buffer";
import { DataError } from "../errors.js";
import { piecesOf } from "./bytes.js";
import { kindOf, type PlacedRow, type Row, shown } from "./row.js";

const [NEWLINE, QUOTE, BACKSLASH, COMMA] = [0x0a, 0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);

/** The rows of a file with one JSON object per line; blank lines are none. Throws DataError naming file and line. */
export async function* rowsOfLines(path: string): AsyncGenerator<PlacedRow> {
  yield* placedLines(path, piecesOf(path));
}

async function* placedLines(path: string, pieces: AsyncIterable<Buffer>): AsyncGenerator<PlacedRow> {
  let line = 0;
  for await (const bytes of linesOf(pieces)) {
    const where = `${path}:${++line}`;
    const content = textOf(bytes, where, line === 1).trim();
    if (content !== "") yield { row: parseObject(content, where, "each line must be one complete JSON object"), where };
  }
}

/**
 * The rows of a .json file: a list of objects, or, as many data sets have it, one object per line. Throws DataError
 * naming file and row.
 */
export async function* rowsOfJson(path: string): AsyncGenerator<PlacedRow> {
  const pieces = piecesOf(path);
  const { before, first } = await firstByte(pieces);
  const all = chained(before, pieces);
  if (first !== OPEN_LIST) return yield* placedLines(path, all);
  let number = 0;
  for await (const bytes of elementsOf(all, path)) {
    const where = `${path}: row ${++number}`;
    yield { row: parseObject(textOf(bytes, where, false), where, "each element must be a JSON object"), where };
  }
}

/** The lines of a text as bytes, without their ends. */
async function* linesOf(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  for await (const piece of pieces) {
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; start = end + 1, end = piece.indexOf(NEWLINE, start)) {
      yield rest.length === 0 ? piece.subarray(start, end) : Buffer.concat([...rest, piece.subarray(start, end)]);
      rest = [];
    }
    if (start < piece.length) rest.push(piece.subarray(start));
  }
  if (rest.length > 0) yield Buffer.concat(rest);
}

/** The first byte that is no space, and the pieces read to find it. */
async function firstByte(pieces: AsyncGenerator<Buffer>): Promise<{ before: Buffer[]; first: number | undefined }> {
  const before: Buffer[] = [];
  for (;;) {
    const { value, done } = await pieces.next();
    if (done) return { before, first: undefined };
    before.push(value);
    const text = before.length === 1 ? withoutMark(value) : value;
    const first = text.find((byte) => !isSpace(byte));
    if (first !== undefined) return { before, first };
  }
}

async function* chained(before: readonly Buffer[], rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* before;
  yield* rest;
}

const hasMark = (bytes: Uint8Array): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
const withoutMark = (bytes: Buffer): Buffer => (hasMark(bytes) ? bytes.subarray(3) : bytes);

/** The elements of a JSON list, each as its bytes: follows strings and nesting only, the parser judges the rest. */
async function* elementsOf(pieces: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  let [depth, isString, isEscaped, isEnded, numElements] = [0, false, false, false, 0];
  const parts: Buffer[] = [];
  for await (const piece of pieces) {
    let start = 0;
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at];
      if (isEnded) {
        if (!isSpace(byte)) throw afterEnd(path);
      } else if (isString) {
        if (isEscaped) isEscaped = false;
        else if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) isString = false;
      } else if (byte === QUOTE) isString = true;
      else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
        if (depth++ === 0) start = at + 1;
      } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT || (byte === COMMA && depth === 1)) {
        if (byte !== COMMA) depth--;
        if (depth > 0 && byte !== COMMA) continue;
        parts.push(piece.subarray(start, at));
        start = at + 1;
        isEnded = depth === 0;
        const element = Buffer.concat(parts.splice(0));
        // A list without elements has nothing but space between its brackets.
        if (!isEnded || numElements > 0 || !element.every(isSpace)) yield element;
        numElements++;
      }
    }
    if (depth > 0 && start < piece.length) parts.push(piece.subarray(start));
  }
  if (depth > 0) throw new DataError(`${path}: the file ends inside its list; it may be truncated`);
}

const afterEnd = (path: string): DataError =>
  new DataError(`${path}: there is text behind the list; expected one list of objects, or one object per line`);

function textOf(bytes: Buffer, where: string, isFirst: boolean): string {
  const text = isFirst ? withoutMark(bytes) : bytes;
  if (!isUtf8(text)) throw new DataError(`${where}: expected UTF-8 text, got other bytes; save the file as UTF-8`);
  try {
    return text.toString("utf8");
  } catch {
    throw new DataError(`${where}: ${text.length.toLocaleString("en-US")} bytes are too long for one row; split it`);
  }
}

function parseObject(content: string, where: string, rule: string): Row {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    throw new DataError(`${where}: not valid JSON (${(error as Error).message}); ${rule}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Row;
  throw new DataError(
    `${where}: expected a JSON object, got ${value === null ? "null" : kindOf(value)}: ${shown(value)}`,
  );
}
