// How much work was done, of which kind, in which time. Plain numbers.

/** Work of one kind done so far. */
export interface WorkCount {
  tokens: number;
  /** Floating-point operations, from the ops' costs. */
  flops: number;
  seconds: number;
}

/** No work yet. */
export const noWork = (): WorkCount => ({ tokens: 0, flops: 0, seconds: 0 });

/** Adds `done` to `total`. */
export function addWork(total: WorkCount, done: WorkCount): void {
  total.tokens += done.tokens;
  total.flops += done.flops;
  total.seconds += done.seconds;
}

/** Measures work that is done between two moments on a device, by its meter and the clock. */
export class WorkClock {
  private start: { readonly ms: number; readonly flops: number };

  constructor(private readonly device: { readonly meter: { readonly flops: number } }) {
    this.start = this.now();
  }

  /** The work since the last lap (or the start), which took so many tokens. */
  lap(tokens: number): WorkCount {
    const [start, end] = [this.start, this.now()];
    this.start = end;
    return { tokens, flops: end.flops - start.flops, seconds: (end.ms - start.ms) / 1000 };
  }

  private now() {
    return { ms: performance.now(), flops: this.device.meter.flops };
  }
}

/** Tokens per second; null where nothing was done. */
export const tokenRate = ({ tokens, seconds }: WorkCount): number | null =>
  tokens > 0 && seconds > 0 ? tokens / seconds : null;

/** Share of the machine's peak; null where either is unknown. */
export const utilisation = (flops: number, seconds: number, peakFlops: number): number | null =>
  peakFlops > 0 && seconds > 0 ? flops / seconds / peakFlops : null;
