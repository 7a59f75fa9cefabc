// What bounds the reading of files that others made: regular files only, of bounded size, JSON of bounded depth and
// number of values. The bounds lie far above what models have. Knows no format and no error class: it says what is
// wrong, the reader says where.
import { readFileSync, statSync } from "node:fs";

/** Texts longer than this are refused: the largest tokenizers take some 40 MB. */
export const MAX_TEXT_BYTES = 256 << 20;
/** Deepest nesting of JSON: published files need less than 20. */
const MAX_DEPTH = 100;
/** Most values of a JSON file: a vocabulary of 260,000 tokens has 2 million. */
const MAX_VALUES = 8 << 20;

const [QUOTE, COMMA, OPEN_LIST, BACKSLASH, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [
  0x22, 0x2c, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d,
];

/**
 * Why a file is not read, by what the system says of it; undefined where it may be. Not asking first would wait for a
 * pipe, or read a device for ever.
 */
export function fileProblem(
  stats: { isFile(): boolean; isDirectory(): boolean; readonly size: number },
  maxBytes = Number.POSITIVE_INFINITY,
): string | undefined {
  if (!stats.isFile())
    return `expected a regular file, got ${stats.isDirectory() ? "a directory" : "a pipe, socket or device"}`;
  return stats.size > maxBytes
    ? `expected a maximum of ${maxBytes >> 20} MiB, got ${Math.ceil(stats.size / 2 ** 20)} MiB`
    : undefined;
}

/**
 * Why JSON is not parsed: it nests too deep or holds too many values, so that parsing or using it would take all
 * memory. Undefined where it may be.
 */
export function jsonProblem(bytes: Uint8Array): string | undefined {
  let [depth, values] = [0, 1];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = stringEnd(bytes, at + 1);
    else if (byte === COMMA) values++;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      values++;
      if (++depth > MAX_DEPTH) return `it is nested more than ${MAX_DEPTH} levels deep`;
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
  }
  return values > MAX_VALUES ? `it holds more than ${MAX_VALUES} values` : undefined;
}

function stringEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

/** A parsed JSON text, or why it is none, in one line. */
export function parseForeignJson(bytes: Uint8Array): { readonly value: unknown } | { readonly problem: string } {
  const problem = jsonProblem(bytes);
  if (problem) return { problem };
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)) };
  } catch (error) {
    // The parser quotes what it stumbled over, line ends included.
    return { problem: (error as Error).message.replaceAll(/\s+/g, " ") };
  }
}

/**
 * The bytes of a text file, undefined where there is none. Throws what the system says, and an Error for a file that is
 * not regular or too large.
 */
export function readForeignText(path: string): Buffer | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  const problem = stats && fileProblem(stats, MAX_TEXT_BYTES);
  if (problem) throw new Error(problem);
  return stats && readFileSync(path);
}
