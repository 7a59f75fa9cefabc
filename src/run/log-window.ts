// Reads logs piece by piece while they are written: what is new since a place, or the newest lines before one. Knows
// nothing of what the lines mean.
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { DataError } from "../errors.js";

/** Most bytes that are read at once. */
const MOST_BYTES = 4 << 20;
/** Bytes before a place by which it is known again: a run that is resumed cuts its logs back and writes others. */
const KNOWN_BYTES = 256;
const NEWLINE = 0x0a;

/** New lines of a log. */
export interface LogWindow<T> {
  readonly records: readonly T[];
  /** Where to go on from; give it back as it is. */
  readonly next: string;
  /** Whether the lines begin at the log's beginning though more was known: those that are known are gone. */
  readonly restarts: boolean;
  /** Whether there is more already. */
  readonly more: boolean;
}

/** The oldest of the lines that are left, and what comes before. */
export interface LogTail<T> {
  /** The newest first. */
  readonly records: readonly T[];
  /** Where to go on to earlier ones; null at the log's beginning. */
  readonly before: number | null;
}

/**
 * The whole lines since `from`, a place that an earlier reading gave; all of them without one. A log that is not there
 * is empty. Throws DataError for a line that is no JSON.
 */
export function readNewLines<T>(path: string, from = "", mostBytes = MOST_BYTES): Promise<LogWindow<T>> {
  return withFile(path, { records: [], next: "", restarts: from !== "", more: false }, async (file, size) => {
    const known = await knownPlace(file, from, size);
    const start = known ?? 0;
    const bytes = await read(file, start, Math.min(mostBytes, size - start));
    let end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end === 0 && bytes.length === mostBytes) end = await lineEnd(file, start, size);
    const whole = end <= bytes.length ? bytes.subarray(0, end) : await read(file, start, end);
    return {
      records: parseLines<T>(path, whole),
      next: await placeAt(file, start + end),
      restarts: known === undefined && from !== "",
      more: bytes.length === mostBytes && end > 0,
    };
  });
}

/** The last `count` lines before byte `before`; the end of the log without one. Throws DataError as `readNewLines`. */
export function readLinesBefore<T>(path: string, count: number, before?: number): Promise<LogTail<T>> {
  return withFile(path, { records: [], before: null }, async (file, size) => {
    let end = Math.min(before ?? size, size);
    let bytes = Buffer.alloc(0);
    let begin = end;
    while (begin > 0 && numLines(bytes) <= count + 1) {
      const length = Math.min(begin, 1 << 16);
      begin -= length;
      bytes = Buffer.concat([await read(file, begin, length), bytes]);
    }
    end = bytes.lastIndexOf(NEWLINE) + 1; // of a line that is still being written, nothing
    const starts = [...(begin === 0 ? [0] : []), ...newlines(bytes.subarray(0, end)).map((at) => at + 1)].slice(0, -1);
    const first = starts.slice(-count)[0] ?? end;
    return {
      records: parseLines<T>(path, bytes.subarray(first, end)).reverse(),
      before: begin + first > 0 ? begin + first : null,
    };
  });
}

async function withFile<R>(path: string, empty: R, action: (file: FileHandle, size: number) => Promise<R>): Promise<R> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return empty;
    throw error;
  }
  try {
    return await action(file, (await file.stat()).size);
  } finally {
    await file.close();
  }
}

async function read(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(Math.max(0, length));
  const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
  return bytes.subarray(0, bytesRead);
}

/** Where a line ends that is longer than a reading; 0 where it does not end yet. */
async function lineEnd(file: FileHandle, start: number, size: number): Promise<number> {
  for (let at = start; at < size; at += MOST_BYTES) {
    const found = (await read(file, at, Math.min(MOST_BYTES, size - at))).indexOf(NEWLINE);
    if (found >= 0) return at - start + found + 1;
  }
  return 0;
}

/** A place by its byte and a digest of what stands before it. */
async function placeAt(file: FileHandle, at: number): Promise<string> {
  const before = await read(file, Math.max(0, at - KNOWN_BYTES), Math.min(at, KNOWN_BYTES));
  return `${at}-${createHash("sha256").update(before).digest("hex").slice(0, 12)}`;
}

/** The byte of a place; undefined where the log is not the one any more in which it was found. */
async function knownPlace(file: FileHandle, place: string, size: number): Promise<number | undefined> {
  const at = Number(/^(\d{1,15})-[0-9a-f]{12}$/.exec(place)?.[1]);
  return at <= size && (await placeAt(file, at)) === place ? at : undefined;
}

const newlines = (bytes: Buffer): number[] => {
  const found: number[] = [];
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) found.push(at);
  return found;
};
const numLines = (bytes: Buffer): number => newlines(bytes).length;

function parseLines<T>(path: string, bytes: Buffer): T[] {
  return bytes
    .toString("utf8")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      try {
        return JSON.parse(line) as T;
      } catch (error) {
        throw new DataError(`${path}: expected one JSON object per line, got ${(error as Error).message}`, {
          cause: error,
        });
      }
    });
}
