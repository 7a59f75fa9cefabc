// How often and how long something that failed for a while is tried again. Knows nothing of what is tried.
import { setTimeout as sleep } from "node:timers/promises";
import { HubError } from "../errors.js";

/** A failure that may be over soon: a lost connection, a busy server. */
export class TemporaryFailure extends HubError {
  constructor(
    message: string,
    /** How long the server asks to wait, if it does. */
    readonly waitMs: number | null = null,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The waits are `firstMs`, twice that, and so on. */
export interface RetryPlan {
  readonly retries: number;
  readonly firstMs: number;
}

/** Half a minute in all. */
export const DEFAULT_RETRIES: RetryPlan = { retries: 6, firstMs: 500 };

const LONGEST_WAIT_MS = 5 * 60_000;
/** A wait from here on is told. */
const TOLD_MS = 1500;

/** The patience of one undertaking; progress renews it. */
export class Patience {
  private failures = 0;

  constructor(
    private readonly plan: RetryPlan,
    private readonly signal: AbortSignal,
    private readonly note: (line: string) => void,
  ) {}

  /** Waits until it is time to try again; throws the failure where that is of no use. */
  async after(failure: unknown): Promise<void> {
    this.signal.throwIfAborted();
    if (!(failure instanceof TemporaryFailure) || this.failures >= this.plan.retries) throw failure;
    const waitMs = Math.max(failure.waitMs ?? 0, this.plan.firstMs * 2 ** this.failures++ * (0.75 + Math.random() / 2));
    if (waitMs > LONGEST_WAIT_MS) throw failure;
    if (waitMs >= TOLD_MS) this.note(`${failure.message}; retrying in ${Math.round(waitMs / 1000)} s`);
    await sleep(waitMs, undefined, { signal: this.signal });
  }

  /** It went on: failures count from here. */
  renew(): void {
    this.failures = 0;
  }
}
