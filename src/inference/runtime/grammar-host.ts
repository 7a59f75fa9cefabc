// A compiled grammar on a thread of its own, within bounds of time and memory. What is asked of it is answered in
// order; one kind of question, whether a token may come, is waited for on the spot. Knows threads, no schema and no
// request.
import { join } from "node:path";
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { ConfigError } from "../../errors.js";
import { packageRoot } from "../../package-root.js";
import type { GrammarCall, GrammarProgress, GrammarReply, GrammarWorkerData } from "./grammar-worker.js";

/** What a grammar is made of. */
export type GrammarParts = Omit<GrammarWorkerData, "maxMemoryBytes" | "port" | "numReplies">;

/** Bounds of a grammar. */
export interface GrammarBudget {
  /** Time to compile, beyond that of reading the vocabulary. */
  readonly compileMs: number;
  /** Time for one answer from the thread. */
  readonly replyMs: number;
  readonly maxMemoryBytes: number;
}

/** Time and memory that any schema met in practice is far below. */
export const GRAMMAR_BUDGET: GrammarBudget = { compileMs: 10_000, replyMs: 5_000, maxMemoryBytes: 1 << 30 };
/** Time for the thread to start and read a vocabulary, on a busy machine. */
const START_MS = 60_000;

/** Everything but the number of a call, for each kind of call. */
type Question = GrammarCall extends infer C ? (C extends GrammarCall ? Omit<C, "number"> : never) : never;

interface Waiting {
  resolve(reply: GrammarReply): void;
  reject(error: unknown): void;
}

/**
 * See the file's head. Ask with a matcher number of your own for each answer; `dispose` ends the thread, whatever it
 * does.
 */
export class GrammarHost {
  private readonly waiting = new Map<number, Waiting>();
  private numCalls = 0;
  private failure?: Error;

  private constructor(
    private readonly worker: Worker,
    private readonly port: MessagePort,
    private readonly numReplies: Int32Array,
    private readonly budget: GrammarBudget,
  ) {
    port.on("message", (reply: GrammarReply) => this.deliver(reply));
    worker.on("error", (error) => this.fail(new ConfigError(`schema: the grammar engine failed: ${error.message}`)));
    worker.on("exit", () => this.fail(new ConfigError("schema: the grammar engine has stopped")));
    port.unref();
    worker.unref();
  }

  /** Compiles a grammar. Throws ConfigError where it cannot be made, or not within the budget; ends with the signal. */
  static async compile(
    parts: GrammarParts,
    signal: AbortSignal,
    budget: GrammarBudget = GRAMMAR_BUDGET,
  ): Promise<GrammarHost> {
    const { port1, port2 } = new MessageChannel();
    const numReplies = new Int32Array(new SharedArrayBuffer(4));
    const workerData: GrammarWorkerData = { ...parts, maxMemoryBytes: budget.maxMemoryBytes, port: port2, numReplies };
    const worker = new Worker(join(packageRoot(), "dist", "src", "inference", "runtime", "grammar-worker.js"), {
      workerData,
      transferList: [port2],
      execArgv: [], // some flags of the process, such as --input-type, are for its main program alone
    });
    try {
      await progress(worker, "vocabulary", START_MS, signal);
      await progress(worker, "compiled", budget.compileMs, signal);
      return new GrammarHost(worker, port1, numReplies, budget);
    } catch (error) {
      port1.close();
      void worker.terminate();
      throw error;
    }
  }

  /** Asks, and waits without holding anybody up. */
  async ask(question: Question): Promise<GrammarReply> {
    if (this.failure) throw this.failure;
    const number = this.send(question);
    const timer = setTimeout(() => this.dispose(tooSlow(this.budget.replyMs)), this.budget.replyMs);
    this.port.ref();
    try {
      return checked(
        await new Promise<GrammarReply>((resolve, reject) => this.waiting.set(number, { resolve, reject })),
      );
    } finally {
      clearTimeout(timer);
      if (this.waiting.size === 0) this.port.unref();
    }
  }

  /** Asks, and waits on the spot: for what takes microseconds. */
  askNow(question: Question): GrammarReply {
    if (this.failure) throw this.failure;
    const until = performance.now() + this.budget.replyMs;
    let seen = Atomics.load(this.numReplies, 0);
    const number = this.send(question);
    for (;;) {
      for (let next = this.received(); next; next = this.received()) {
        if (next.number === number) return checked(next);
        this.deliver(next);
      }
      const left = until - performance.now();
      if (left <= 0 || Atomics.wait(this.numReplies, 0, seen, left) === "timed-out")
        this.dispose(tooSlow(this.budget.replyMs));
      if (this.failure) throw this.failure;
      seen = Atomics.load(this.numReplies, 0);
    }
  }

  /** Ends the thread; what is still waited for fails. */
  dispose(reason: Error = new ConfigError("schema: its grammar has been freed")): void {
    this.fail(reason);
    this.port.close();
    void this.worker.terminate();
  }

  private send(question: Question): number {
    const number = this.numCalls++;
    this.port.postMessage({ ...question, number });
    return number;
  }

  private received(): GrammarReply | undefined {
    return receiveMessageOnPort(this.port)?.message as GrammarReply | undefined;
  }

  private deliver(reply: GrammarReply): void {
    this.waiting.get(reply.number)?.resolve(reply);
    this.waiting.delete(reply.number);
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const { reject } of this.waiting.values()) reject(this.failure);
    this.waiting.clear();
  }
}

function checked(reply: GrammarReply): GrammarReply {
  if (reply.error !== undefined) throw new ConfigError(`schema: the grammar engine failed: ${reply.error}`);
  return reply;
}

const tooSlow = (ms: number) =>
  new ConfigError(`schema: checking a token against it takes more than ${ms / 1000} s; simplify it`);

/** Waits for a step of the start. */
function progress(worker: Worker, step: GrammarProgress["kind"], ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      worker.removeAllListeners("message").removeAllListeners("error").removeAllListeners("exit");
      settle();
    };
    const refuse = (message: string) => end(() => reject(new ConfigError(`schema: ${message}`)));
    const onAbort = () => refuse("the request was cancelled");
    const timer = setTimeout(
      () =>
        refuse(
          `it takes more than ${ms / 1000} s to compile; simplify it: fewer optional properties, shorter lists, ` +
            "smaller counts",
        ),
      ms,
    );
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort);
    worker.on("message", (at: GrammarProgress) => {
      if (at.kind === "failed") refuse(`the grammar engine does not accept it: ${at.message}`);
      else if (at.kind === step) end(resolve);
    });
    worker.on("error", (error) => refuse(`the grammar engine failed: ${error.message}`));
    worker.on("exit", () => refuse("the grammar engine has stopped"));
  });
}
