// Which files of a data set's repository hold which split. Knows names and sizes only. Splits are found as the library
// `datasets` finds them (datasets@5.0, data_files.py): by the stem of numbered parts, else by a word in the path.
import { formatOf, isDataFile } from "../data/index.js";
import { ConfigError, didYouMean } from "../errors.js";
import { quoted } from "./names.js";
import type { Named } from "./selection.js";

/** Files that belong together: one split of one configuration. */
export interface DatasetPart<F extends Named = Named> {
  /** The folders that part a repository into several data sets (`main` in `main/train-00000-of-00001.parquet`). */
  readonly configuration: string;
  readonly split: string;
  readonly files: readonly F[];
}

const NUMBERED = /^(.+)-\d{5}-of-(\d{5})\b/;
const WORDS: readonly (readonly [split: string, words: RegExp])[] = [
  ["train", wordsOf("train|training")],
  ["validation", wordsOf("validation|valid|dev|val")],
  ["test", wordsOf("test|testing|eval|evaluation")],
];
/** The split of files whose name says none, and the one that is used where none is asked for. */
export const DEFAULT_SPLIT = "train";

function wordsOf(words: string): RegExp {
  return new RegExp(`(?:^|[-._ 0-9])(?:${words})(?:[-._ 0-9]|$)`, "i");
}

const splitIn = (name: string): string | undefined => WORDS.find(([, words]) => words.test(name))?.[0];

/** The parts of a repository, in the order of their names. */
export function datasetParts<F extends Named>(files: readonly F[]): DatasetPart<F>[] {
  const parts = new Map<string, { configuration: string; split: string; files: F[] }>();
  for (const file of [...files].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    if (!isDataFile(file.path) || formatOf(file.path) === "text") continue;
    const { configuration, split } = placeOf(file.path);
    const key = `${configuration}:${split}`;
    const part = parts.get(key) ?? { configuration, split, files: [] };
    part.files.push(file);
    parts.set(key, part);
  }
  return [...parts.values()];
}

function placeOf(path: string): { configuration: string; split: string } {
  const folders = path.split("/");
  const name = folders.pop() as string;
  const stem = NUMBERED.exec(name)?.[1];
  const split = stem ?? splitIn(name) ?? [...folders].reverse().map(splitIn).find(Boolean) ?? DEFAULT_SPLIT;
  const configuration = folders.filter((folder) => folder !== "data" && !isSplitFolder(folder)).join("/");
  return { configuration, split };
}

const isSplitFolder = (folder: string): boolean => splitIn(folder) !== undefined;

const labelOf = ({ configuration, split }: DatasetPart): string =>
  configuration ? `${configuration}/${split}` : split;

/**
 * The parts that a choice names: a split (`train`), a configuration (`main`), both (`main/train`) or one file. All
 * without a choice, where there is one configuration. Throws ConfigError for none, and where it could mean several.
 */
export function chosenParts<F extends Named>(
  files: readonly F[],
  choice: string | null,
  repo: string,
): readonly DatasetPart<F>[] {
  const parts = datasetParts(files);
  if (parts.length === 0)
    throw new ConfigError(
      `${repo} has no JSONL, JSON, CSV, TSV or Parquet files; choose another data set, or select files with --include`,
    );
  const found = choice === null ? parts : partsNamed(parts, choice);
  const labels = parts.map(labelOf);
  if (found.length === 0)
    throw new ConfigError(
      `${repo} has no split ${quoted(choice)}${didYouMean(choice as string, labels)}; it has: ${labels.join(", ")}`,
    );
  const configurations = [...new Set(found.map(({ configuration }) => configuration))];
  if (configurations.length > 1)
    throw new ConfigError(
      `${repo} has several configurations; choose one, for example ${repo}:${labelOf(found[0])}; it has: ` +
        labels.join(", "),
    );
  for (const part of found) requireOneFormat(part, repo);
  return found;
}

function partsNamed<F extends Named>(parts: readonly DatasetPart<F>[], choice: string): DatasetPart<F>[] {
  const file = parts.flatMap((part) =>
    part.files.filter(({ path }) => path === choice).map((each) => ({ ...part, files: [each] })),
  );
  if (file.length > 0) return file;
  const exact = parts.filter((part) => labelOf(part) === choice);
  if (exact.length > 0) return exact;
  const ofSplit = parts.filter(({ split }) => split === choice);
  return ofSplit.length > 0 ? ofSplit : parts.filter(({ configuration }) => configuration === choice);
}

function requireOneFormat(part: DatasetPart, repo: string): void {
  const paths = new Map(part.files.map(({ path }) => [formatOf(path), path]));
  if (paths.size > 1)
    throw new ConfigError(
      `${repo} has ${labelOf(part)} in several formats; choose one file: ` +
        [...paths.values()].map((path) => `${repo}:${path}`).join(", "),
    );
}

/** The one part to read of those chosen: the only one, else `train`. Throws ConfigError where neither is there. */
export function partToRead<F extends Named>(parts: readonly DatasetPart<F>[], repo: string): DatasetPart<F> {
  const part = parts.length === 1 ? parts[0] : parts.find(({ split }) => split === DEFAULT_SPLIT);
  if (part) return part;
  throw new ConfigError(
    `${repo} has several splits; choose one: ${parts.map((each) => `${repo}:${labelOf(each)}`).join(", ")}`,
  );
}

/** How many files of a part are missing, by the numbers in their names. */
export function numMissing({ files }: DatasetPart): number {
  const totals = files.map(({ path }) => Number(NUMBERED.exec(path.slice(path.lastIndexOf("/") + 1))?.[2] ?? 0));
  return Math.max(0, Math.max(...totals) - files.length);
}
