// A thread that is asked one thing after the other and waited for on the spot, for a bounded time: what runs in it may
// loop for ever, and is then stopped with its thread. Knows nothing of what is asked.
import { join } from "node:path";
import {
  MessageChannel,
  type MessagePort,
  type ResourceLimits,
  receiveMessageOnPort,
  Worker,
  workerData,
} from "node:worker_threads";
import { packageRoot } from "./package-root.js";

/** What the thread is started with. */
interface ThreadData {
  readonly port: MessagePort;
  /** One number, raised with every reply. */
  readonly numReplies: Int32Array;
  /** What its owner gives it. */
  readonly given: unknown;
}
/** Calls have numbers, so that a reply that comes too late is not taken for the next one's. */
interface Numbered<T> {
  readonly number: number;
  readonly content: T;
}

/** The first reply of a thread: it serves. */
const READY = -1;

/** The owner's end. `file` is the compiled module of the thread, by its path below `dist/src`. */
export class AskedThread<Call, Reply> {
  #numCalls = 0;
  #isAlive = true;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #numReplies = new Int32Array(new SharedArrayBuffer(4));

  constructor(file: string, resourceLimits: ResourceLimits, given: unknown = null) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker = new Worker(join(packageRoot(), "dist", "src", file), {
      workerData: { port: port2, numReplies: this.#numReplies, given } satisfies ThreadData,
      transferList: [port2],
      resourceLimits,
      env: {},
      execArgv: [], // some flags of the process, such as --input-type, are for its main program alone
    });
    this.#worker.on("error", () => this.dispose());
    this.#worker.unref();
    this.#port.unref();
  }

  /** False once it was stopped, by its owner or by a failure. */
  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Waits until the thread serves; gives what it says then, or null where it does not. */
  start(limitMs: number): unknown {
    return this.#await(READY, limitMs);
  }

  /** The reply; null past the limit. */
  ask(call: Call, limitMs: number): Reply | null {
    this.#port.postMessage({ number: this.#numCalls++, content: call } satisfies Numbered<Call>);
    return this.waitOn(limitMs);
  }

  /** Waits longer for the reply that `ask` did not get in time. */
  waitOn(limitMs: number): Reply | null {
    return this.#await(this.#numCalls - 1, limitMs) as Reply | null;
  }

  dispose(): void {
    this.#isAlive = false;
    this.#port.close();
    void this.#worker.terminate();
  }

  #await(number: number, limitMs: number): unknown {
    const until = performance.now() + limitMs;
    for (;;) {
      const seen = Atomics.load(this.#numReplies, 0);
      const reply = receiveMessageOnPort(this.#port)?.message as Numbered<unknown> | undefined;
      if (reply?.number === number) return reply.content;
      if (reply) continue;
      const left = until - performance.now();
      if (left <= 0) return null;
      Atomics.wait(this.#numReplies, 0, seen, left);
    }
  }
}

/** In the thread: what its owner gave it. */
export const givenToThread = <T>(): T => (workerData as ThreadData).given as T;

/** In the thread: serves from now on. `greeting` is what the owner's `start` gives; `answer` must not throw. */
export function answerCalls<Call, Reply>(answer: (call: Call) => Reply, greeting: unknown = true): void {
  const { port, numReplies } = workerData as ThreadData;
  const reply = (number: number, content: unknown) => {
    port.postMessage({ number, content } satisfies Numbered<unknown>);
    Atomics.add(numReplies, 0, 1);
    Atomics.notify(numReplies, 0);
  };
  port.on("message", ({ number, content }: Numbered<Call>) => reply(number, answer(content)));
  reply(READY, greeting);
}
