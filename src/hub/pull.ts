// A pull from end to end: which files, what of them is there, whether the disk takes the rest, several at a time, and
// the snapshot at the end. Tells what happens through `PullEvents`; knows nothing of terminals.
import { existsSync } from "node:fs";
import { rm, statfs } from "node:fs/promises";
import { ConfigError, HubError } from "../errors.js";
import { formatSize } from "../number-text.js";
import { ownCommand, shellWord } from "../terminal/own-command.js";
import { urlPath } from "../url-path.js";
import { RepositoryCache, sizeIfThere } from "./cache.js";
import { chosenParts } from "./dataset-files.js";
import { type HubFile, readListing } from "./listing.js";
import { whileLocked } from "./lock.js";
import { formatModelName, isSafePath, quoted, type RepositoryKind, type RepositoryName } from "./names.js";
import type { RetryPlan } from "./patience.js";
import { addressOf, Unreachable } from "./refusals.js";
import { HubRequests } from "./requests.js";
import { defaultFiles, type GgufChoice, ggufChoices, ggufOf, matchingFiles, type Named } from "./selection.js";
import type { HubSettings } from "./settings.js";
import { missingFiles, readSnapshot, wholeGgufs } from "./snapshot.js";
import { bringBlob, digestOf } from "./transfer.js";

/** What is asked for. */
export interface PullRequest {
  readonly kind: RepositoryKind;
  readonly name: RepositoryName;
  /** Patterns in place of the files a model is loaded from, or a data set consists of. */
  readonly include: readonly string[];
  /** Also compare what is there with its checksums. */
  readonly verify: boolean;
}

/** What is told on the way. */
export interface PullEvents {
  /** The files of the pull, with what of each is there already. */
  begin(files: readonly { readonly path: string; readonly sizeBytes: number; readonly receivedBytes: number }[]): void;
  /** How much of a file is there now. */
  received(path: string, receivedBytes: number): void;
  /** A file is whole, and its checksum right. */
  whole(path: string): void;
  /** What a person should know. */
  note(line: string): void;
}

/** With what, and how long. */
export interface PullOptions {
  readonly settings: HubSettings;
  readonly signal: AbortSignal;
  readonly events: PullEvents;
  readonly retries?: RetryPlan;
}

/** What is in the cache after a pull. */
export interface Pulled {
  readonly kind: "pulled";
  readonly repo: string;
  readonly revision: string;
  readonly commit: string;
  /** The snapshot's folder. */
  readonly folder: string;
  /** `fetched` holds for a file of which anything had to be brought. */
  readonly files: readonly (Named & { readonly fetched: boolean })[];
  readonly fetchedBytes: number;
}

/** A repository of GGUF files none of which was named. */
export interface ToChoose {
  readonly kind: "choose";
  readonly repo: string;
  readonly choices: readonly GgufChoice[];
}

const DEFAULT_REVISION = "main";
/** More connections than a few bring no more, and are unkind. */
const AT_ONCE = 4;
/** Reading so much takes long enough to be told. */
const LONG_TO_READ_BYTES = 1e9;

/**
 * Brings the files asked for into the cache, or finds them there when offline. What has come stays, whatever happens:
 * the next pull goes on. Throws ConfigError for what cannot be meant, HubError for what the hub, the network or the
 * disk refuses, the signal's reason when stopped.
 */
export async function pull(request: PullRequest, options: PullOptions): Promise<Pulled | ToChoose> {
  const { repo } = request.name;
  const cache = new RepositoryCache(options.settings.cacheFolder, repo, request.kind);
  if (options.settings.isOffline) return fromCache(request, cache);
  try {
    return await fromHub(request, cache, options);
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason;
    throw error instanceof Unreachable ? withCache(error, request, cache) : diskFailure(error, cache.cacheFolder);
  }
}

async function fromHub(request: PullRequest, cache: RepositoryCache, options: PullOptions): Promise<Pulled | ToChoose> {
  const { settings, signal, events } = options;
  const { repo } = request.name;
  const revision = request.name.revision ?? DEFAULT_REVISION;
  const asked = { settings, kind: request.kind, repo, revision };
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const requests = new HubRequests(asked, { signal: both, note: events.note, retries: options.retries });
  const { commit, files } = await readListing(asked, requests);
  const selection = select(request, files);
  if (!Array.isArray(selection)) return selection;
  const plan = await compare(selection, commit, cache, request.verify, options);
  const urlOf = (path: string) => `${addressOf(asked)}/resolve/${commit}/${urlPath(path)}`;
  const bringOne = (planned: Planned) =>
    bring(planned, { cache, commit, requests, events, signal: both, url: urlOf(planned.file.path) });
  // A cache that may not be written to serves as long as nothing is missing in it.
  if (!isComplete(plan, commit, cache)) {
    await whileLocked(cache.lockFile, async () => {
      await cache.make();
      events.begin(
        plan.map(({ file, partialBytes, isThere }) => ({
          ...file,
          receivedBytes: isThere ? file.sizeBytes : partialBytes,
        })),
      );
      await refuseWithoutRoom(plan, cache.cacheFolder);
      await inParallel(plan, stop, bringOne);
    });
  }
  await cache.writeRef(revision, commit);
  const fetchedBytes = plan.reduce((sum, each) => sum + missingBytes(each), 0);
  const pulled = plan.flatMap(({ file, twins, isThere }) =>
    [file, ...twins].map(({ path, sizeBytes }) => ({ path, sizeBytes, fetched: !isThere })),
  );
  return { kind: "pulled", repo, revision, commit, folder: cache.snapshot(commit), files: pulled, fetchedBytes };
}

