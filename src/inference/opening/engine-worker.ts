// The thread of an engine: opens a device and the model, and serves it until it is told to close. Started by
// engine-thread.ts; knows nothing of those who use it.
import { getPriority, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { openMachine } from "../../backends/machine.js";
import { type EngineCall, type EngineMessage, sentError } from "../runtime/engine-protocol.js";
import { EngineServer } from "../runtime/engine-server.js";
import type { EngineThreadData, OpeningMessage } from "./engine-thread.js";
import { type OpenedEngine, openEngine } from "./open-engine.js";

/** In steps of `nice`. With a thousand clients on two cores, more than five changed nothing. */
const STEPS_DOWN = 5;
const LOWEST_PRIORITY = 19;

const { path, options, thread, tellsProgress } = workerData as EngineThreadData;
const tell = (message: OpeningMessage | EngineMessage) => parentPort?.postMessage(message);
const onProgress = (loadedBytes: number, totalBytes: number) => tell({ kind: "progress", loadedBytes, totalBytes });

letOthersGoFirst();
try {
  const { device } = await openMachine({ name: thread.backend, threads: thread.threads });
  serve(await openEngine(path, { ...options, device, ...(tellsProgress && { onProgress }) }));
} catch (error) {
  tell({ kind: "refused", error: sentError(error) });
}

/**
 * Lowers the priority of this thread and of those that it starts: who answers clients must not wait for a core. Only
 * Linux gives each thread a priority of its own.
 */
function letOthersGoFirst(): void {
  if (process.platform === "linux") setPriority(Math.min(LOWEST_PRIORITY, getPriority() + STEPS_DOWN));
}

function serve(opened: OpenedEngine): void {
  const { engine, label, warning, use, plan } = opened;
  const server = new EngineServer(engine, tell);
  parentPort?.on("message", (call: EngineCall) => {
    if (call.kind === "close") void close(opened, server);
    else server.receive(call);
  });
  tell({ kind: "opened", limits: engine.limits, facts: { label, warning, use, plan } });
}

async function close(opened: OpenedEngine, server: EngineServer): Promise<void> {
  server.release();
  await opened.dispose();
  // What is still on its way out is sent in this turn; the thread ends when its port is closed.
  setImmediate(() => parentPort?.close());
}
