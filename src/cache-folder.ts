// Where this program keeps what it can make again: compiled kernels, tokens of large data sets.
import { homedir } from "node:os";
import { join } from "node:path";

/** A folder in `luciole` in XDG_CACHE_HOME, else in `~/.cache`. It need not be there yet. */
export const cacheFolder = (...names: readonly string[]): string =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "luciole", ...names);
