// The grading processes: at most one per core, started when they are needed, ended when they are idle. Knows no tests.
import { availableParallelism } from "node:os";
import { RunnerProcess } from "./runner-process.js";

/** How long a process waits for more to do. */
const IDLE_MS = 30_000;

const idle = new Map<RunnerProcess, NodeJS.Timeout>();
const waiting: (() => void)[] = [];
let numBusy = 0;

/** Runs `work` with a process of its own, as soon as a core is free. */
export async function withRunner<T>(work: (nextProcess: () => RunnerProcess) => Promise<T>): Promise<T> {
  if (numBusy >= availableParallelism()) await new Promise<void>((resolve) => waiting.push(resolve));
  else numBusy++;
  let runner = takeIdle();
  try {
    return await work(() => (runner?.isAlive ? runner : (runner = new RunnerProcess())));
  } finally {
    if (runner?.isAlive) keep(runner);
    const next = waiting.shift();
    if (next) next();
    else numBusy--;
  }
}

/** Ends all processes that have nothing to do. */
export function endIdleRunners(): void {
  for (const [runner, timer] of idle) {
    clearTimeout(timer);
    runner.kill();
  }
  idle.clear();
}

/** The process that served last: its interpreter is warm. */
function takeIdle(): RunnerProcess | undefined {
  for (const [runner, timer] of [...idle].reverse()) {
    idle.delete(runner);
    clearTimeout(timer);
    if (runner.isAlive) return runner;
  }
  return undefined;
}

function keep(runner: RunnerProcess): void {
  const timer = setTimeout(() => {
    idle.delete(runner);
    runner.kill();
  }, IDLE_MS);
  timer.unref();
  idle.set(runner, timer);
}
