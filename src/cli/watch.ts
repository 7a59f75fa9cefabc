// `luciole watch`: the live page of a run, or of the runs of a folder, until it is told to end.
import { existsSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { ConfigError } from "../errors.js";
import { jsonLine } from "../plain-text.js";
import { isRun, listRuns } from "../run/run-list.js";
import type { ShownRuns } from "../server/pages/runs.js";
import { runUrl, watchRuns } from "../server/watch.js";
import { StoppedBySignal } from "./failure.js";
import { tell } from "./run-verb.js";
import { listenForSignals } from "./stop-signals.js";

const DEFAULT_PORT = 8090;

/** Serves the page until a signal comes. Throws ConfigError where there is no run, and for a port that is taken. */
export async function watch(path: string, { port = DEFAULT_PORT, json }: { port?: number; json?: boolean }) {
  const runs = await shownRuns(path);
  const stop = listenForSignals();
  try {
    const listening = await watchRuns(runs, port);
    try {
      const url = runs.only === undefined ? `${listening.url}/runs` : runUrl(listening, runs.only);
      tell(`watching ${path} at ${url}`);
      if (json) process.stdout.write(jsonLine({ url }));
      if (!stop.signal.aborted)
        await new Promise<void>((ended) => stop.signal.addEventListener("abort", () => ended(), { once: true }));
    } finally {
      await listening.drain(0);
    }
    throw new StoppedBySignal("stopped", stop.exitCode());
  } finally {
    stop.dispose();
  }
}

async function shownRuns(path: string): Promise<ShownRuns> {
  const absolute = resolve(path);
  const [folder, name] = [dirname(absolute), basename(absolute)];
  if (isRun(folder, name)) return { folder, only: name };
  if (!existsSync(absolute)) throw new ConfigError(`${path}: there is nothing here; name the directory of a run`);
  if ((await listRuns(absolute)).length > 0) return { folder: absolute };
  throw new ConfigError(`${path}: there is no run here; name the directory of one, or of several`);
}
