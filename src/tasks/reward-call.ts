// Calls a person's reward functions so that whatever goes wrong in one is told by its name and its sample, and nothing
// waits for ever. Knows how to call; what the values mean is the caller's.

import { TrainingError } from "../errors.js";
import { nextTurn } from "../next-turn.js";
import { type CallLimits, excerpt, failureText, isPromise, withinLimits } from "./call-limits.js";
import type { RewardFunction, RewardSample, SampleReward } from "./reward-function.js";

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
  limits: CallLimits,
): Promise<unknown> {
  if (typeof reward === "object") {
    const waiting = new Waiting(name, samples, [undefined]);
    const values = waiting.settle(0, () => reward.scoreBatch(samples));
    return withinLimits(values, (seconds) => waiting.timeout(seconds), limits);
  }
  const waiting = new Waiting(name, samples, samples);
  const values = eachSample(reward, samples, waiting, limits.signal);
  return withinLimits(values, (seconds) => waiting.timeout(seconds), limits);
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
    if (!isPromise(value)) return value;
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
    return new TrainingError(`reward "${this.reward}" failed ${this.describe(index)}: ${failureText(error)}`, {
      cause: error,
    });
  }

  private describe(index: number): string {
    const subject = this.subjects[index];
    return subject === undefined
      ? `for ${this.samples.length} samples`
      : `for sample ${index} (prompt ${excerpt(subject.prompt)}, completion ${excerpt(subject.completion)})`;
  }
}
