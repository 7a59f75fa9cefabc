// An engine in a thread of its own, from the side of those who use it: starts the thread, tells what becomes of it, and
// ends it. Knows no model.
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { OpenOptions } from "../../backends/open.js";
import { BackendError } from "../../errors.js";
import { packageRoot } from "../../package-root.js";
import type { EngineOptions } from "../runtime/engine.js";
import { EngineClient } from "../runtime/engine-client.js";
import { closedError, type EngineLimits } from "../runtime/engine-handle.js";
import { type EngineMessage, receivedError, type SentError } from "../runtime/engine-protocol.js";
import type { InferenceModel, InferenceOptions } from "./open-for-inference.js";

/** How to open an engine: what is the same in every thread. */
export interface EngineSettings
  extends Omit<InferenceOptions, "device" | "onProgress">,
    Pick<EngineOptions, "prefixCache" | "speculation" | "maxSpeculating"> {}

/** What concerns the opening itself. */
export interface OpeningListener extends Pick<InferenceOptions, "onProgress"> {
  /** Ends the opening. */
  readonly signal?: AbortSignal;
}

/** The device of the thread. */
export interface ThreadOptions {
  /** Default: native where it loads, else reference. */
  readonly backend?: OpenOptions["name"];
  /** Threads of the native kernels, for the whole process; default LUCIOLE_THREADS, else one per core. */
  readonly threads?: number;
}

/** What the thread is started with. */
export interface EngineThreadData {
  readonly path: string;
  readonly options: EngineSettings;
  readonly thread: ThreadOptions;
  readonly tellsProgress: boolean;
}

/** What the thread tells of the model it has opened. */
export type OpenedFacts = Pick<InferenceModel, "label" | "warning" | "use" | "plan">;

/** How the opening goes on. */
export type OpeningMessage =
  | { readonly kind: "progress"; readonly loadedBytes: number; readonly totalBytes: number }
  | { readonly kind: "opened"; readonly limits: EngineLimits; readonly facts: OpenedFacts }
  | { readonly kind: "refused"; readonly error: SentError };

/** An engine elsewhere. */
export interface EngineThread {
  readonly engine: EngineClient;
  readonly opened: OpenedFacts;
}

/**
 * Opens `path` in a new thread. Throws what the opening throws there, the signal's reason when it is aborted meanwhile,
 * BackendError when the thread ends.
 */
export function startEngineThread(
  path: string,
  options: EngineSettings,
  thread: ThreadOptions,
  { onProgress, signal }: OpeningListener,
): Promise<EngineThread> {
  signal?.throwIfAborted();
  const workerData: EngineThreadData = { path, options, thread, tellsProgress: onProgress !== undefined };
  const file = join(packageRoot(), "dist", "src", "inference", "opening", "engine-worker.js");
  // Without this process's own flags: some, such as --input-type, are for its main program alone.
  return connectEngine(new Worker(file, { workerData, execArgv: [] }), { onProgress, signal });
}

/** Waits until a thread has opened its engine, and is its engine from then on. Throws as `startEngineThread`. */
export function connectEngine(worker: Worker, { onProgress, signal }: OpeningListener = {}): Promise<EngineThread> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      signal?.removeEventListener("abort", onAbort);
      stopListening(worker);
      settle();
    };
    const refuse = (error: unknown) => {
      end(() => reject(error));
      void worker.terminate();
    };
    const onAbort = () => refuse(signal?.reason);
    signal?.addEventListener("abort", onAbort);
    worker.on("error", refuse);
    worker.on("exit", (code) => refuse(endedError(code)));
    worker.on("message", (message: OpeningMessage) => {
      if (message.kind === "progress") onProgress?.(message.loadedBytes, message.totalBytes);
      else if (message.kind === "refused") refuse(receivedError(message.error));
      else end(() => resolve({ engine: clientOf(worker, message.limits), opened: message.facts }));
    });
  });
}

/** The engine of a thread that has opened one. The process may end while it does nothing. */
function clientOf(worker: Worker, limits: EngineLimits): EngineClient {
  let closing: Promise<void> | null = null;
  let crash: Error | undefined;
  const close = () =>
    new Promise<void>((resolve) => {
      worker.ref();
      worker.once("exit", () => resolve());
      worker.postMessage({ kind: "close" });
    });
  const engine = new EngineClient(limits, {
    send: (call) => worker.postMessage(call),
    setBusy: (isBusy) => (isBusy || closing ? worker.ref() : worker.unref()),
    close: () => (closing ??= hasEnded ? Promise.resolve() : close()),
  });
  let hasEnded = false;
  worker.on("message", (message: EngineMessage) => engine.receive(message));
  worker.on("error", (error) => (crash = error));
  worker.on("exit", (code) => {
    hasEnded = true;
    engine.fail(closing ? closedError() : endedError(code, crash));
    stopListening(worker);
  });
  worker.unref();
  return engine;
}

const stopListening = (worker: Worker) =>
  worker.removeAllListeners("message").removeAllListeners("error").removeAllListeners("exit");

function endedError(code: number, cause?: Error): BackendError {
  const reason = cause ? cause.message.split("\n")[0] : `exit code ${code}`;
  return new BackendError(`the engine's thread has ended (${reason}); open the model again`, { cause });
}
