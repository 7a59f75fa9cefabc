// Who may ask: the Host a request names, the web page it comes from, the key it carries. Knows no dialect and no body.
import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { hostname } from "node:os";
import type { MiddlewareHandler } from "hono";
import { ApiError } from "../api-error.js";
import type { Env } from "../context.js";
import type { KeySpec } from "../settings.js";

/** The name in a Host header or an origin, without port and brackets; undefined where it is malformed. */
function hostOf(host: string): string | undefined {
  const [, name] = /^(\[[0-9a-f:.]+\]|[^:/\\@\s]+)(?::\d{1,5})?$/i.exec(host) ?? [];
  return name?.replace(/^\[|\]$/g, "").toLowerCase();
}

/**
 * Refuses requests that name a host which is not this server's. A page that has its own domain point to this machine
 * (DNS rebinding) is known by its name; an address is nobody's name.
 */
export function hostGuard(allowed: readonly string[]): MiddlewareHandler<Env> {
  const known = new Set(["localhost", hostname().toLowerCase(), ...allowed.map((name) => name.toLowerCase())]);
  return async (c, next) => {
    const given = c.req.header("host");
    const name = given === undefined ? undefined : hostOf(given);
    if (name !== undefined && (isIP(name) !== 0 || known.has(name))) return next();
    throw new ApiError(
      "forbidden",
      `the host ${JSON.stringify(given ?? "")} is not one of this server's; start it with --allow-host <name>`,
      { code: "host_not_allowed" },
    );
  };
}

/** Methods and headers that pages of allowed origins may use. */
const CORS_METHODS = "GET, POST, DELETE, OPTIONS";

/** Refuses requests of web pages of other origins, and answers the questions that browsers ask before they send any. */
export function originGuard(allowed: readonly string[]): MiddlewareHandler<Env> {
  return async (c, next) => {
    const origin = c.req.header("origin");
    if (origin === undefined) return next();
    const isOwn = isSameHost(origin, c.req.header("host"));
    if (!isOwn && !allowed.includes("*") && !allowed.includes(origin))
      throw new ApiError(
        "forbidden",
        `pages of ${JSON.stringify(origin)} may not use this server; start it with --cors-origin <origin>`,
        { code: "origin_not_allowed" },
      );
    c.header("access-control-allow-origin", origin);
    c.header("vary", "origin");
    c.header("access-control-expose-headers", "x-request-id, request-id, retry-after");
    if (c.req.method !== "OPTIONS") return next();
    c.header("access-control-allow-methods", CORS_METHODS);
    c.header("access-control-allow-headers", c.req.header("access-control-request-headers") ?? "content-type");
    c.header("access-control-max-age", "600");
    return c.body(null, 204);
  };
}

function isSameHost(origin: string, host: string | undefined): boolean {
  try {
    return host !== undefined && new URL(origin).host === host.toLowerCase();
  } catch {
    return false;
  }
}

interface KnownKey extends KeySpec {
  readonly digest: Buffer;
}

const digestOf = (key: string): Buffer => createHash("sha256").update(key).digest();

/**
 * Lets in requests that carry one of the keys, as `authorization: Bearer …` or `x-api-key` (clients and proxies send
 * other things in the one or the other), and no more of them a minute than the key may make. Each is compared with the
 * whole of every known one, so that the time tells nothing.
 */
export function keyGuard(keys: readonly KeySpec[]): MiddlewareHandler<Env> {
  const known: readonly KnownKey[] = keys.map((key) => ({ ...key, digest: digestOf(key.key) }));
  const rates = new Map(keys.map(({ name, requestsPerMinute }) => [name, new MinuteRate(requestsPerMinute)]));
  return async (c, next) => {
    if (known.length === 0 || c.req.method === "OPTIONS") return next();
    const given = [c.req.header("authorization")?.replace(/^Bearer\s+/i, ""), c.req.header("x-api-key")];
    const digests = given.flatMap((key) => (key === undefined ? [] : [digestOf(key)]));
    if (digests.length === 0)
      throw new ApiError("unauthorized", "this server asks for an API key: send authorization: Bearer <key>", {
        code: "missing_api_key",
      });
    let found: KnownKey | undefined;
    for (const each of known) for (const digest of digests) if (timingSafeEqual(each.digest, digest)) found = each;
    if (!found) throw new ApiError("unauthorized", "the API key is not a known one", { code: "invalid_api_key" });
    rates.get(found.name)?.take(found.name);
    c.set("client", found.name);
    return next();
  };
}

/** A bucket that holds a minute's requests and fills up evenly. */
class MinuteRate {
  private left: number;
  private atMs = performance.now();

  constructor(private readonly perMinute: number | undefined) {
    this.left = perMinute ?? 0;
  }

  take(name: string): void {
    if (this.perMinute === undefined) return;
    const now = performance.now();
    this.left = Math.min(this.perMinute, this.left + ((now - this.atMs) / 60_000) * this.perMinute);
    this.atMs = now;
    if (this.left < 1)
      throw new ApiError("busy", `the key ${name} may make ${this.perMinute} requests a minute; try again later`, {
        code: "rate_limit_exceeded",
        retryAfterSeconds: Math.ceil(((1 - this.left) * 60) / this.perMinute),
      });
    this.left--;
  }
}