/** The files to have, or the GGUF models to choose from. */
function select<F extends Named>(request: PullRequest, files: readonly F[]): F[] | ToChoose {
  const selection = askedFor(request, files);
  for (const { path } of Array.isArray(selection) ? selection : []) {
    if (!isSafePath(path))
      throw new HubError(
        `${request.name.repo} has a file with an unsafe name: ${quoted(path)}; choose other files with --include`,
      );
  }
  return selection;
}

function askedFor<F extends Named>({ kind, name, include }: PullRequest, files: readonly F[]): F[] | ToChoose {
  const { repo, choice } = name;
  if (choice !== null && include.length > 0) throw new ConfigError(`use either :${choice} or --include, not both`);
  if (kind === "dataset" && include.length === 0) return chosenParts(files, choice, repo).flatMap((part) => part.files);
  if (choice !== null) return [...ggufOf(ggufChoices(files), choice, repo).files];
  if (include.length > 0) return matchingFiles(files, include);
  const model = defaultFiles(files);
  if (model.length > 0) return model;
  const choices = ggufChoices(files);
  if (choices.length === 1) return [...choices[0].files];
  if (choices.length > 1) return { kind: "choose", repo, choices };
  const others = files.filter(({ path }) => /\.(bin|pth|pt|h5|onnx|msgpack|ckpt)$/.test(path)).map(({ path }) => path);
  const has = others.length > 0 ? `, only ${others.slice(0, 3).join(", ")}` : "";
  throw new ConfigError(
    `${repo} has no safetensors and no GGUF files${has}; choose another repository, or select files with --include`,
  );
}

/** One file of a pull, and what of it is there. */
interface Planned {
  readonly file: HubFile;
  readonly isThere: boolean;
  readonly partialBytes: number;
  /** Other names of the same content: one blob, fetched once. */
  readonly twins: readonly HubFile[];
}

const missingBytes = ({ file, isThere, partialBytes }: Planned): number =>
  isThere ? 0 : file.sizeBytes - partialBytes;

/** Small files first: a model's configuration is there soon. Each blob stands once. */
async function compare(
  files: readonly HubFile[],
  commit: string,
  cache: RepositoryCache,
  verify: boolean,
  options: PullOptions,
): Promise<Planned[]> {
  const byOid = new Map<string, HubFile[]>();
  for (const file of [...files].sort((a, b) => a.sizeBytes - b.sizeBytes))
    byOid.set(file.oid, [...(byOid.get(file.oid) ?? []), file]);
  const planned: Planned[] = [];
  for (const [file, ...twins] of byOid.values()) {
    const isThere = await isWhole(file, commit, cache, verify, options);
    const partialBytes = isThere ? 0 : ((await sizeIfThere(cache.incomplete(file.oid))) ?? 0);
    planned.push({ file, twins, isThere, partialBytes: partialBytes > file.sizeBytes ? 0 : partialBytes });
  }
  return planned;
}

const isComplete = (plan: readonly Planned[], commit: string, cache: RepositoryCache): boolean =>
  plan.every(
    ({ file, twins, isThere }) =>
      isThere && [file, ...twins].every(({ path }) => existsSync(cache.pointer(commit, path))),
  );

/** Looks at the snapshot and at the blob; what has another size or, with `verify`, another checksum is removed. */
async function isWhole(
  file: HubFile,
  commit: string,
  cache: RepositoryCache,
  verify: boolean,
  { events, signal }: PullOptions,
): Promise<boolean> {
  for (const path of [cache.pointer(commit, file.path), cache.blob(file.oid)]) {
    const sizeBytes = await sizeIfThere(path);
    if (sizeBytes === null) continue;
    if (verify && sizeBytes >= LONG_TO_READ_BYTES)
      events.note(`${file.path}: verifying the checksum of ${formatSize(sizeBytes)}`);
    const isDamaged = sizeBytes !== file.sizeBytes || (verify && (await digestOf(path, file, signal)) !== file.oid);
    if (!isDamaged) return true;
    events.note(
      `${file.path}: the file in the cache is damaged ` +
        `(${sizeBytes === file.sizeBytes ? "checksum" : `${sizeBytes} of ${file.sizeBytes} bytes`}); removed`,
    );
    await rm(path, { force: true });
    await rm(cache.blob(file.oid), { force: true });
  }
  return false;
}

