// The side of those who use an engine in another thread: an engine like any other, whose calls and answers are
// messages. Knows no threads; messages come and go through its owner.
import { ConfigError } from "../../errors.js";
import { nextTurn } from "../../next-turn.js";
import {
  closedError,
  type EngineHandle,
  type EngineLimits,
  type EngineStats,
  type RunningRequest,
} from "./engine-handle.js";
import {
  type EngineCall,
  type EngineMessage,
  READ_WINDOW,
  type RequestEvents,
  receivedError,
} from "./engine-protocol.js";
import { EventQueue } from "./event-queue.js";
import { Fifo } from "./fifo.js";
import type { Completion, GenerationRequest, TokenEvent } from "./request.js";
import { checkRequest } from "./request-check.js";

/** The way to the engine. */
export interface EngineConnection {
  /** Throws a DataCloneError for what cannot cross. */
  send(call: EngineCall): void;
  /** Told when the first answer begins to be waited for, and when the last one has come. */
  setBusy(isBusy: boolean): void;
  /** Ends the engine's thread once all it was asked is answered; settles when it has ended. */
  close(): Promise<void>;
}

/**
 * Requests whose events are taken in one turn. Each wakes its reader, and what all readers do together must not hold up
 * everything else of this thread.
 */
const TAKEN_AT_ONCE = 4;

/** What is taken at a time: the events of one request, or another message. */
type Said = RequestEvents | Exclude<EngineMessage, { readonly kind: "events" }>;

/** Somebody who waits for an answer. */
interface Waiting<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** See the file's head. */
export class EngineClient implements EngineHandle {
  private readonly requests = new Map<number, RemoteRequest>();
  private readonly questions = new Map<number, Waiting<EngineStats | Float32Array>>();
  private numCalls = 0;
  private failure?: Error;
  private isClosed = false;
  private isBusy = false;
  /** What was said and is not yet taken. */
  private readonly inbox = new Fifo<Said>();
  private isTaking = false;

  constructor(
    readonly limits: EngineLimits,
    private readonly connection: EngineConnection,
  ) {}

  submit(request: GenerationRequest): RunningRequest {
    if (this.isClosed) throw closedError();
    checkRequest(request, this.limits);
    if (this.failure) throw this.failure;
    const { signal, ...rest } = request;
    const id = this.numCalls++;
    this.sendRequest(id, { ...rest, prompt: Int32Array.from(request.prompt) }, signal?.aborted ?? false);
    const cancel = () => {
      if (this.requests.has(id)) this.connection.send({ kind: "cancel", id });
    };
    const remote = new RemoteRequest({
      onLeave: cancel,
      tellRead: (count) => this.requests.has(id) && this.connection.send({ kind: "read", id, count }),
    });
    signal?.addEventListener("abort", cancel, { once: true });
    remote.result.finally(() => signal?.removeEventListener("abort", cancel)).catch(() => {});
    this.requests.set(id, remote);
    this.noteBusy();
    return { result: remote.result, cancel, [Symbol.asyncIterator]: () => remote.events[Symbol.asyncIterator]() };
  }

  async promptState(prompt: ArrayLike<number>): Promise<Float32Array> {
    // Safe: the other side answers this question with a state.
    return (await this.ask((id) => ({ kind: "state", id, prompt: Int32Array.from(prompt) }))) as Float32Array;
  }

  async stats(): Promise<EngineStats> {
    return (await this.ask((id) => ({ kind: "stats", id }))) as EngineStats;
  }

  private async ask(question: (id: number) => EngineCall): Promise<EngineStats | Float32Array> {
    if (this.failure) throw this.failure;
    if (this.isClosed) throw closedError();
    const id = this.numCalls++;
    const answer = new Promise<EngineStats | Float32Array>((resolve, reject) =>
      this.questions.set(id, { resolve, reject }),
    );
    this.connection.send(question(id));
    this.noteBusy();
    return answer;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.connection.close();
  }

