// A body for each of many items, so many at a time, until one fails or a signal fires. Knows nothing of what it does.
import { Interrupted } from "../train/interrupted.js";

/** Does something for an item. The signal fires when all are to stop. */
export type ItemBody<T> = (item: T, index: number, signal: AbortSignal) => Promise<void>;

/**
 * Hands `run` a function that does its body for all items, at most so many at a time, and a signal that fires with
 * `signal` or at the first failure. That failure is thrown when what is under way has ended. Each item has a signal of
 * its own: thousands of listeners on one would be taken for a leak.
 */
export function eachOf<T, R>(
  items: readonly T[],
  atOnce: number,
  signal: AbortSignal | undefined,
  run: (all: (body: ItemBody<T>) => Promise<void>, signal: AbortSignal) => Promise<R>,
): Promise<R> {
  const failed = new AbortController();
  const both = AbortSignal.any([failed.signal, ...(signal ? [signal] : [])]);
  return run((body) => all(items, atOnce, both, failed, body), both);
}

async function all<T>(
  items: readonly T[],
  atOnce: number,
  signal: AbortSignal,
  failed: AbortController,
  body: ItemBody<T>,
): Promise<void> {
  const open = new Set<AbortController>();
  let next = 0;
  const work = async () => {
    while (next < items.length && !signal.aborted) {
      const index = next++;
      const own = new AbortController();
      open.add(own);
      try {
        await body(items[index], index, own.signal);
      } catch (error) {
        failed.abort(error); // only the first one counts
      }
      open.delete(own);
    }
  };
  const abortAll = () => {
    for (const own of open) own.abort(signal.reason);
  };
  signal.addEventListener("abort", abortAll, { once: true });
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, work));
  signal.removeEventListener("abort", abortAll);
  signal.throwIfAborted();
}

/** Half-finished completions would be counted as wrong ones: with the signal, all of them are given up. */
export async function uninterrupted<R>(signal: AbortSignal | undefined, body: () => Promise<R>): Promise<R> {
  try {
    const result = await body();
    if (!signal?.aborted) return result;
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
  throw new Interrupted();
}