async function refuseWithoutRoom(plan: readonly Planned[], folder: string): Promise<void> {
  const needed = plan.reduce((sum, each) => sum + missingBytes(each), 0);
  const free = await freeBytes(folder);
  if (free === null || needed <= free) return;
  throw new HubError(
    `${formatSize(needed)} needed in ${folder}, but only ${formatSize(free)} free; free some space, or ` +
      "set HF_HOME to another place",
  );
}

async function freeBytes(folder: string): Promise<number | null> {
  try {
    const stats = await statfs(folder);
    return stats.bavail * stats.bsize;
  } catch {
    return null;
  }
}

interface Bringing {
  readonly cache: RepositoryCache;
  readonly commit: string;
  readonly requests: HubRequests;
  readonly events: PullEvents;
  readonly signal: AbortSignal;
  readonly url: string;
}

async function bring(
  { file, isThere, partialBytes, twins }: Planned,
  { commit, events, ...means }: Bringing,
): Promise<void> {
  const { path, oid } = file;
  const { cache } = means;
  if (partialBytes >= LONG_TO_READ_BYTES)
    events.note(`${path}: reading the ${formatSize(partialBytes)} already downloaded`);
  if (!isThere)
    await bringBlob({ ...means, file, note: events.note, onProgress: (bytes) => events.received(path, bytes) });
  for (const each of [file, ...twins]) {
    if (!existsSync(cache.pointer(commit, each.path))) await cache.link(commit, each.path, oid);
  }
  events.whole(path);
}

/**
 * Runs a few at once. The first failure stops the others, which keep what they have, and is thrown when they have
 * ended.
 */
async function inParallel<T>(
  items: readonly T[],
  stop: AbortController,
  body: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const failures: unknown[] = [];
  const fail = (error: unknown) => {
    failures.push(error);
    stop.abort();
  };
  const worker = async () => {
    while (waiting.length > 0 && failures.length === 0) await body(waiting.shift() as T).catch(fail);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (failures.length > 0) throw failures[0];
}

function fromCache(request: PullRequest, cache: RepositoryCache): Pulled | ToChoose {
  const { repo } = request.name;
  const revision = request.name.revision ?? DEFAULT_REVISION;
  const again = `unset HF_HUB_OFFLINE to pull ${formatModelName(request.name)}`;
  const commit = cache.commitOf(revision);
  if (commit === null)
    throw new HubError(
      `${repo} is not in the cache at revision ${revision} (${cache.cacheFolder}) and HF_HUB_OFFLINE is set; ${again}`,
    );
  const snapshot = readSnapshot(cache, commit);
  const { choice } = request.name;
  const isModel =
    request.kind === "model" && request.include.length === 0 && choice === null && wholeGgufs(snapshot).length === 0;
  const missing = isModel ? missingFiles(snapshot) : [];
  if (missing.length > 0)
    throw new HubError(`${repo} is in the cache without ${missing.join(", ")} and HF_HUB_OFFLINE is set; ${again}`);
  const selection = select(request, snapshot.files);
  if (!Array.isArray(selection)) return selection;
  const files = selection.map(({ path, sizeBytes }) => ({ path, sizeBytes, fetched: false }));
  return { kind: "pulled", repo, revision, commit, folder: snapshot.folder, files, fetchedBytes: 0 };
}

/** Without a network, what is there still serves. */
function withCache(error: Unreachable, { kind, name }: PullRequest, cache: RepositoryCache): HubError {
  if (cache.commitOf(name.revision ?? DEFAULT_REVISION) === null) return error;
  const use = kind === "dataset" ? "--data" : `${ownCommand()} run`;
  return new HubError(
    `${error.message}. The ${kind === "dataset" ? "data set" : "model"} pulled earlier can be used: ${use} ` +
      shellWord(formatModelName(name)),
    { cause: error },
  );
}

const DISK_MENDS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full: free some space, or set HF_HOME to another place",
  EDQUOT: "the disk quota is used up: free some space, or set HF_HOME to another place",
  EFBIG: "the file system does not allow files of this size: set HF_HOME to another place",
  EACCES: "it is not writable: change its permissions, or set HF_HOME to another place",
  EPERM: "it is not writable: change its permissions, or set HF_HOME to another place",
  EROFS: "the file system is read-only: set HF_HOME to another place",
  ENOTDIR: "there is a file where a folder should be: remove it, or set HF_HOME to another place",
};

function diskFailure(error: unknown, folder: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? "";
  return DISK_MENDS[code]
    ? new HubError(`cannot write ${folder} (${code}): ${DISK_MENDS[code]}; everything received so far is kept`, {
        cause: error,
      })
    : error;
}
