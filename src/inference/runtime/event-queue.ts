// A queue between one that pushes and one that iterates, each at its own pace. Knows nothing of what it carries.

/** Values pushed come out of `for await` in order. For one reader. */
export class EventQueue<T> implements AsyncIterable<T> {
  private readonly values: T[] = [];
  private next = 0;
  private isEnded = false;
  private error: unknown;
  private wake: (() => void) | null = null;

  /** `onLeave` is called when the reader leaves the loop before the end. */
  constructor(private readonly onLeave: () => void) {}

  push(value: T): void {
    this.values.push(value);
    this.wakeReader();
  }
  /** Ends the iteration, once what was pushed is read; with an error, by throwing it. */
  end(error?: unknown): void {
    this.isEnded = true;
    this.error = error;
    this.wakeReader();
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return {
      next: async () => {
        while (this.next === this.values.length && !this.isEnded)
          await new Promise<void>((resolve) => (this.wake = resolve));
        if (this.next < this.values.length) return { value: this.take(), done: false };
        if (this.error !== undefined) throw this.error;
        return { value: undefined, done: true };
      },
      return: async () => {
        if (!this.isEnded) this.onLeave();
        return { value: undefined, done: true };
      },
    };
  }

  private take(): T {
    const value = this.values[this.next++];
    if (this.next === this.values.length) this.next = this.values.length = 0;
    return value;
  }

  private wakeReader(): void {
    this.wake?.();
    this.wake = null;
  }
}
