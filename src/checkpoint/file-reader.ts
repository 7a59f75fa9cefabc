// Reading parts of a file, and what a read that failed means to a person. Knows no format.
import type { FileHandle } from "node:fs/promises";
import { CheckpointError } from "../errors.js";
import { fileProblem, MAX_TEXT_BYTES } from "../foreign-file.js";
import { errorCode, type FileSystem } from "./file-system.js";

/** Exactly `length` bytes from `start`, in a fresh buffer. Throws CheckpointError when the file ends before. */
export async function readExactly(
  handle: FileHandle,
  start: number,
  length: number,
  path: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    // One read call moves at most 2 GiB, so large tensors take several.
    const { bytesRead } = await handle.read(bytes, done, Math.min(length - done, 1 << 30), start + done);
    if (bytesRead === 0)
      throw new CheckpointError(
        `${path}: expected ${length} bytes at ${start}, got ${done}: the file was truncated while being read`,
      );
    done += bytesRead;
  }
  return bytes;
}

/**
 * Opens a file to read. Throws CheckpointError for one that is not regular, and what the system says where it cannot be
 * opened.
 */
export async function openRegular(path: string, fs: FileSystem): Promise<FileHandle> {
  const problem = fileProblem(await fs.stat(path));
  if (problem) throw new CheckpointError(`${path}: ${problem}`);
  return fs.open(path, "r");
}

/**
 * The bytes of a text file. Throws as `openRegular` does, and CheckpointError for one that is larger than any text of a
 * model.
 */
export async function readText(path: string, fs: FileSystem): Promise<Uint8Array> {
  const problem = fileProblem(await fs.stat(path), MAX_TEXT_BYTES);
  if (problem) throw new CheckpointError(`${path}: ${problem}`);
  return fs.readFile(path);
}

/** Whether something is at `path`. */
export async function exists(path: string, fs: FileSystem): Promise<boolean> {
  return fs.stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Turns a failed read into a CheckpointError that names the path; any other error is given back as it is. `format`:
 * what was expected there.
 */
export function readFailure(error: unknown, path: string, format: string): unknown {
  if (errorCode(error) === "ENOENT")
    return new CheckpointError(`${path}: expected a ${format} file, found none`, { cause: error });
  if (errorCode(error) !== undefined)
    return new CheckpointError(`${path}: cannot be read (${errorCode(error)})`, { cause: error });
  return error;
}
