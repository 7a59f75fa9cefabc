// Rows of Parquet files, one row group at a time. The format is hyparquet's; here are the reading of a local file and
// values as JSON would have them. Knows nothing of what the columns mean.
import { type FileHandle, open } from "node:fs/promises";
import { type AsyncBuffer, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { DataError } from "../errors.js";
import { requireReadable, unreadable } from "./bytes.js";
import type { PlacedRow, Row } from "./row.js";

/**
 * The rows of a file, in memory a row group at a time. Values are plain: lists and objects for nested columns, null for
 * nothing, numbers for integers that a number holds exactly (else their digits), ISO texts for times. Throws DataError
 * naming the file.
 */
export async function* rowsOfParquet(path: string): AsyncGenerator<PlacedRow> {
  requireReadable(path);
  const handle = await open(path).catch((error: Error) => {
    throw unreadable(path, error.message, error);
  });
  try {
    const file = await bufferOf(handle);
    const metadata = await readable(path, () => parquetMetadataAsync(file));
    let rowStart = 0;
    for (const { num_rows } of metadata.row_groups) {
      const rowEnd = rowStart + Number(num_rows);
      const rows = await readable(path, () => parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd }));
      for (const [i, row] of rows.entries()) yield { row: plainRow(row), where: `${path}: row ${rowStart + i + 1}` };
      rowStart = rowEnd;
    }
  } finally {
    await handle.close();
  }
}

async function bufferOf(handle: FileHandle): Promise<AsyncBuffer> {
  const { size } = await handle.stat();
  return {
    byteLength: size,
    async slice(start, end = size) {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, size) - start));
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, start + at);
        if (bytesRead === 0) throw new Error("the file ends too early");
        at += bytesRead;
      }
      return bytes.buffer;
    },
  };
}

/** The library's errors say what is wrong with the bytes, not with which file. */
async function readable<T>(path: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw new DataError(`${path}: not a Parquet file that can be read (${(error as Error).message})`, { cause: error });
  }
}

const plainRow = (row: Record<string, unknown>): Row =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)]));

function plain(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : `${value}`;
  if (typeof value !== "object") return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, plain);
  return plainRow(value as Record<string, unknown>);
}
