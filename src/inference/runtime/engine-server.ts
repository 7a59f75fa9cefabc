// The side of the engine: takes calls from another thread and sends what comes of them, the events of a step in one
// message. Knows no threads; messages go where its owner sends them.
import type { EngineHandle, EngineStats, RunningRequest } from "./engine-handle.js";
import { type EngineCall, type EngineMessage, READ_WINDOW, type RequestEvents, sentError } from "./engine-protocol.js";
import type { TokenEvent } from "./request.js";

/** A request that is being served. */
interface Served {
  readonly running: RunningRequest;
  /** Events sent that the other side has not said to have read. */
  numUnread: number;
  /** Whether events are sent whether or not they are read: nothing more than is there will come. */
  isFree: boolean;
  /** Wakes the one who waits for events to be read. */
  wake: (() => void) | null;
}

/** See the file's head. */
export class EngineServer {
  private readonly served = new Map<number, Served>();
  private outbox = new Map<number, { events: TokenEvent[]; isLast?: true }>();

  constructor(
    private readonly engine: EngineHandle,
    private readonly send: (message: EngineMessage) => void,
  ) {}

  /** Takes a call; `close` is the owner's affair. */
  receive(call: Exclude<EngineCall, { readonly kind: "close" }>): void {
    if (call.kind === "submit") this.submit(call);
    else if (call.kind === "cancel") this.cancel(call.id);
    else if (call.kind === "read") this.noteRead(call.id, call.count);
    else if (call.kind === "state") void this.answer(call.id, async () => this.engine.promptState(call.prompt));
    else void this.answer(call.id, async () => this.engine.stats());
  }

  /** Lets go of readers that are behind, so that every request can end. */
  release(): void {
    for (const id of this.served.keys()) this.free(id);
  }

  private submit({ id, request, isAborted }: Extract<EngineCall, { readonly kind: "submit" }>): void {
    try {
      const running = this.engine.submit(isAborted ? { ...request, signal: AbortSignal.abort() } : request);
      const served: Served = { running, numUnread: 0, isFree: false, wake: null };
      this.served.set(id, served);
      const told = running.result.then(
        (completion) => this.send({ kind: "result", id, completion }),
        (error) => this.send({ kind: "failed", id, error: sentError(error) }),
      );
      void this.forward(id, served, told);
    } catch (error) {
      this.send({ kind: "failed", id, error: sentError(error) });
      this.post(id, [], true);
    }
  }

  private cancel(id: number): void {
    this.served.get(id)?.running.cancel();
    this.free(id);
  }

  private noteRead(id: number, count: number): void {
    const served = this.served.get(id);
    if (!served) return;
    served.numUnread -= count;
    served.wake?.();
  }

  private free(id: number): void {
    const served = this.served.get(id);
    if (!served) return;
    served.isFree = true;
    served.wake?.();
  }

  private async answer(id: number, ask: () => Promise<EngineStats | Float32Array>): Promise<void> {
    try {
      this.send({ kind: "answer", id, answer: await ask() });
    } catch (error) {
      this.send({ kind: "failed", id, error: sentError(error) });
    }
  }

  /** Sends the events, and after the result that they were all. */
  private async forward(id: number, served: Served, told: Promise<void>): Promise<void> {
    try {
      for await (const event of served.running) {
        while (served.numUnread >= READ_WINDOW && !served.isFree)
          await new Promise<void>((resolve) => (served.wake = resolve));
        served.wake = null;
        served.numUnread++;
        this.post(id, [event], false);
      }
    } catch {
      // The result tells of it, and the other side ends the iteration with it.
    }
    await told;
    this.served.delete(id);
    this.post(id, [], true);
  }

  /** What comes in one turn goes out together. */
  private post(id: number, events: readonly TokenEvent[], isLast: boolean): void {
    if (this.outbox.size === 0) queueMicrotask(() => this.flush());
    const waiting = this.outbox.get(id) ?? { events: [] };
    this.outbox.set(id, waiting);
    waiting.events.push(...events);
    if (isLast) waiting.isLast = true;
  }

  private flush(): void {
    const requests: RequestEvents[] = [...this.outbox].map(([id, each]) => ({ id, ...each }));
    this.outbox = new Map();
    this.send({ kind: "events", requests });
  }
}
