// From what a person calls their data to its files: paths, folders and patterns, or a pulled data set by its name.
import { findDataFiles, namesFiles } from "../data/index.js";
import { resolveDataset } from "../hub/resolve-dataset.js";

/**
 * The files of all that is named, in order: files, folders and patterns on this machine, and pulled data sets
 * (`org/name`, `org/name:split`). Throws ConfigError for what is neither.
 */
export const dataFiles = (names: readonly string[]): string[] =>
  names.flatMap((name) => (namesFiles(name) ? findDataFiles(name) : (resolveDataset(name) ?? findDataFiles(name))));
