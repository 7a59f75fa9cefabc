// Brings one file into the cache: goes on with what has come before, and lets it in only under the checksum it is known
// by. Knows one file; which ones, and where from, is said to it.
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { HubError } from "../errors.js";
import type { RepositoryCache } from "./cache.js";
import type { HubFile } from "./listing.js";
import { TemporaryFailure } from "./patience.js";
import type { Answer, HubRequests } from "./requests.js";

/** One file to bring. */
export interface Transfer {
  readonly file: HubFile;
  readonly url: string;
  readonly cache: RepositoryCache;
  readonly requests: HubRequests;
  readonly signal: AbortSignal;
  /** Is told how many bytes of the file are there. */
  readonly onProgress: (receivedBytes: number) => void;
  readonly note: (line: string) => void;
}

/**
 * Makes the file's blob whole. A file that does not match its checksum is removed and, if its first part lay here
 * before, brought anew. Throws HubError.
 */
export async function bringBlob(transfer: Transfer): Promise<void> {
  const { file, cache, note } = transfer;
  const partial = cache.incomplete(file.oid);
  for (;;) {
    const { digest, resumedBytes } = await receive(transfer, partial);
    if (digest === file.oid) break;
    await rm(partial, { force: true });
    const what = `${file.path}: expected the checksum ${file.oid}, got ${digest}; the damaged file was removed`;
    if (resumedBytes === 0) throw new HubError(`${what}; pull again, or use another mirror (HF_ENDPOINT)`);
    note(`${what} and is downloaded again`);
  }
  await rename(partial, cache.blob(file.oid));
}

/** The checksum of a whole file as the hub would give it. */
export async function digestOf(path: string, file: HubFile, signal: AbortSignal): Promise<string> {
  const hash = startHash(file);
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES, signal })) hash.update(chunk);
  return hash.digest("hex");
}

const READ_BYTES = 4 * 2 ** 20;

/** Git hashes a blob with its size before it. */
function startHash({ oid, sizeBytes }: HubFile): Hash {
  return oid.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${sizeBytes}\0`);
}

async function receive(transfer: Transfer, path: string): Promise<{ digest: string; resumedBytes: number }> {
  const arrival = await Arrival.open(path, transfer);
  try {
    const resumedBytes = arrival.bytes;
    await fill(arrival, transfer);
    return { digest: await arrival.finish(), resumedBytes };
  } finally {
    await arrival.close();
  }
}

async function fill(arrival: Arrival, { file, url, requests, onProgress }: Transfer): Promise<void> {
  const patience = requests.patience();
  // A server that always begins at the front makes no progress until it is past what was there.
  let furthest = arrival.bytes;
  onProgress(arrival.bytes);
  while (arrival.bytes < file.sizeBytes) {
    try {
      const answer = await requests.open(
        url,
        new Headers(arrival.bytes > 0 ? { range: `bytes=${arrival.bytes}-` } : {}),
      );
      await agree(answer, arrival, file);
      for await (const chunk of answer.chunks()) {
        await arrival.add(chunk);
        onProgress(arrival.bytes);
        if (arrival.bytes > furthest) patience.renew();
        furthest = Math.max(furthest, arrival.bytes);
      }
      if (arrival.bytes < file.sizeBytes)
        throw new TemporaryFailure(
          `${file.path}: the connection ended after ${arrival.bytes} of ${file.sizeBytes} bytes`,
        );
    } catch (error) {
      await patience.after(error);
    }
  }
}

/** Makes file and answer begin at the same byte. */
async function agree(answer: Answer, arrival: Arrival, file: HubFile): Promise<void> {
  const range = answer.headers.get("content-range");
  const startsAt = answer.status === 206 ? Number(/^bytes (\d+)-/.exec(range ?? "")?.[1]) : 0;
  if (startsAt !== arrival.bytes && startsAt !== 0)
    throw unfit(answer, `${file.path}: requested the rest from byte ${arrival.bytes}, got ${range ?? "no range"}`);
  const length = answer.headers.has("content-encoding") ? null : answer.headers.get("content-length");
  const total = startsAt + Number(length);
  if (length !== null && total !== file.sizeBytes)
    throw unfit(answer, `${file.path}: the hub lists ${file.sizeBytes} bytes but sends ${total}`);
  if (startsAt !== arrival.bytes) await arrival.restart();
}

function unfit(answer: Answer, what: string): HubError {
  answer.drop();
  return new HubError(`${what}; try again later, or use another mirror (HF_ENDPOINT)`);
}

/** A file on its way: what is there is hashed as it comes, so that nothing is read twice. */
class Arrival {
  bytes = 0;
  private hash: Hash;

  private constructor(
    private readonly handle: FileHandle,
    private readonly file: HubFile,
  ) {
    this.hash = startHash(file);
  }

  /** Opens or makes the file and takes in what it holds; more than it can be is no part of it. */
  static async open(path: string, { file, signal }: Transfer): Promise<Arrival> {
    const handle = await open(path, "a+").then(async (made) => {
      await made.close();
      return open(path, "r+");
    });
    const arrival = new Arrival(handle, file);
    try {
      if ((await handle.stat()).size > file.sizeBytes) await handle.truncate(0);
      const buffer = Buffer.allocUnsafe(READ_BYTES);
      for (;;) {
        signal.throwIfAborted();
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, arrival.bytes);
        if (bytesRead === 0) return arrival;
        arrival.hash.update(buffer.subarray(0, bytesRead));
        arrival.bytes += bytesRead;
      }
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async add(chunk: Uint8Array): Promise<void> {
    if (this.bytes + chunk.length > this.file.sizeBytes)
      throw new HubError(`${this.file.path}: received more than its ${this.file.sizeBytes} bytes; try again later`);
    for (let start = 0; start < chunk.length; ) {
      const { bytesWritten } = await this.handle.write(chunk, start, chunk.length - start, this.bytes + start);
      start += bytesWritten;
    }
    this.hash.update(chunk);
    this.bytes += chunk.length;
  }

  async restart(): Promise<void> {
    await this.handle.truncate(0);
    this.hash = startHash(this.file);
    this.bytes = 0;
  }

  /** The bytes are on the disk when the checksum is known. */
  async finish(): Promise<string> {
    await this.handle.datasync();
    return this.hash.digest("hex");
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}
