// Append-only files of one JSON object per line: a line is written whole or not at all, and a torn end is dropped on
// opening. Knows nothing of what the lines mean.
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { CheckpointError, DataError } from "../errors.js";

const NEWLINE = 0x0a;

/**
 * A log being appended to. Writes are synchronous: one system call per line, so that lines of a killed process are
 * whole.
 */
export class JsonLinesWriter {
  private writtenBytes: number;

  private constructor(
    private readonly path: string,
    private readonly descriptor: number,
  ) {
    this.writtenBytes = fstatSync(descriptor).size;
  }

  /** Opens or creates `path` and cuts it back to at most `keepBytes`, and to the end of its last whole line. */
  static open(path: string, keepBytes = Number.POSITIVE_INFINITY): JsonLinesWriter {
    const descriptor = openSync(path, "a+");
    const size = Math.min(fstatSync(descriptor).size, keepBytes);
    ftruncateSync(descriptor, endOfLastLine(descriptor, size));
    return new JsonLinesWriter(path, descriptor);
  }

  /** Appends one line. Throws CheckpointError when the system refuses; the log then ends where it ended before. */
  append(record: object): void {
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    try {
      const written = writeSync(this.descriptor, line);
      if (written !== line.length) throw Object.assign(new Error("short write"), { code: "ENOSPC" });
      this.writtenBytes += line.length;
      this.refuseIfRemoved();
    } catch (error) {
      if (error instanceof CheckpointError) throw error;
      ftruncateSync(this.descriptor, this.writtenBytes);
      const code = (error as NodeJS.ErrnoException).code;
      throw new CheckpointError(
        `cannot append ${line.length} bytes to ${this.path} (${code}); free some space there, then continue ` +
          "with --resume",
        {
          cause: error,
        },
      );
    }
  }

  /** The system goes on taking lines for a file that has no name left: they would be lost without a word. */
  private refuseIfRemoved(): void {
    if (fstatSync(this.descriptor).nlink > 0) return;
    throw new CheckpointError(`${this.path} was removed during the run: its log is lost; start again in another place`);
  }

  /** Bytes written so far. */
  get sizeBytes(): number {
    return this.writtenBytes;
  }

  /** Makes the lines written so far survive a power cut. */
  sync(): void {
    fsyncSync(this.descriptor);
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

/**
 * Reads a log. A torn last line (the writer may be at work) is left out; any other malformed line is a DataError naming
 * it.
 */
export function readJsonLines<T>(path: string): T[] {
  const lines = readFileSync(path, "utf8").split("\n");
  lines.pop();
  return lines.flatMap((line, index) => {
    if (line.trim() === "") return [];
    try {
      return [JSON.parse(line) as T];
    } catch (error) {
      throw new DataError(
        `${path}:${index + 1}: expected one JSON object per line, got ${(error as Error).message}; fix or ` +
          "remove the line",
        {
          cause: error,
        },
      );
    }
  });
}

function endOfLastLine(descriptor: number, size: number): number {
  const buffer = Buffer.alloc(64 * 1024);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - buffer.length);
    readSync(descriptor, buffer, 0, end - start, start);
    const newline = buffer.subarray(0, end - start).lastIndexOf(NEWLINE);
    if (newline >= 0) return start + newline + 1;
    end = start;
  }
  return 0;
}
