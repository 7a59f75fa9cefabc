// A hub on this machine: model info, tree, resolve with its headers and redirects, a CDN on another port, ranges, and
// every fault a test asks for. The protocol as huggingface_hub@2.4.0 and @huggingface/hub@2.17 speak it. Writes down
// each request.
import { createHash } from "node:crypto";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

/** A request that came, and what was answered. */
export interface Seen {
  readonly server: "hub" | "cdn";
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  status: number;
  sentBytes: number;
}

/** What goes wrong with the next `times` requests (default: 1) whose path matches. */
export interface Fault {
  readonly path: RegExp;
  times?: number;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection ends, or falls silent, after so many bytes of the body. */
  readonly cutAfter?: number;
  readonly stallAfter?: number;
  /** Sends these bytes in place of its own. */
  readonly content?: Buffer;
  readonly ignoresRange?: boolean;
}

/** A repository, that of a data set under `datasets/org/name`: its commits' files, and what its branches stand for. */
export interface Repository {
  readonly files: Files;
  readonly branches?: Readonly<Record<string, Files>>;
  readonly gated?: boolean;
  readonly isPrivate?: boolean;
}

const LFS = /\.(safetensors|gguf|bin|parquet)$/;
const PAGE = 3;
const CHUNK = 16 * 1024;

/** SHA-256, in hex. */
export const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
/** The name Git gives a blob. */
export const gitOid = (bytes: Buffer): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
/** The checksum the hub knows a file by. */
export const oidOf = (path: string, bytes: Buffer): string => (LFS.test(path) ? sha256(bytes) : gitOid(bytes));
/** The commit of a set of files: made of their content. */
export const commitOf = (files: Files): string =>
  createHash("sha1")
    .update(JSON.stringify(Object.entries(files).map(([path, bytes]) => [path, sha256(bytes)])))
    .digest("hex");

/** The hub, the same again under `/mirror`, and its CDN. `close` when done. */
export class HubServer {
  readonly seen: Seen[] = [];
  readonly faults: Fault[] = [];
  private readonly blobs = new Map<string, Buffer>();

  private constructor(
    private readonly hub: Server,
    private readonly cdn: Server,
    private readonly repositories: Readonly<Record<string, Repository>>,
  ) {
    hub.on("request", (request, response) => this.answer("hub", request, response));
    cdn.on("request", (request, response) => this.answer("cdn", request, response));
  }

