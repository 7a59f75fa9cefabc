// The web pages of a server, as `npm run build` leaves them in dist/web: one document for all addresses, and its parts,
// whose names change with their contents. Knows nothing of what they show.
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { findPackageRoot } from "../../package-root.js";
import { ApiError } from "../api-error.js";
import type { App, Context } from "../context.js";

/** Addresses of pages. */
const PAGES = ["/", "/runs", "/runs/*", "/server"];

/** Scripts, styles and answers come from this server alone; nothing in the document itself is run. */
const POLICY = [
  "default-src 'none'",
  ...["script-src", "style-src", "img-src", "font-src", "connect-src"].map((kind) => `${kind} 'self'`),
  ...["base-uri", "form-action", "frame-ancestors"].map((kind) => `${kind} 'none'`),
].join("; ");

const HEADERS = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};
const PACKED = new Set([".woff2"]);
const FOR_EVER = "public, max-age=31536000, immutable";

interface PageFile {
  readonly type: string;
  readonly body: Buffer<ArrayBuffer>;
  readonly gzipped?: Buffer<ArrayBuffer>;
}

/** Answers the addresses of pages and of their parts. They hold nothing of the server's, so they need no key. */
export function registerPages(app: App): void {
  const files = new PageFiles();
  for (const path of PAGES) app.get(path, async (c) => sent(c, await files.read("index.html"), "no-cache"));
  app.get("/assets/:name", async (c) => sent(c, await files.read(`assets/${c.req.param("name")}`), FOR_EVER));
}

function sent(c: Context, { type, body, gzipped }: PageFile, caching: string): Response {
  const packs = gzipped !== undefined && /\bgzip\b/.test(c.req.header("accept-encoding") ?? "");
  return c.body(packs ? gzipped : body, 200, {
    ...HEADERS,
    "content-type": type,
    "cache-control": caching,
    vary: "accept-encoding",
    ...(packs && { "content-encoding": "gzip" }),
  });
}

/** The files of dist/web, each read when it is first asked for. No name outside that folder is one of them. */
class PageFiles {
  private readonly folder = join(findPackageRoot() ?? ".", "dist", "web");
  private readonly names = new Set(namesIn(this.folder));
  private readonly loaded = new Map<string, Promise<PageFile>>();

  /** Throws ApiError `not found`. */
  async read(name: string): Promise<PageFile> {
    if (!this.names.has(name))
      throw new ApiError(
        "not found",
        this.names.size === 0 ? "the pages are not built: npm run build" : `there is no ${name} here`,
      );
    const known = this.loaded.get(name) ?? this.load(name);
    this.loaded.set(name, known);
    return known;
  }

  private async load(name: string): Promise<PageFile> {
    const body = await readFile(join(this.folder, name));
    const ending = extname(name);
    const type = TYPES[ending] ?? "application/octet-stream";
    return PACKED.has(ending) ? { type, body } : { type, body, gzipped: await promisify(gzip)(body) };
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(folder.length + 1)
          .replaceAll("\\", "/"),
      );
  } catch {
    return [];
  }
}
