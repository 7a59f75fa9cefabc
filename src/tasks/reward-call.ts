// Calls a person's reward functions so that whatever goes wrong in one is told by its name and its sample, and nothing
// waits for ever. Knows how to call; what the values mean is the caller's.

import { TrainingError } from "../errors.js";
import { nextTurn } from "../next-turn.js";
import type { RewardFunction, RewardSample, SampleReward } from "./reward-function.js";

/** What bounds a call. */
export interface RewardLimits {
  /** Seconds that one reward may take for all samples together; default: no limit. */
  readonly timeoutSeconds?: number;
  /** Ends the waiting with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** How long samples are scored in one go before signals get their turn. */
const TURN_MS = 100;

/**
 * The values of one reward for all samples, whatever they are; async ones are waited for together.
 * @throws TrainingError naming reward and sample: when it throws, rejects, or has not settled in time
 */
export async function callReward(
  reward: RewardFunction,
  name: string,
  samples: readonly RewardSample[],
  limits: RewardLimits,
): Promise<unknown> {
  if (typeof reward === "object") {
    const waiting = new Waiting(name, samples, [undefined]);
    return withinLimits(
      waiting.settle(0, () => reward.scoreBatch(samples)),
      waiting,
      limits,
    );
  }
  const waiting = new Waiting(name, samples, samples);
  return withinLimits(eachSample(reward, samples, waiting, limits.signal), waiting, limits);
}

async function eachSample(
  reward: SampleReward,
  samples: readonly RewardSample[],
  waiting: Waiting,
  signal?: AbortSignal,
): Promise<unknown[]> {
  const values: unknown[] = [];
  let turnMs = performance.now();
  for (let i = 0; i < samples.length; i++) {
    values.push(waiting.settle(i, () => reward(samples[i])));
    if (performance.now() - turnMs < TURN_MS) continue;
    await nextTurn();
    signal?.throwIfAborted();
    turnMs = performance.now();
  }
  return Promise.all(values);
}

/** Calls that were begun and have not ended. */
class Waiting {
  private readonly open = new Set<number>();

  /** `subjects`: what each call is about, one sample or (undefined) all. */
  constructor(
    private readonly reward: string,
    private readonly samples: readonly RewardSample[],
    private readonly subjects: readonly (RewardSample | undefined)[],
  ) {}

  /** Whether anything is waited for. */
  get isEmpty(): boolean {
    return this.open.size === 0;
  }

  /**
   * The call's value, or a promise of it; what it throws is told as the reward's doing. A call that ends at once costs
   * no promise.
   */
  settle(index: number, call: () => unknown): unknown {
    let value: unknown;
    try {
      value = call();
    } catch (error) {
      throw this.failure(index, error);
    }
    if (typeof (value as PromiseLike<unknown> | null)?.then !== "function") return value;
    this.open.add(index);
    const waited = Promise.resolve(value).then(
      (settled) => {
        this.open.delete(index);
        return settled;
      },
      (error) => {
        throw this.failure(index, error);
      },
    );
    waited.catch(() => {}); // told once, by whoever waits for all
    return waited;
  }

  /** What is said when the time is over: the first call that is still open. */
  timeout(seconds: number): TrainingError {
    const where = this.describe([...this.open][0] ?? 0);
    return new TrainingError(
      `reward "${this.reward}" has not settled ${where} within ${seconds} s: it is too slow, or its promise ` +
        "never resolves; fix it, or allow more time with --reward-timeout",
    );
  }

  private failure(index: number, error: unknown): TrainingError {
    const message = error instanceof Error ? error.message : String(error);
    return new TrainingError(
      `reward "${this.reward}" failed ${this.describe(index)}: ${message || "(no message)"}${place(error)}`,
      { cause: error },
    );
  }

  private describe(index: number): string {
    const subject = this.subjects[index];
    return subject === undefined
      ? `for ${this.samples.length} samples`
      : `for sample ${index} (prompt ${excerpt(subject.prompt)}, completion ${excerpt(subject.completion)})`;
  }
}

/** Where a person's module threw, as its stack says. */
function place(error: unknown): string {
  const found = /\(?((?:file:\/\/)?\/[^()\n]+:\d+:\d+)\)?$/m.exec((error as Error | undefined)?.stack ?? "");
  return found ? ` (at ${found[1]})` : "";
}

const EXCERPT_CHARACTERS = 40;
const excerpt = (text: string): string =>
  JSON.stringify(text.length > EXCERPT_CHARACTERS ? `${text.slice(0, EXCERPT_CHARACTERS)}…` : text);

/** The result, unless the time is over or the signal fires first. */
async function withinLimits(
  result: unknown,
  waiting: Waiting,
  { timeoutSeconds = Number.POSITIVE_INFINITY, signal }: RewardLimits,
): Promise<unknown> {
  if (typeof (result as PromiseLike<unknown> | null)?.then !== "function") return result;
  let timer: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  const bounds = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal?.reason);
    // Also keeps the program waiting where nothing else does.
    if (timeoutSeconds <= MAX_TIMEOUT_SECONDS)
      timer = setTimeout(() => reject(waiting.timeout(timeoutSeconds)), timeoutSeconds * 1000);
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([result, bounds]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Longer ones are more than a timer takes. */
const MAX_TIMEOUT_SECONDS = 2 ** 31 / 1000 - 1;
