// Lines that are told by calls and read one by one: what comes while nobody reads waits.

/** See the file's head; read by one. */
export class LineQueue<T> {
  private readonly waiting: T[] = [];
  private wake = () => {};
  private isEnded = false;
  private failure: unknown;

  push(line: T): void {
    this.waiting.push(line);
    this.wake();
  }

  /** No more will come; with an error the reader hears it behind the last line. */
  end(failure?: unknown): void {
    this.isEnded = true;
    this.failure = failure;
    this.wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      for (let line = this.waiting.shift(); line !== undefined; line = this.waiting.shift()) yield line;
      if (this.failure) throw this.failure;
      if (this.isEnded) return;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}
