// A queue between one that pushes and one that iterates, each at its own pace. Knows nothing of what it carries.
import { Fifo } from "./fifo.js";

/** Values waiting at which a reader counts as behind, until it has read half of them. */
const BEHIND = 1024;

/** What the owner of a queue hears of its reader. */
export interface QueueListener {
  /** The reader left the loop before the end. */
  onLeave(): void;
  /** The reader took a value. */
  onRead?(): void;
}

/** Values pushed come out of `for await` in order. For one reader. */
export class EventQueue<T> implements AsyncIterable<T> {
  private readonly values = new Fifo<T>();
  private isIterated = false;
  private isFull = false;
  private isEnded = false;
  private error: unknown;
  private wake: (() => void) | null = null;

  constructor(private readonly listener: QueueListener) {}

  /** Values pushed and not yet read. */
  get length(): number {
    return this.values.length;
  }
  /** Whether somebody has begun to read. */
  get hasReader(): boolean {
    return this.isIterated;
  }
  /**
   * Whether the reader is so far behind that whoever pushes had better wait. Never while nobody iterates: then all is
   * kept.
   */
  get isBehind(): boolean {
    return this.isIterated && this.isFull;
  }

  push(value: T): void {
    this.values.push(value);
    if (this.length >= BEHIND) this.isFull = true;
    this.wakeReader();
  }
  /** Ends the iteration, once what was pushed is read; with an error, by throwing it. */
  end(error?: unknown): void {
    this.isEnded = true;
    this.error = error;
    this.wakeReader();
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    this.isIterated = true;
    return {
      next: async () => {
        while (this.length === 0 && !this.isEnded) await new Promise<void>((resolve) => (this.wake = resolve));
        if (this.length > 0) return { value: this.take() as T, done: false };
        if (this.error !== undefined) throw this.error;
        return { value: undefined, done: true };
      },
      return: async () => {
        if (!this.isEnded) this.listener.onLeave();
        return { value: undefined, done: true };
      },
    };
  }

  private take(): T | undefined {
    const value = this.values.take();
    if (this.length <= BEHIND / 2) this.isFull = false;
    this.listener.onRead?.();
    return value;
  }

  private wakeReader(): void {
    this.wake?.();
    this.wake = null;
  }
}
