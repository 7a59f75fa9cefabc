// What a person's task or reward module does behind the program's back: errors nobody waits for, and calls of
// process.exit. Knows no verb.
import { TrainingError } from "../errors.js";

/** What was caught since. */
export interface StrayFailures {
  /** Fires with the first failure that no call of the program's own brings to light. */
  readonly signal: AbortSignal;
  /** That failure. */
  first(): TrainingError | undefined;
  dispose(): void;
}

/**
 * Catches rejections and exceptions that nobody handles, and makes process.exit an error at the place that calls it.
 */
export function catchStrayFailures(): StrayFailures {
  const controller = new AbortController();
  let first: TrainingError | undefined;
  const note = (what: string) => (error: unknown) => {
    first ??=
      error instanceof TrainingError
        ? error
        : new TrainingError(`${what}: ${messageOf(error)}; fix the module of the task or reward`, { cause: error });
    controller.abort();
  };
  const onRejection = note("a promise was rejected without a handler");
  const onException = note("an error was thrown where it cannot be caught (in a timer or an event)");
  process.on("unhandledRejection", onRejection).on("uncaughtException", onException);
  const { exit } = process;
  process.exit = refuseExit;
  const dispose = () => {
    process.off("unhandledRejection", onRejection).off("uncaughtException", onException);
    process.exit = exit;
  };
  return { signal: controller.signal, first: () => first, dispose };
}

function refuseExit(code?: string | number | null): never {
  throw new TrainingError(
    `process.exit(${code ?? ""}) was called during a run; remove the call, luciole ends the process itself`,
  );
}

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)) || "(no message)";
