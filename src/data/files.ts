// Which files a person means by a path, a folder or a pattern, and which format each has by the ending of its name.
// Opens no file.
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { globSync, isDynamicPattern } from "tinyglobby";
import { ConfigError, DataError } from "../errors.js";

/** `lines`: one JSON object per line; `json`: a list of objects; `text`: the whole file is one text. */
export type DataFormat = "lines" | "json" | "csv" | "tsv" | "parquet" | "text";

const ENDINGS: Readonly<Record<string, DataFormat>> = {
  jsonl: "lines",
  ndjson: "lines",
  json: "json",
  csv: "csv",
  tsv: "tsv",
  parquet: "parquet",
  txt: "text",
  md: "text",
};
const PACKED = /\.(gz|zst|zstd)$/i;

/** What the files of a data set may be called, for messages. */
export const DATA_ENDINGS = ".jsonl, .ndjson, .json, .csv, .tsv or .txt (also with .gz or .zst behind it), or .parquet";

/** The format that a file's name tells; undefined for other names. */
export function formatOf(path: string): DataFormat | undefined {
  const name = path.replace(PACKED, "");
  const ending = /\.([a-z]+)$/i.exec(name)?.[1].toLowerCase() ?? "";
  const format = Object.hasOwn(ENDINGS, ending) ? ENDINGS[ending] : undefined;
  // Parquet compresses inside, by column; a packed one could not be read in parts.
  return format === "parquet" && name !== path ? undefined : format;
}

/** Describe a data set rather than being one: for people, and as the library `datasets` writes them. */
const BESIDE_DATA = /^(readme|license)(\.\w+)?$|^(dataset_infos?|dataset_dict|state)\.json$|^\./i;

/** Whether a file found in a folder is one of a data set's, by its name. */
export function isDataFile(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return formatOf(name) !== undefined && !BESIDE_DATA.test(name);
}

/** Whether `spec` names something on this machine: a file, a folder or a pattern that files match. */
export const namesFiles = (spec: string): boolean =>
  existsSync(spec) || (isDynamicPattern(spec) && matches(spec).length > 0);

/**
 * The files that `spec` names, absolute and in the order of their names: a file as it is, the data files of a folder
 * and of the folders in it, or those that a pattern (`data/*.parquet`, `**` for any folder) matches. Throws ConfigError
 * for none, and for a folder with files of several formats.
 */
export function findDataFiles(spec: string): string[] {
  if (!existsSync(spec)) {
    const found = isDynamicPattern(spec) ? matches(spec) : [];
    if (found.length > 0) return found;
    throw new ConfigError(
      isDynamicPattern(spec)
        ? `${spec}: no file matches this pattern; expected data files (${DATA_ENDINGS})`
        : `${spec}: no such file or folder; expected data (${DATA_ENDINGS}), or a pulled data set (org/name)`,
    );
  }
  return statSync(spec).isDirectory() ? filesIn(spec) : [resolve(spec)];
}

const matches = (pattern: string): string[] =>
  globSync(pattern, { absolute: true, onlyFiles: true, expandDirectories: false }).sort();

function filesIn(folder: string): string[] {
  const found = globSync("**/*", { cwd: folder, absolute: true, onlyFiles: true }).filter(isDataFile).sort();
  if (found.length === 0) throw new ConfigError(`${folder}: no data files in this folder; expected ${DATA_ENDINGS}`);
  const formats = [...new Set(found.map(formatOf))];
  if (formats.length > 1)
    throw new ConfigError(
      `${folder}: files of several formats (${formats.join(", ")}); choose one with a pattern, for example ` +
        `"${folder.replace(/\/+$/, "")}/**/*.${found[0].split(".").at(-1)}"`,
    );
  return found;
}

/** The format of a file whose rows are to be read. Throws DataError for a name that tells none. */
export function requireFormat(path: string): DataFormat {
  const format = formatOf(path);
  if (format) return format;
  throw new DataError(`${path}: the name tells no format; expected ${DATA_ENDINGS}`);
}
