// How many sequences an engine may have at once, running and waiting; what is beyond that is refused with a time to
// come back. Knows no model.
import { ApiError } from "../api-error.js";

/** Seconds a sequence is taken to need until some have ended. */
const FIRST_GUESS_SECONDS = 2;
const MAX_RETRY_SECONDS = 60;

/** Counts the sequences of one engine. */
export class Admission {
  /** Sequences admitted and not ended. */
  numActive = 0;
  private meanSeconds = FIRST_GUESS_SECONDS;

  constructor(
    private readonly maxSequences: number,
    private readonly maxQueue: number,
  ) {}

  /**
   * Takes in `count` sequences of the model `name`; call the result when they have ended. Throws ApiError `busy` where
   * there is no room.
   */
  admit(name: string, count: number): () => void {
    const most = this.maxSequences + this.maxQueue;
    if (this.numActive > 0 && this.numActive + count > most)
      throw new ApiError(
        "busy",
        `${name} is busy: ${this.numActive} sequences run or wait, at most ${most} may, and this request adds ` +
          `${count}; try again later`,
        { code: "server_busy", retryAfterSeconds: this.retrySeconds() },
      );
    this.numActive += count;
    const startedMs = performance.now();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.numActive -= count;
      if (count > 0) this.meanSeconds += ((performance.now() - startedMs) / 1000 - this.meanSeconds) / 8;
    };
  }

  /** When a place in the queue is likely to be free: the queue moves on by one each share of a sequence's time. */
  private retrySeconds(): number {
    return Math.min(MAX_RETRY_SECONDS, Math.max(1, Math.ceil(this.meanSeconds / Math.max(1, this.maxSequences))));
  }
}
