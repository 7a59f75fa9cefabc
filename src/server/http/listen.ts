// An application on an address: opens it, with TLS if asked for, and closes it when its connections are done. Knows no
// path.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { ConfigError } from "../../errors.js";
import type { App } from "../context.js";
import type { ServerSettings } from "../settings.js";

/** Where to listen, and how long to wait for slow senders. */
export type ListenSettings = Pick<ServerSettings, "host" | "port" | "tls" | "requestSeconds">;

/** An address that is open. */
export interface Listening {
  readonly url: string;
  readonly port: number;
  /** Takes nothing new and waits so many seconds for what is under way, then breaks it off. */
  drain(seconds: number): Promise<void>;
}

/** Opens an address. Throws ConfigError for one that cannot be had, and for files of TLS that cannot be read. */
export async function listen(app: App, settings: ListenSettings): Promise<Listening> {
  const http = createHttpServer(app, settings);
  await begin(http, settings);
  const { port } = http.address() as AddressInfo;
  return { url: urlOf(settings, port), port, drain: (seconds) => drain(http, seconds) };
}

type HttpServer = ReturnType<typeof createServer>;

function createHttpServer(app: App, settings: ListenSettings): HttpServer {
  const common = { fetch: app.fetch, overrideGlobalObjects: false };
  const limits = {
    requestTimeout: settings.requestSeconds * 1000,
    headersTimeout: Math.min(settings.requestSeconds, 20) * 1000,
    keepAliveTimeout: 65_000,
    // Half-open connections are noticed by the system.
    keepAlive: true,
    noDelay: true,
  };
  const server = settings.tls
    ? createAdaptorServer({
        ...common,
        createServer: createTlsServer,
        serverOptions: { ...limits, ...tlsFiles(settings.tls) },
      })
    : createAdaptorServer({ ...common, createServer, serverOptions: limits });
  return server as HttpServer;
}

function tlsFiles({ cert, key }: NonNullable<ListenSettings["tls"]>): { cert: Buffer; key: Buffer } {
  const read = (path: string, what: string) => {
    try {
      return readFileSync(path);
    } catch (error) {
      throw new ConfigError(`${what} for TLS: ${(error as Error).message}`, { cause: error });
    }
  };
  return { cert: read(cert, "certificate"), key: read(key, "key") };
}

/** Connections that may wait to be accepted, if the system lets so many: a burst of new clients is not turned away. */
const BACKLOG = 4096;

function begin(http: Server, { host, port }: ListenSettings): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
    http.listen({ port, host, backlog: BACKLOG }, resolve);
  });
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === "EADDRINUSE")
    return new ConfigError(`port ${port} of ${host} is taken; stop who listens there, or take another: --port <n>`);
  if (error.code === "EACCES")
    return new ConfigError(`port ${port} may only be opened by the administrator; take one above 1023: --port <n>`);
  if (error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND")
    return new ConfigError(`${host} is no address of this machine; take one of its own: --host <address>`);
  return error;
}

function urlOf({ host, tls }: ListenSettings, port: number): string {
  const name = host === "0.0.0.0" || host === "::" ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return `${tls ? "https" : "http"}://${name}:${port}`;
}

const DRAIN_LOOK_MS = 50;

/** Waits for the connections that are at work, closing each when it is idle, then breaks those that are left. */
function drain(http: HttpServer, seconds: number): Promise<void> {
  return new Promise((resolve) => {
    const looking = setInterval(() => http.closeIdleConnections(), DRAIN_LOOK_MS);
    const breaking = setTimeout(() => http.closeAllConnections(), seconds * 1000);
    http.close(() => {
      clearInterval(looking);
      clearTimeout(breaking);
      resolve();
    });
  });
}
