// Processes that a bench starts: whatever ends the bench, none of them outlives it. Knows nothing of what they do.
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { constants } from "node:os";

const running = new Set<ChildProcess>();

/** As `spawn`. The process ends with the bench, or with `endProcesses`. */
export function startProcess(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(command, args, options);
  running.add(child);
  child.on("exit", () => running.delete(child));
  return child;
}

/** Ends all processes that are left: each would keep this one from ending. */
export function endProcesses(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** From now on they end with this process, also where a signal ends it. */
export function endProcessesAtExit(): void {
  process.on("exit", endProcesses);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
}
