// What a failed command says and which code it exits with: 1 failed, 2 wrong usage, 128 + signal stopped on request.
import { CommanderError } from "commander";
import { ConfigError, LucioleError } from "../errors.js";
import { oneLine, withoutControls } from "../plain-text.js";
import { fitted } from "../terminal/terminal-text.js";

/** Thrown when a signal stopped a verb; `message` says what was saved and how to go on. */
export class StoppedBySignal extends Error {
  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
  }
}

/** Thrown when a run failed; `saved` says what was kept of it. */
export class FailedRun extends Error {
  constructor(
    override readonly cause: unknown,
    readonly saved: string,
  ) {
    super(saved);
  }
}

/** Writes one line (with `debug` also the stack) to standard error and gives the exit code. */
export function reportFailure(
  error: unknown,
  { debug }: { readonly debug: boolean },
  write: (text: string) => void = (text) => process.stderr.write(fitted(text.split("\n"), process.stderr).join("\n")),
): number {
  // Commander has printed its own line, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof StoppedBySignal) {
    write(`${error.message}\n`);
    return error.exitCode;
  }
  if (error instanceof FailedRun) {
    const code = reportFailure(error.cause, { debug }, write);
    write(`${error.saved}\n`);
    return code;
  }
  write(`${describe(error)}\n`);
  if (debug && error instanceof Error)
    write(withoutControls(`${error.stack}\n${error.cause instanceof Error ? `caused by ${error.cause.stack}\n` : ""}`));
  return error instanceof ConfigError ? 2 : 1;
}

function describe(error: unknown): string {
  const message = oneLine(error instanceof Error ? error.message : String(error));
  if (error instanceof LucioleError) return `error: ${message}`;
  const isSystem = typeof (error as NodeJS.ErrnoException | undefined)?.code === "string";
  return isSystem
    ? `error: ${message}`
    : `error: ${message} (unexpected error: run again with --debug and report the output)`;
}
