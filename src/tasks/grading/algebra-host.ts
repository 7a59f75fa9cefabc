// Asks the upper rungs on a thread of its own and waits on the spot, for a second at most: whatever a model wrote, the
// thread is stopped then, and another serves the next pair. Its memory is bounded too. Knows no mathematics.
import { join } from "node:path";
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { packageRoot } from "../../package-root.js";
import type { Outcome } from "./compare.js";

/** A pair to decide. */
export interface AlgebraCall {
  readonly number: number;
  readonly gold: string;
  readonly given: string;
  readonly decimals: number;
}
/** What the thread is started with. */
export interface AlgebraWorkerData {
  readonly port: MessagePort;
  /** One number, raised with every reply. */
  readonly numReplies: Int32Array;
}
/** What comes of a pair, by its number; the thread that is ready says so with -1. */
export interface AlgebraReply {
  readonly number: number;
  readonly outcome: Outcome | "unparsed";
}

/** Time for one pair. */
export const LIMIT_MS = 1000;
/** Time for the thread to start on a busy machine. */
const START_MS = 30_000;
const MEMORY = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };

class AlgebraHost {
  #numCalls = 0;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #numReplies = new Int32Array(new SharedArrayBuffer(4));

  constructor() {
    const { port1, port2 } = new MessageChannel();
    const workerData: AlgebraWorkerData = { port: port2, numReplies: this.#numReplies };
    this.#port = port1;
    this.#worker = new Worker(join(packageRoot(), "dist", "src", "tasks", "grading", "algebra-worker.js"), {
      workerData,
      transferList: [port2],
      resourceLimits: MEMORY,
      execArgv: [], // some flags of the process, such as --input-type, are for its main program alone
    });
    this.#worker.on("error", () => this.dispose());
    this.#worker.unref();
    this.#port.unref();
  }

  /** Waits until the thread serves; false where it does not. */
  start(): boolean {
    return this.#await(-1, START_MS) !== null;
  }

  /** What the rungs say; null past the limit. */
  ask(gold: string, given: string, decimals: number): Outcome | "unparsed" | null {
    const number = this.#numCalls++;
    this.#port.postMessage({ number, gold, given, decimals } satisfies AlgebraCall);
    return this.#await(number, LIMIT_MS);
  }

  dispose(): void {
    this.#port.close();
    void this.#worker.terminate();
    if (host === this) host = undefined;
  }

  #await(number: number, limitMs: number): Outcome | "unparsed" | null {
    const until = performance.now() + limitMs;
    for (;;) {
      const seen = Atomics.load(this.#numReplies, 0);
      const reply = receiveMessageOnPort(this.#port)?.message as AlgebraReply | undefined;
      if (reply?.number === number) return reply.outcome;
      if (reply) continue;
      const left = until - performance.now();
      if (left <= 0) return null;
      Atomics.wait(this.#numReplies, 0, seen, left);
    }
  }
}

let host: AlgebraHost | undefined;

/** Decides a pair by all rungs, on the thread; `unparsed` where it does not come to an end. */
export function decideByAlgebra(gold: string, given: string, decimals: number): Outcome | "unparsed" {
  if (!host) {
    host = new AlgebraHost();
    if (!host.start()) {
      host.dispose();
      return "unparsed";
    }
  }
  const asked = host;
  const outcome = asked.ask(gold, given, decimals);
  if (outcome === null) asked.dispose();
  return outcome ?? "unparsed";
}
