// Data sets as tokens: in memory where they are small; large ones are tokenised once, kept in files under a fingerprint
// of all that decides them, and found there by the next run. Knows neither rows nor tokenizers.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../cache-folder.js";
import { removeAbandoned, temporaryDirectory } from "../checkpoint/temporary-names.js";
import { DataError } from "../errors.js";
import { changesSince, fingerprintsOf } from "../run/fingerprints.js";
import type { Split } from "../tasks/task.js";
import type { TrainSequence } from "./batch.js";
import { type SequenceList, SequencesInFiles, SequencesInMemory, SequenceWriter } from "./sequence-list.js";

/** The two sides of a data set. */
export type SplitSequences = Readonly<Record<Split, SequenceList>>;

/** Takes the sequences of a data set as they are made. */
export type AddSequence = (side: Split, sequence: TrainSequence) => void;

/** What a data set's tokens are made of, and where they are kept. */
export interface TokenRequest {
  /** The files with the text. */
  readonly files: readonly string[];
  /** All else that decides the tokens: tokenizer, limits, names of columns. */
  readonly decidedBy: object;
  /** What a person should know. */
  readonly note: (line: string) => void;
  /** Default: `tokens` in this program's cache. */
  readonly folder?: string;
  /** Files of fewer bytes together are tokenised anew each time, in memory. */
  readonly keptFromBytes?: number;
}

/** Tokenising so much takes seconds. */
const KEPT_FROM_BYTES = 16 << 20;
/** Changes with the format of the files. */
const FORMAT = 1;
const SIDES = ["train", "heldout"] as const;
/** Written last: what the other files must hold. */
const SEAL = "sha256.json";

/**
 * The sequences that `make` adds, or those that an earlier run kept. Files that are damaged are made anew, with a note.
 * Throws what `make` throws, and DataError where the files cannot be written.
 */
export async function splitSequences(
  request: TokenRequest,
  make: (add: AddSequence) => Promise<void>,
): Promise<SplitSequences> {
  const { files, note, folder = cacheFolder("tokens"), keptFromBytes = KEPT_FROM_BYTES } = request;
  const bytes = files.reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
  if (bytes < keptFromBytes) return inMemory(make);
  const place = join(folder, fingerprint(request));
  const problem = existsSync(place) ? problemOf(place) : "missing";
  if (problem === undefined) note(`tokens taken from ${place}`);
  else {
    if (problem !== "missing") note(`the tokens in ${place} are damaged (${problem}); making them again`);
    await write(place, make);
    note(`tokens kept in ${place} for the next run`);
  }
  const [train, heldout] = SIDES.map((side) => new SequencesInFiles(join(place, side)));
  return { train, heldout };
}

async function inMemory(make: (add: AddSequence) => Promise<void>): Promise<SplitSequences> {
  const sides: Record<Split, TrainSequence[]> = { train: [], heldout: [] };
  await make((side, sequence) => sides[side].push(sequence));
  return { train: new SequencesInMemory(sides.train), heldout: new SequencesInMemory(sides.heldout) };
}

function fingerprint({ files, decidedBy }: TokenRequest): string {
  const prints = fingerprintsOf(files);
  const decided = { format: FORMAT, files: files.map((path) => prints[path]), ...decidedBy };
  return createHash("sha256").update(JSON.stringify(decided)).digest("hex").slice(0, 32);
}

/** What is wrong with kept files; undefined where nothing is. */
function problemOf(place: string): string | undefined {
  try {
    const sums = JSON.parse(readFileSync(join(place, SEAL), "utf8")) as Record<string, string>;
    const recorded = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [join(place, name), sum]));
    return changesSince(recorded)[0];
  } catch (error) {
    return (error as Error).message;
  }
}

async function write(place: string, make: (add: AddSequence) => Promise<void>): Promise<void> {
  const unfinished = temporaryDirectory(place);
  try {
    await removeAbandoned(join(place, ".."));
    mkdirSync(unfinished, { recursive: true });
    const writers = {
      train: new SequenceWriter(join(unfinished, "train")),
      heldout: new SequenceWriter(join(unfinished, "heldout")),
    };
    try {
      await make((side, sequence) => writers[side].add(sequence));
    } finally {
      for (const side of SIDES) writers[side].close();
    }
    seal(unfinished);
    rmSync(place, { recursive: true, force: true });
    renameSync(unfinished, place);
  } catch (error) {
    if (existsSync(unfinished)) rmSync(unfinished, { recursive: true, force: true });
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (!syscall) throw error;
    throw new DataError(
      `cannot write the tokens to ${place} (${code}); free some space, or set XDG_CACHE_HOME to another place`,
      { cause: error },
    );
  }
}

function seal(folder: string): void {
  const names = SIDES.flatMap((side) => [`${side}.tokens`, `${side}.spans`]);
  const prints = fingerprintsOf(names.map((name) => join(folder, name)));
  const sums = Object.fromEntries(names.map((name) => [name, prints[join(folder, name)]]));
  writeFileSync(join(folder, SEAL), JSON.stringify(sums));
}