  /** Takes what the engine says: some now, and where it is much, the rest in later turns, in its order. */
  receive(message: EngineMessage): void {
    if (message.kind === "events") this.inbox.push(...message.requests);
    else this.inbox.push(message);
    if (!this.isTaking) this.takeSome();
  }

  private takeSome(): void {
    this.takeUpTo(TAKEN_AT_ONCE);
    this.noteBusy();
    this.isTaking = this.inbox.length > 0;
    if (this.isTaking) void nextTurn().then(() => this.takeSome());
  }

  private takeUpTo(count: number): void {
    for (let i = 0; i < count; i++) {
      const said = this.inbox.take();
      if (!said) return;
      this.take(said);
    }
  }

  private take(said: Said): void {
    if (!("kind" in said)) this.takeEvents(said);
    else if (said.kind === "answer") this.settle(said.id, (waiting) => waiting.resolve(said.answer));
    else if (said.kind === "result") this.requests.get(said.id)?.succeed(said.completion);
    else if (this.questions.has(said.id)) this.settle(said.id, ({ reject }) => reject(receivedError(said.error)));
    else this.requests.get(said.id)?.fail(receivedError(said.error));
  }

  private settle(id: number, how: (waiting: Waiting<EngineStats | Float32Array>) => void): void {
    const waiting = this.questions.get(id);
    this.questions.delete(id);
    if (waiting) how(waiting);
  }

  /** Ends everything that still waits for what has not come, and whatever comes later, with `error`. */
  fail(error: Error): void {
    this.failure ??= error;
    this.takeUpTo(this.inbox.length);
    for (const { reject } of this.questions.values()) reject(this.failure);
    for (const request of this.requests.values()) {
      request.fail(this.failure);
      request.take([], true);
    }
    this.questions.clear();
    this.requests.clear();
    this.noteBusy();
  }

  private sendRequest(id: number, request: GenerationRequest, isAborted: boolean): void {
    try {
      this.connection.send({ kind: "submit", id, request, isAborted });
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      throw new ConfigError(`request: it cannot be sent to the engine's thread: ${error.message}`);
    }
  }

  private takeEvents({ id, events, isLast }: RequestEvents): void {
    this.requests.get(id)?.take(events, isLast ?? false);
    if (isLast) this.requests.delete(id); // its result has come: it is sent first
  }

  private noteBusy(): void {
    const isBusy = this.requests.size + this.questions.size > 0;
    if (isBusy !== this.isBusy) this.connection.setBusy((this.isBusy = isBusy));
  }
}

/** A request as it is seen from here. */
class RemoteRequest {
  readonly events: EventQueue<TokenEvent>;
  readonly result: Promise<Completion>;
  private settle!: Waiting<Completion>;
  private error?: unknown;
  /** Events that came and of which the engine does not know that they were read. */
  private numOwed = 0;
  private numRead = 0;

  constructor(private readonly owner: { onLeave(): void; tellRead(count: number): void }) {
    this.events = new EventQueue({ onLeave: owner.onLeave, onRead: () => this.noteRead() });
    this.result = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    this.result.catch(() => {}); // one who iterates alone hears of errors there
  }

  succeed(completion: Completion): void {
    this.settle.resolve(completion);
  }
  fail(error: unknown): void {
    this.error = error;
    this.settle.reject(error);
  }

  take(events: readonly TokenEvent[], isLast: boolean): void {
    for (const event of events) this.events.push(event);
    this.numOwed += events.length;
    if (isLast) this.events.end(this.error);
    else if (!this.events.hasReader) this.tell(this.numOwed); // while nobody reads, all is kept here
  }

  private noteRead(): void {
    if (this.numOwed > this.numRead && ++this.numRead >= READ_WINDOW / 2) this.tell(this.numRead);
  }

  private tell(count: number): void {
    this.numOwed -= count;
    this.numRead = 0;
    if (count > 0) this.owner.tellRead(count);
  }
}
