// The bytes of a file, piece by piece and unpacked (.gz, .zst), so that a file of any size can be read. Knows no rows.
import { createReadStream, statSync } from "node:fs";
import { createGunzip } from "node:zlib";
import { Decompress } from "fzstd";
import { DataError } from "../errors.js";
import { fileProblem } from "../foreign-file.js";

const PIECE_BYTES = 1 << 20;

/** Throws DataError, naming the file, where it cannot be read or is no regular file. */
export function requireReadable(path: string): void {
  let problem: string | undefined;
  try {
    problem = fileProblem(statSync(path));
  } catch (error) {
    problem = (error as Error).message;
  }
  if (problem !== undefined) throw unreadable(path, problem);
}

/** The one way to say that a file cannot be read. */
export const unreadable = (path: string, problem: string, cause?: unknown): DataError =>
  new DataError(`cannot read data set ${path}: ${problem}`, { cause });

/** The unpacked bytes of a file. Throws DataError, naming the file, where it cannot be read or is damaged. */
export async function* piecesOf(path: string): AsyncGenerator<Buffer> {
  requireReadable(path);
  const file = createReadStream(path, { highWaterMark: PIECE_BYTES });
  try {
    if (/\.gz$/i.test(path)) yield* unzipped(file);
    else if (/\.zstd?$/i.test(path)) yield* unpackedZstd(file);
    else yield* file as AsyncIterable<Buffer>;
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw unreadable(path, reasonOf(error), error);
  } finally {
    file.destroy();
  }
}

async function* unzipped(file: NodeJS.ReadableStream): AsyncGenerator<Buffer> {
  const unpacker = createGunzip({ chunkSize: PIECE_BYTES });
  file.on("error", (error) => unpacker.destroy(error as Error)).pipe(unpacker);
  yield* unpacker as AsyncIterable<Buffer>;
}

async function* unpackedZstd(file: NodeJS.ReadableStream): AsyncGenerator<Buffer> {
  let ready: Buffer[] = [];
  const unpacker = new Decompress((bytes) => ready.push(Buffer.from(bytes)));
  const take = () => ready.splice(0).filter(({ length }) => length > 0);
  for await (const piece of file as AsyncIterable<Buffer>) {
    unpacker.push(piece);
    yield* take();
  }
  unpacker.push(new Uint8Array(0), true);
  yield* take();
  ready = [];
}

function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: string };
  if (code === "Z_BUF_ERROR") return "the file ends too early; it may be truncated";
  return `${message ?? error}`;
}
