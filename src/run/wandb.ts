// A run's metrics for Weights & Biases, through their own package where a person has installed it. Knows its three
// functions; credentials, servers and retries are the package's.
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigError } from "../errors.js";
import { hashString } from "../random.js";
import { type FollowedRun, figuresOf, type MetricsFollower, type MetricsLog } from "./metrics-log.js";

/** What is used of the package `@wandb/sdk`. */
interface Wandb {
  init(options: object): Promise<unknown>;
  log(data: Readonly<Record<string, number>>): void;
  finish(): Promise<void>;
}

const PACKAGE = "@wandb/sdk";

/** The log, with the package found from a directory. Throws ConfigError where it is not installed. */
export async function wandbLog(directory = process.cwd()): Promise<MetricsLog> {
  const wandb = await installed(directory);
  return { begin: (run) => follow(wandb, run) };
}

async function installed(directory: string): Promise<Wandb> {
  let place: string;
  try {
    place = createRequire(join(directory, "index.js")).resolve(PACKAGE);
  } catch (error) {
    throw new ConfigError(`--log wandb: the package ${PACKAGE} is not installed here; npm install ${PACKAGE}`, {
      cause: error,
    });
  }
  const loaded = (await import(pathToFileURL(place).href)) as {
    readonly default: Wandb & { readonly default?: Wandb };
  };
  return loaded.default.default ?? loaded.default;
}

/** Lines go one after the other; the first that fails ends the log, and not the run. */
function follow(wandb: Wandb, { path, config, notice }: FollowedRun): MetricsFollower {
  const name = basename(path);
  const options = {
    ...{ project: "luciole", name, id: `${name}-${hashString(path).toString(36)}`, resume: "allow" },
    ...{ job_type: config.verb, config: config.options },
  };
  let last: Promise<unknown> = withoutItsSignals(() => wandb.init(options));
  let isBroken = false;
  const next = (body: () => unknown) => {
    last = last.then(body).catch((error: unknown) => {
      if (!isBroken) notice(`wandb: ${(error as Error)?.message ?? error}; the run goes on without its log`);
      isBroken = true;
    });
  };
  return {
    take: (line) =>
      next(() => isBroken || wandb.log({ [`${line.phase}/step`]: line.step, ...Object.fromEntries(figuresOf(line)) })),
    async close() {
      next(() => isBroken || wandb.finish());
      await last;
    },
  };
}

/** The package ends the process on Ctrl-C, before a run would be saved: its listeners are taken off again. */
async function withoutItsSignals<T>(body: () => Promise<T>): Promise<T> {
  const signals = ["SIGINT", "SIGTERM"] as const;
  const before = signals.map((signal) => process.listeners(signal));
  const removeNew = () =>
    signals.forEach((signal, i) => {
      for (const listener of process.listeners(signal))
        if (!before[i].includes(listener)) process.removeListener(signal, listener);
    });
  const result = body();
  setImmediate(removeNew);
  try {
    return await result;
  } finally {
    removeNew();
  }
}
