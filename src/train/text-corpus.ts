// Text to pretrain on: a plain file, or JSONL with one document a line; read, split, and cut into windows of tokens.
// Knows no tokenizer and no model.
import { readFileSync } from "node:fs";
import { DataError } from "../errors.js";
import { hashString } from "../random.js";
import { readJsonl } from "../tasks/jsonl.js";
import { splitOfKey } from "../tasks/task.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import type { TrainSequence } from "./batch.js";

/** Documents of a corpus. */
export interface TextCorpus {
  readonly train: readonly string[];
  readonly heldOut: readonly string[];
}

const TEXT_COLUMN = "text";

/**
 * Reads a corpus. Of JSONL, documents go to the held-out side by the hash of their text; of a plain file, its end does,
 * from a line end on. Throws DataError naming the file (and the line) when it cannot be read, is empty or lacks the
 * column.
 */
export function readTextCorpus(path: string, heldOutFraction: number): TextCorpus {
  const parts = path.endsWith(".jsonl")
    ? splitDocuments(documentsOf(path), heldOutFraction)
    : splitText(readText(path), heldOutFraction);
  if (parts.train.every((text) => text === ""))
    throw new DataError(`corpus ${path} has no text to train on; use a longer file or a smaller validationFraction`);
  return parts;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isTooLarge = code === "ERR_STRING_TOO_LONG" || code === "ERR_FS_FILE_TOO_LARGE";
    const reason = isTooLarge
      ? "plain text of more than 512 MB; convert it to JSONL with one document per line in a text column"
      : message;
    throw new DataError(`cannot read corpus ${path}: ${reason}`, { cause: error });
  }
}

function documentsOf(path: string): string[] {
  return readJsonl(path).map(({ row, line }) => {
    const text = row[TEXT_COLUMN];
    if (typeof text === "string" && text !== "") return text;
    throw new DataError(
      `${path}:${line}: expected a column "${TEXT_COLUMN}" with text; the line has: ` +
        `${Object.keys(row).join(", ") || "no columns"}`,
    );
  });
}

/**
 * By the hash of a document's text; where that would hold out none, the one of the smallest hash is, so that a
 * validation loss can be taken.
 */
function splitDocuments(documents: readonly string[], fraction: number): Pick<TextCorpus, "train" | "heldOut"> {
  const wanted = new Set(documents.filter((text) => splitOfKey(text, fraction) === "heldout"));
  const distinct = [...new Set(documents)];
  if (wanted.size === 0 && fraction > 0 && distinct.length > 1)
    wanted.add(distinct.reduce((a, b) => (hashString(b) < hashString(a) ? b : a)));
  return {
    train: documents.filter((text) => !wanted.has(text)),
    heldOut: documents.filter((text) => wanted.has(text)),
  };
}

function splitText(text: string, fraction: number): Pick<TextCorpus, "train" | "heldOut"> {
  const wanted = Math.floor(text.length * (1 - fraction));
  const lineEnd = text.indexOf("\n", wanted);
  const at =
    fraction === 0
      ? text.length
      : lineEnd >= 0 && lineEnd < text.length - 1
        ? lineEnd + 1
        : characterStart(text, wanted);
  return { train: [text.slice(0, at)], heldOut: at < text.length ? [text.slice(at)] : [] };
}

/** `at`, or the place before where it lies inside a character of two UTF-16 units, whose halves are no text. */
function characterStart(text: string, at: number): number {
  const isInside = at > 0 && at < text.length && (text.codePointAt(at - 1) as number) > 0xffff;
  return isInside ? at - 1 : at;
}

/** The longest stretch encoded at once: tokenizers are slow on megabytes. */
const PIECE_CHARACTERS = 1 << 16;

/**
 * Documents as training windows of at most `context` inputs; every document ends in the end token where there is one.
 * Each window opens with the begin token, as prompts will; without one, windows overlap by a token. So every token (but
 * a first one) is predicted once.
 */
export function windowsOf(documents: readonly string[], tokenizer: Tokenizer, context: number): TrainSequence[] {
  const begin = tokenizer.bosId === undefined ? [] : [tokenizer.bosId];
  return documents.flatMap((text) => {
    const ids = encodeLong(text, tokenizer);
    if (tokenizer.eosId !== undefined) ids.push(tokenizer.eosId);
    const windows: TrainSequence[] = [];
    for (let at = 0; at + 1 - begin.length < ids.length; at += context) {
      windows.push({ ids: Int32Array.from([...begin, ...ids.slice(at, at + context + 1 - begin.length)]) });
    }
    return windows;
  });
}

/** Encodes piece by piece, cut at line ends where there are any. */
function encodeLong(text: string, tokenizer: Tokenizer): number[] {
  const ids: number[] = [];
  for (let at = 0; at < text.length; ) {
    const lineEnd = text.lastIndexOf("\n", at + PIECE_CHARACTERS);
    const end =
      at + PIECE_CHARACTERS >= text.length
        ? text.length
        : lineEnd > at
          ? lineEnd + 1
          : characterStart(text, at + PIECE_CHARACTERS);
    for (const id of tokenizer.encode(text.slice(at, end))) ids.push(id);
    at = end;
  }
  return ids;
}