  static async start(repositories: Readonly<Record<string, Repository>>): Promise<HubServer> {
    const servers = [createServer(), createServer()];
    await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))));
    return new HubServer(servers[0], servers[1], repositories);
  }

  /** What HF_ENDPOINT is set to. */
  get url(): string {
    return `http://127.0.0.1:${(this.hub.address() as AddressInfo).port}`;
  }

  /** Bytes of files sent since the last `forget`. */
  get sentBytes(): number {
    return this.seen.filter(({ path }) => !path.includes("/api/")).reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  }

  /** Forgets requests and faults. */
  forget(): void {
    this.seen.length = 0;
    this.faults.length = 0;
  }

  async close(): Promise<void> {
    for (const server of [this.hub, this.cdn]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  private answer(server: "hub" | "cdn", request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? "/";
    const seen: Seen = {
      server,
      method: request.method ?? "GET",
      path,
      headers: request.headers,
      status: 0,
      sentBytes: 0,
    };
    this.seen.push(seen);
    const fault = this.takeFault(`${server}:${path}`);
    const reply = this.replyTo(server, request, fault);
    seen.status = reply.status;
    response.writeHead(reply.status, reply.headers);
    if (reply.body === undefined || request.method === "HEAD") response.end();
    else void send(response, reply.body, fault, seen);
  }

  private replyTo(server: "hub" | "cdn", request: IncomingMessage, fault?: Fault): Reply {
    if (fault?.status !== undefined) return { status: fault.status, headers: fault.headers };
    const url = new URL(request.url ?? "/", this.url);
    if (server === "cdn") return this.fromStore(url, request, fault);
    const reply = this.asHub(url, request, fault);
    return fault?.content && url.pathname.includes("/api/") ? { ...reply, body: fault.content } : reply;
  }

  private takeFault(path: string): Fault | undefined {
    const index = this.faults.findIndex((fault) => fault.path.test(path));
    const fault = this.faults[index];
    if (fault === undefined) return undefined;
    fault.times = (fault.times ?? 1) - 1;
    if (fault.times === 0) this.faults.splice(index, 1);
    return fault;
  }

  private asHub(url: URL, request: IncomingMessage, fault?: Fault): Reply {
    const path = url.pathname
      .replace(/^\/mirror/, "")
      .replace(/^\/api\/models\//, "/")
      .replace("/api/datasets/", "/datasets/");
    const found = /^\/((?:datasets\/)?[^/]+\/[^/]+)\/(revision|tree|resolve)\/([^/]+)(?:\/(.*))?$/.exec(path);
    const [, repo, action, encoded, rest] = found ?? [];
    const repository = this.repositories[repo];
    const hasToken = request.headers.authorization === "Bearer hf_right";
    if (request.headers.authorization !== undefined && !hasToken)
      return { status: 401, headers: { "x-error-message": "Invalid credentials in Authorization header" } };
    if (!repository || (repository.isPrivate && !hasToken)) {
      return hasToken
        ? refused(404, "RepoNotFound")
        : { status: 401, headers: { "x-error-message": "Invalid username or password." } };
    }
    const files = filesOf(repository, decodeURIComponent(encoded));
    if (!files) return refused(404, "RevisionNotFound");
    if (action === "revision") return json(infoOf(repo, repository, files));
    if (action === "tree") return treeOf(url, files);
    if (repository.gated && !hasToken) return refused(401, "GatedRepo");
    return this.file(decodeURIComponent(rest ?? ""), files, request, fault);
  }

  /** A small file at once, a large one by way of the CDN. */
  private file(path: string, files: Files, request: IncomingMessage, fault?: Fault): Reply {
    const bytes = files[path];
    const commit = { "x-repo-commit": commitOf(files) };
    if (!bytes) return { status: 404, headers: { ...commit, "x-error-code": "EntryNotFound" } };
    if (!LFS.test(path))
      return ranged(fault?.content ?? bytes, request, { ...commit, etag: `"${gitOid(bytes)}"` }, fault);
    const oid = sha256(bytes);
    this.blobs.set(oid, bytes);
    const location = `http://127.0.0.1:${(this.cdn.address() as AddressInfo).port}/${oid}?signature=secret`;
    return {
      status: 302,
      headers: { ...commit, location, "x-linked-etag": `"${oid}"`, "x-linked-size": bytes.length },
    };
  }

  private fromStore(url: URL, request: IncomingMessage, fault?: Fault): Reply {
    const bytes = this.blobs.get(url.pathname.slice(1));
    if (!bytes || url.searchParams.get("signature") !== "secret" || request.headers.authorization !== undefined)
      return { status: 403 };
    return ranged(fault?.content ?? bytes, request, {}, fault);
  }
}

type Files = Readonly<Record<string, Buffer>>;

interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: Buffer;
}

const refused = (status: number, code: string): Reply => ({ status, headers: { "x-error-code": code } });

const json = (value: unknown, headers: Record<string, string> = {}): Reply => ({
  status: 200,
  headers: { ...headers, "content-type": "application/json" },
  body: Buffer.from(JSON.stringify(value)),
});

function infoOf(id: string, { gated = false, isPrivate = false }: Repository, files: Files) {
  return {
    _id: "1",
    id,
    sha: commitOf(files),
    private: isPrivate,
    gated,
    siblings: Object.keys(files).map((rfilename) => ({ rfilename })),
  };
}

/** A few at a time, the next address in `Link`. */
function treeOf(url: URL, files: Files): Reply {
  const from = Number(url.searchParams.get("cursor") ?? 0);
  const entries = Object.entries(files).map(([path, bytes]) => ({
    type: "file",
    path,
    size: bytes.length,
    oid: gitOid(bytes),
    ...(LFS.test(path) ? { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 130 } } : {}),
  }));
  url.searchParams.set("cursor", String(from + PAGE));
  return json(
    entries.slice(from, from + PAGE),
    from + PAGE < entries.length ? { link: `<${url.href}>; rel="next"` } : {},
  );
}

function filesOf({ files, branches = {} }: Repository, revision: string): Files | undefined {
  return Object.entries({ main: files, ...branches }).find(
    ([name, each]) => name === revision || commitOf(each) === revision,
  )?.[1];
}

function ranged(bytes: Buffer, request: IncomingMessage, headers: Record<string, string>, fault?: Fault): Reply {
  const range = fault?.ignoresRange ? undefined : /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
  if (!range)
    return {
      status: 200,
      headers: { ...headers, "accept-ranges": "bytes", "content-length": bytes.length },
      body: bytes,
    };
  const start = Number(range[1]);
  if (start >= bytes.length)
    return { status: 416, headers: { ...headers, "content-range": `bytes */${bytes.length}` } };
  const body = bytes.subarray(start, range[2] ? Number(range[2]) + 1 : undefined);
  const contentRange = `bytes ${start}-${start + body.length - 1}/${bytes.length}`;
  return { status: 206, headers: { ...headers, "content-length": body.length, "content-range": contentRange }, body };
}

async function send(response: ServerResponse, body: Buffer, fault: Fault | undefined, seen: Seen): Promise<void> {
  const end = Math.min(body.length, fault?.cutAfter ?? fault?.stallAfter ?? body.length);
  for (let at = 0; at < end && !response.destroyed; at += CHUNK) {
    const chunk = body.subarray(at, Math.min(end, at + CHUNK));
    const hasRoom = response.write(chunk);
    seen.sentBytes += chunk.length;
    if (!hasRoom) await drained(response);
  }
  // What was written is to arrive before the end of the connection does.
  if (fault?.cutAfter !== undefined) setTimeout(() => response.destroy(), 50);
  else if (fault?.stallAfter === undefined) response.end();
}

async function drained(response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.on("drain", done).on("close", done);
  });
}
