// What the parts of a server share, and what a request carries with it. Knows no dialect.
import type { Hono, Context as HonoContext } from "hono";
import type { Logger } from "pino";
import type { ServerMetrics } from "./metrics.js";
import type { ModelPool } from "./models/model-pool.js";
import type { ServerSettings } from "./settings.js";

/** What is told while a model is pulled. */
export interface PullListener {
  /** The files there are, with what of each is there already. */
  begin(files: readonly { readonly path: string; readonly sizeBytes: number; readonly receivedBytes: number }[]): void;
  /** How much of a file is there now. */
  received(path: string, receivedBytes: number): void;
  /** A file is whole. */
  whole(path: string): void;
  /** What a person should know. */
  note(line: string): void;
}

/** Brings the model of a name and gives the path where it lies. */
export type PullModel = (name: string, listener: PullListener, signal: AbortSignal) => Promise<string>;

/** The parts of one server. */
export interface ServerContext {
  readonly settings: ServerSettings;
  readonly models: ModelPool;
  readonly metrics: ServerMetrics;
  readonly log: Logger;
  /** Pulls models that clients ask for; undefined where they may not. */
  readonly pull?: PullModel;
  /** Whether the server is stopping and takes nothing new. */
  isDraining(): boolean;
}

/** What every request carries. */
export interface Env {
  Variables: {
    requestId: string;
    /** Largest body that is read of it. */
    maxBodyBytes: number;
    /** The name of the key it came with. */
    client?: string;
  };
}

/** An application of this server. */
export type App = Hono<Env>;
/** A request and the way to answer it. */
export type Context = HonoContext<Env>;
