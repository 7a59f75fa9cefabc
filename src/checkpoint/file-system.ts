// The few file operations checkpoints are made of, as one replaceable object, and what a failed one means to a person.
// Knows nothing of tensors or of what is inside the files.
import * as nodeFs from "node:fs/promises";
import { dirname } from "node:path";
import { CheckpointError } from "../errors.js";

/** The operations used; the default is `node:fs/promises`, and a test can put a failing disk in its place. */
export type FileSystem = Pick<
  typeof nodeFs,
  "open" | "mkdir" | "rename" | "rm" | "readdir" | "readFile" | "stat" | "statfs"
>;

/** The file system of the machine. */
export const machineFileSystem: FileSystem = nodeFs;

/** The system's error code (`ENOENT`, `ENOSPC`, …) of a caught value. */
export function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

/** A size for people: `812 B`, `3.4 MB`. */
export function formatBytes(sizeBytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** Bytes an unprivileged writer may still use at `path`, or `undefined` where the system does not say. */
export async function freeBytes(path: string, fs: FileSystem = machineFileSystem): Promise<number | undefined> {
  try {
    const stats = await fs.statfs(path);
    return Number(stats.bavail) * Number(stats.bsize);
  } catch {
    return undefined;
  }
}

const MENDS: Record<string, string> = {
  ENOSPC: "free some space there, keep fewer checkpoints, or choose another place with --out",
  EDQUOT: "the disk quota is used up: free some space there or choose another place with --out",
  EFBIG: "the file system does not allow files of this size: choose another place with --out",
  EACCES: "the directory is not writable: change its permissions or choose another place with --out",
  EPERM: "the directory is not writable: change its permissions or choose another place with --out",
  EROFS: "the file system is read-only: choose another place with --out",
  EEXIST: "a file of that name already exists: remove it or choose another name",
  EMFILE: "too many files are open: raise the limit (ulimit -n)",
};

/**
 * Turns a write that the system refused into a CheckpointError that names the path, the bytes needed and free, and the
 * mend. Any other error (one of a lazy tensor's own, say) is given back as it is.
 */
export async function writeFailure(
  error: unknown,
  path: string,
  neededBytes: number,
  fs: FileSystem = machineFileSystem,
): Promise<unknown> {
  const code = errorCode(error);
  if (error instanceof CheckpointError || code === undefined) return error;
  const free = await freeBytes(dirname(path), fs);
  const room = `${formatBytes(neededBytes)} needed${free === undefined ? "" : `, ${formatBytes(free)} free`}`;
  const mend = MENDS[code] ?? "check the disk, or choose another place with --out";
  return new CheckpointError(`cannot write ${path} (${code}: ${room}); ${mend}. Earlier checkpoints are not affected`, {
    cause: error,
  });
}

/** Makes a rename or a new file in `directory` survive a power cut. Systems that cannot sync a directory are let be. */
export async function syncDirectory(directory: string, fs: FileSystem = machineFileSystem): Promise<void> {
  let handle: nodeFs.FileHandle | undefined;
  try {
    handle = await fs.open(directory, "r");
    await handle.sync();
  } catch (error) {
    if (!["EPERM", "EISDIR", "EINVAL", "ENOTSUP", "EACCES"].includes(errorCode(error) ?? "")) throw error;
  } finally {
    await handle?.close();
  }
}
