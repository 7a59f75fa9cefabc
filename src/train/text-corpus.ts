// Text to pretrain on: a plain file, or rows with one document each; walked as often as needed, split, and cut into
// windows of tokens. Knows no model.
import { documentOf, formatOf, readRows, readWholeText } from "../data/index.js";
import { DataError } from "../errors.js";
import { hashString } from "../random.js";
import { type Split, splitOfKey } from "../tasks/task.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import type { TrainSequence } from "./batch.js";

/** A text and its place. */
export interface CorpusDocument {
  readonly text: string;
  readonly where: string;
}

/** A corpus in two parts, each of which can be walked any number of times, in the same order. */
export interface TextCorpus {
  documents(side: Split): AsyncIterable<CorpusDocument>;
}

/** Which part of the text is held out, and in which column it stands. */
export interface CorpusOptions {
  readonly validationFraction: number;
  readonly textColumn?: string | null;
}

/**
 * Opens a corpus. Of rows, documents go to the held-out side by the hash of their text; of a single plain file, its end
 * does, from a line end on. It, or `documents`, throws DataError naming the file (and the row) when it cannot be read,
 * is empty or lacks the column.
 */
export async function openTextCorpus(files: readonly string[], options: CorpusOptions): Promise<TextCorpus> {
  const [first] = files;
  const isPlain = files.length === 1 && ["text", undefined].includes(formatOf(first));
  return isPlain ? plainCorpus(first, options.validationFraction) : new RowCorpus(files, options);
}

async function plainCorpus(path: string, fraction: number): Promise<TextCorpus> {
  const text = await readWholeText(path);
  const at = endOfTraining(text, fraction);
  if (at === 0) throw noText(path);
  const parts: Record<Split, string> = { train: text.slice(0, at), heldout: text.slice(at) };
  return {
    async *documents(side) {
      if (parts[side] !== "") yield { text: parts[side], where: path };
    },
  };
}

const noText = (path: string): DataError =>
  new DataError(`corpus ${path} has no text to train on; use a longer file or a smaller validationFraction`);

/** Where the held-out end of a text begins. */
function endOfTraining(text: string, fraction: number): number {
  const wanted = Math.floor(text.length * (1 - fraction));
  const lineEnd = text.indexOf("\n", wanted);
  if (fraction === 0) return text.length;
  return lineEnd >= 0 && lineEnd < text.length - 1 ? lineEnd + 1 : characterStart(text, wanted);
}

/** `at`, or the place before where it lies inside a character of two UTF-16 units, whose halves are no text. */
function characterStart(text: string, at: number): number {
  const isInside = at > 0 && at < text.length && (text.codePointAt(at - 1) as number) > 0xffff;
  return isInside ? at - 1 : at;
}

/** Reads nothing until documents are asked for: tokens that were kept need none. */
class RowCorpus implements TextCorpus {
  private onlyHeldOut: Promise<string | undefined> | undefined;

  constructor(
    private readonly files: readonly string[],
    private readonly options: CorpusOptions,
  ) {}

  async *documents(side: Split): AsyncGenerator<CorpusDocument> {
    this.onlyHeldOut ??= lookThrough(this.files, this.options);
    const onlyHeldOut = await this.onlyHeldOut;
    const { validationFraction } = this.options;
    const sideOf = (text: string): Split => (text === onlyHeldOut ? "heldout" : splitOfKey(text, validationFraction));
    for await (const document of documentsOf(this.files, this.options))
      if (sideOf(document.text) === side) yield document;
  }
}

async function* documentsOf(files: readonly string[], options: CorpusOptions): AsyncGenerator<CorpusDocument> {
  for await (const placed of readRows(files)) yield { text: documentOf(placed, options), where: placed.where };
}

/**
 * Reads all documents once, so that a bad row is named before anything is made of the others. Gives the text that is
 * held out although its hash says otherwise: the one of the smallest hash, where no other would be, so that a
 * validation loss can be taken.
 */
async function lookThrough(files: readonly string[], options: CorpusOptions): Promise<string | undefined> {
  let hasHeldOut = false;
  let hasTrain = false;
  let hasSeveral = false;
  let smallest: string | undefined;
  for await (const { text } of documentsOf(files, options)) {
    if (splitOfKey(text, options.validationFraction) === "heldout") hasHeldOut = true;
    else hasTrain = true;
    hasSeveral ||= smallest !== undefined && text !== smallest;
    if (smallest === undefined || hashString(text) < hashString(smallest)) smallest = text;
  }
  if (!hasTrain) throw noText(files[0]);
  return hasHeldOut || !hasSeveral || options.validationFraction === 0 ? undefined : smallest;
}

/** The longest stretch encoded at once: tokenizers are slow on megabytes. */
const PIECE_CHARACTERS = 1 << 16;

/**
 * A document as training windows of at most `context` inputs; it ends in the end token where there is one.
 * Each window opens with the begin token, as prompts will; without one, windows overlap by a token. So every token (but
 * a first one) is predicted once.
 */
export function windowsOf(text: string, tokenizer: Tokenizer, context: number): TrainSequence[] {
  const begin = tokenizer.bosId === undefined ? [] : [tokenizer.bosId];
  const ids = encodeLong(text, tokenizer);
  if (tokenizer.eosId !== undefined) ids.push(tokenizer.eosId);
  const windows: TrainSequence[] = [];
  for (let at = 0; at + 1 - begin.length < ids.length; at += context) {
    windows.push({ ids: Int32Array.from([...begin, ...ids.slice(at, at + context + 1 - begin.length)]) });
  }
  return windows;
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
