// How a person or a system asks a verb to stop: Ctrl-C, SIGTERM, the end of the terminal. Knows no verb.
import { constants } from "node:os";

/** A signal listener that was set up; `exitCode` is 128 + the signal that came. */
export interface SignalListener {
  readonly signal: AbortSignal;
  exitCode(): number;
  dispose(): void;
}

/** What is told of a stop. */
export interface StopEvents {
  /** The first signal has come. */
  readonly onStop?: (name: NodeJS.Signals) => void;
  /** The work goes on for a while yet; from now on a further SIGINT or SIGTERM ends the process at once. */
  readonly onWaiting?: () => void;
}

/** One Ctrl-C may come twice: from the terminal, and passed on by npm. */
const REPEATS_MS = 200;
const WAITING_MS = 1000;

/**
 * Aborts on the first SIGINT, SIGTERM or SIGHUP. A second SIGINT or SIGTERM ends the process, by the system's own
 * action as soon as the waiting has been told. SIGHUP comes from the shell and from the terminal itself when that ends,
 * so a second one says nothing new.
 */
export function listenForSignals({ onStop, onWaiting }: StopEvents = {}): SignalListener {
  const controller = new AbortController();
  let code = 0;
  let stoppedMs = 0;
  let timer: NodeJS.Timeout | undefined;
  const release = () => {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, stop);
  };
  const wait = () => {
    release();
    onWaiting?.();
  };
  const stop = (name: NodeJS.Signals) => {
    if (controller.signal.aborted)
      return name === "SIGHUP" || performance.now() - stoppedMs < REPEATS_MS ? undefined : endAtOnce(name, release);
    stoppedMs = performance.now();
    code = 128 + constants.signals[name];
    controller.abort();
    onStop?.(name);
    timer = setTimeout(wait, WAITING_MS);
    timer.unref();
  };
  const hangUp = isHangupIgnored() ? () => {} : stop;
  process.on("SIGINT", stop).on("SIGTERM", stop).on("SIGHUP", hangUp);
  const dispose = () => {
    clearTimeout(timer);
    release();
    process.off("SIGHUP", hangUp);
  };
  return { signal: controller.signal, exitCode: () => code, dispose };
}

/** Gives the signal back to the system, whose action ends the process. */
function endAtOnce(name: NodeJS.Signals, release: () => void): void {
  release();
  process.kill(process.pid, name);
}

/**
 * Whether the program was started by nohup. Node forgets that a signal was ignored before it began; shells say what
 * they started.
 */
export const isHangupIgnored = (env: Readonly<Record<string, string | undefined>> = process.env): boolean =>
  /(^|\/)nohup$/.test(env._ ?? "");
