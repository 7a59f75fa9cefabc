// A server at work: listens, answers, and ends in good order. Knows no dialect.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Logger } from "pino";
import { pino } from "pino";
import { ConfigError } from "../errors.js";
import { buildApp } from "./app.js";
import type { PullModel, ServerContext } from "./context.js";
import { ServerMetrics } from "./metrics.js";
import { ModelPool, type OpenModel } from "./models/model-pool.js";
import { type ServerSettings, type ServerSettingsInput, serverSettings } from "./settings.js";

/** What a server is started with beside its settings. */
export interface ServerParts {
  /** Default: JSON lines on standard error. */
  readonly log?: Logger;
  /** Default: an engine in a thread of its own. */
  readonly open?: OpenModel;
  /** Pulls models that clients ask for, which are then served; default: they may not. */
  readonly pull?: PullModel;
}

/** A server at work. */
export interface RunningServer {
  readonly url: string;
  readonly port: number;
  readonly models: ModelPool;
  /** Takes nothing new, lets what is under way end within the settings' time, then ends all. */
  close(): Promise<void>;
}

/** Starts a server. Throws ConfigError for settings that cannot be, and for a port that is taken. */
export async function startServer(given: ServerSettingsInput, parts: ServerParts = {}): Promise<RunningServer> {
  const settings = serverSettings(given);
  const log = parts.log ?? pino({ base: null }, pino.destination(2));
  let isDraining = false;
  const models = new ModelPool(settings, log, parts.open);
  const context: ServerContext = {
    settings,
    models,
    metrics: new ServerMetrics(),
    log,
    pull: parts.pull,
    isDraining: () => isDraining,
  };
  const http = createHttpServer(context);
  await listen(http, settings);
  const { port } = http.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  const close = async () => {
    isDraining = true;
    await drain(http, settings.drainSeconds);
    await models.closeAll();
  };
  return { url: urlOf(settings, port), port, models, close: () => (closing ??= close()) };
}

type HttpServer = ReturnType<typeof createServer>;

function createHttpServer(context: ServerContext): HttpServer {
  const { settings } = context;
  const app = buildApp(context);
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

function tlsFiles({ cert, key }: NonNullable<ServerSettings["tls"]>): { cert: Buffer; key: Buffer } {
  const read = (path: string, what: string) => {
    try {
      return readFileSync(path);
    } catch (error) {
      throw new ConfigError(`${what} for TLS: ${(error as Error).message}`, { cause: error });
    }
  };
  return { cert: read(cert, "certificate"), key: read(key, "key") };
}

function listen(http: Server, { host, port }: ServerSettings): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
    http.listen(port, host, resolve);
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

function urlOf({ host, tls }: ServerSettings, port: number): string {
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
