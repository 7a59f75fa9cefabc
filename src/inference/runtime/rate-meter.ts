// Tokens per second of recent work. Knows no clock: it is told how long the work took.

const WINDOW_MS = 3000;

/** A rate over the last three seconds of work; idle time does not count. */
export class RateMeter {
  private readonly samples: { readonly count: number; readonly elapsedMs: number }[] = [];
  private count = 0;
  private elapsedMs = 0;

  /** Notes work that made `count` tokens. */
  note(count: number, elapsedMs: number): void {
    this.samples.push({ count, elapsedMs });
    this.count += count;
    this.elapsedMs += elapsedMs;
    while (this.samples.length > 1 && this.elapsedMs - this.samples[0].elapsedMs >= WINDOW_MS) {
      const oldest = this.samples.shift()!;
      this.count -= oldest.count;
      this.elapsedMs -= oldest.elapsedMs;
    }
  }

  /** 0 before any work. */
  perSecond(): number {
    return this.elapsedMs > 0 ? (1000 * this.count) / this.elapsedMs : 0;
  }
}
