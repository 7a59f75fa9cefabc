// Standard output and error when nobody takes them any more: a closed pipe, a full disk, a terminal that has gone.
// Knows no verb.

/** What is known of standard output. */
const output = { outlives: false, failure: null as string | null };

/** From now on the verb goes on without a reader: what it makes lies in a run directory. */
export function outliveReaders(): void {
  output.outlives = true;
}

/**
 * Takes the streams' errors, which would end the process with a stack. `onReaderLeft`: the reader of standard output
 * has closed it early (head, a pager), which is no failure of a verb that only answers.
 */
export function watchStandardStreams({ onReaderLeft }: { readonly onReaderLeft: () => void }): void {
  process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
    if (code === "EPIPE" && !output.outlives) onReaderLeft();
    if (output.failure === null && output.outlives)
      process.stderr.write(`note: standard output is closed (${code}); the run continues without it\n`);
    output.failure ??= code ?? "unknown error";
  });
  process.stderr.on("error", () => {}); // there is nobody left to tell
}

/** Why standard output took no more, unless its reader simply left; null when all was taken. */
export const lostOutput = (): string | null => (output.failure === "EPIPE" ? null : output.failure);

/** Waits until both streams have taken what was written. */
export async function drainStandardStreams(): Promise<void> {
  await Promise.all(
    [process.stdout, process.stderr].map((stream) => new Promise<void>((resolve) => stream.write("", () => resolve()))),
  );
}
