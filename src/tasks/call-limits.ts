// What bounds a call of a person's own code, and how its failure is told. Knows not what is called.

/** A value, or the promise of one. */
export type Awaitable<T> = T | Promise<T>;

/** What bounds a call. */
export interface CallLimits {
  /** Seconds that it may take; default: no limit. */
  readonly timeoutSeconds?: number;
  /** Ends the waiting with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Longer ones are more than a timer takes. */
const MAX_TIMEOUT_SECONDS = 2 ** 31 / 1000 - 1;

/** The result, unless the time is over, of which `onTimeout` makes the error, or the signal fires first. */
export async function withinLimits<T>(
  result: T | PromiseLike<T>,
  onTimeout: (seconds: number) => Error,
  { timeoutSeconds = Number.POSITIVE_INFINITY, signal }: CallLimits,
): Promise<T> {
  if (!isPromise(result)) return result;
  let timer: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  const bounds = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal?.reason);
    // Also keeps the program waiting where nothing else does.
    if (timeoutSeconds <= MAX_TIMEOUT_SECONDS)
      timer = setTimeout(() => reject(onTimeout(timeoutSeconds)), timeoutSeconds * 1000);
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

/** Whether a value is waited for. */
export const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | null)?.then === "function";

/** What was thrown, and where in a person's module, as its stack says: `no such key (at …/reward.ts:7:9)`. */
export function failureText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const found = /\(?((?:file:\/\/)?\/[^()\n]+:\d+:\d+)\)?$/m.exec((error as Error | undefined)?.stack ?? "");
  return `${message || "(no message)"}${found ? ` (at ${found[1]})` : ""}`;
}

const EXCERPT_CHARACTERS = 40;
/** The beginning of a text, quoted. */
export const excerpt = (text: string): string =>
  JSON.stringify(text.length > EXCERPT_CHARACTERS ? `${text.slice(0, EXCERPT_CHARACTERS)}…` : text);
