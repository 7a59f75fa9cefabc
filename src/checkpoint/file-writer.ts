// Writes one file from front to back, counts and hashes its bytes on the way, and syncs it before it closes.
// Knows nothing of formats: callers bring the bytes.
import { createHash, type Hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { openRegular } from "./file-reader.js";
import { type FileSystem, machineFileSystem } from "./file-system.js";

/** What a finished file is checked against later. */
export interface FileDigest {
  sha256: string;
  sizeBytes: number;
}

// Large enough to keep system calls rare, small enough that a failing disk is noticed early.
const CHUNK_BYTES = 4 * 1024 * 1024;

/** A file being written. Either `finish` or `abort` must be called. The file must not exist before. */
export class FileWriter {
  private readonly hash: Hash = createHash("sha256");
  private sizeBytes = 0;

  private constructor(private readonly handle: FileHandle) {}

  /** Creates `path`; fails with `EEXIST` when it is already there. */
  static async create(path: string, fs: FileSystem = machineFileSystem): Promise<FileWriter> {
    return new FileWriter(await fs.open(path, "wx"));
  }

  /** Appends all of `bytes`, in chunks and through short writes. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length; ) {
      const chunk = bytes.subarray(start, start + CHUNK_BYTES);
      const { bytesWritten } = await this.handle.write(chunk, 0, chunk.length, null);
      this.hash.update(chunk.subarray(0, bytesWritten));
      start += bytesWritten;
      this.sizeBytes += bytesWritten;
    }
  }

  /** Syncs and closes the file; gives its SHA-256 and size. */
  async finish(): Promise<FileDigest> {
    try {
      await this.handle.sync();
    } finally {
      await this.handle.close();
    }
    return { sha256: this.hash.digest("hex"), sizeBytes: this.sizeBytes };
  }

  /** Closes an unfinished file, whatever state it is in; its remains are the caller's to remove. */
  async abort(): Promise<void> {
    await this.handle.close().catch(() => {});
  }
}

/** Runs `body` with a new file and finishes it; closes it and lets the error through when `body` fails. */
export async function writeFileWith(
  path: string,
  body: (writer: FileWriter) => Promise<void>,
  fs: FileSystem = machineFileSystem,
): Promise<FileDigest> {
  const writer = await FileWriter.create(path, fs);
  try {
    await body(writer);
  } catch (error) {
    await writer.abort();
    throw error;
  }
  return writer.finish();
}

/** SHA-256 and size of an existing file, read in chunks. */
export async function digestFile(path: string, fs: FileSystem = machineFileSystem): Promise<FileDigest> {
  const handle = await openRegular(path, fs);
  try {
    const hash = createHash("sha256");
    const buffer = new Uint8Array(CHUNK_BYTES);
    let sizeBytes = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, sizeBytes);
      if (bytesRead === 0) return { sha256: hash.digest("hex"), sizeBytes };
      hash.update(buffer.subarray(0, bytesRead));
      sizeBytes += bytesRead;
    }
  } finally {
    await handle.close();
  }
}
