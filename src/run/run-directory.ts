// The directory of one run: config.json, metrics.jsonl, samples.jsonl, summary.json and where checkpoints and the
// report go. Knows file names and who may use them; nothing of training, and nothing of what the report looks like.
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { makeDirectory, writeFileAtomically } from "../atomic-file.js";
import { ConfigError } from "../errors.js";
import { ProcessLock } from "../process-lock.js";
import type { Fingerprints } from "./fingerprints.js";
import { JsonLinesWriter, readJsonLines } from "./json-lines.js";
import type { MetricsFollower, MetricsLog } from "./metrics-log.js";
import type {
  LogPosition,
  MachineDescription,
  MetricsRecord,
  RunConfig,
  RunPlan,
  RunSummary,
  SampleRecord,
  TrainingSummary,
} from "./records.js";
import { CONFIG_FILE, LOCK_FILE, METRICS_FILE, PLAN_FILE, SAMPLES_FILE, SUMMARY_FILE } from "./run-files.js";

/** What a run that was killed while it began leaves behind: nothing that would be missed. */
const BEGINNINGS = /^(run\.lock(\.[0-9a-f]{8})?|config\.json\.\d+\.tmp)$/;

/** What a new run is made from. `path` is the directory itself (`--out`); without it, `runs/<verb>-<date>-<time>`. */
export interface CreateRunOptions {
  verb: string;
  path?: string;
  seed: number;
  options: Readonly<Record<string, unknown>>;
  /** Of the files that decide the run: data, rewards, tasks. */
  fingerprints?: Fingerprints;
  versions?: Readonly<Record<string, string>>;
  isa: string;
  threads?: number;
}

/** A run directory open for writing, by one process at a time: it holds a lock until it is closed. */
export class RunDirectory {
  private readonly followers: MetricsFollower[] = [];

  private constructor(
    readonly path: string,
    readonly config: RunConfig,
    private readonly lock: ProcessLock,
    private readonly metrics: JsonLinesWriter,
    private readonly samples: JsonLinesWriter,
  ) {}

  /**
   * Makes a new run directory. Throws ConfigError when the place is taken by a file or a directory that is not empty.
   */
  static create(options: CreateRunOptions, now = new Date()): RunDirectory {
    const path = resolve(options.path ?? join("runs", defaultRunName(options.verb, now)));
    refuseTaken(path);
    try {
      makeDirectory(path);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      throw new ConfigError(`cannot create the run directory ${path} (${code}); choose another place with --out`, {
        cause: error,
      });
    }
    const config: RunConfig = {
      verb: options.verb,
      seed: options.seed,
      options: options.options,
      ...(options.fingerprints && { fingerprints: options.fingerprints }),
      versions: { node: process.versions.node, ...options.versions },
      machine: describeMachine(options.isa, options.threads),
      startedAt: now.toISOString(),
    };
    return RunDirectory.open(path, holdRun(path), () => {
      // of one that was killed here
      for (const name of readdirSync(path)) if (name.endsWith(".tmp")) rmSync(join(path, name));
      writeConfig(path, config);
      return { config };
    });
  }

  /**
   * Opens an existing run to go on from a checkpoint. The logs are cut back to `position`, so that the steps made
   * since, which will be made again, do not appear twice. Without a position (no checkpoint yet) they start empty.
   * `lock`: taken before, by `holdRun`.
   */
  static resume(
    path: string,
    position: LogPosition = { metrics: 0, samples: 0 },
    lock: ProcessLock = holdRun(path),
  ): RunDirectory {
    return RunDirectory.open(resolve(path), lock, () => {
      const config = readRunConfig(path);
      rmSync(join(path, SUMMARY_FILE), { force: true });
      return { config, position };
    });
  }

  /** Opens the logs under the lock, which is given back when that fails. */
  private static open(
    path: string,
    lock: ProcessLock,
    prepare: () => { config: RunConfig; position?: LogPosition },
  ): RunDirectory {
    try {
      const { config, position } = prepare();
      const metrics = JsonLinesWriter.open(join(path, METRICS_FILE), position?.metrics);
      return new RunDirectory(
        path,
        config,
        lock,
        metrics,
        JsonLinesWriter.open(join(path, SAMPLES_FILE), position?.samples),
      );
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Where the checkpoints of this run are kept. */
  get checkpointsPath(): string {
    return join(this.path, "checkpoints");
  }

  /** Where the report of this run is written. */
  get reportPath(): string {
    return join(this.path, "report.html");
  }

  /** Appends one line of metrics, stamped with the time; values that are not finite by their names. */
  logMetrics(record: MetricsRecord): void {
    const line = stamped(record);
    this.metrics.append(
      Object.fromEntries(
        Object.entries(line).map(([name, value]) => [
          name,
          typeof value === "number" && !Number.isFinite(value) ? `${value}` : value,
        ]),
      ),
    );
    for (const follower of this.followers) follower.take(line);
  }

  /** Begins logs of other programs, which take every line of metrics from here on. Gives what is to be closed. */
  follow(logs: readonly MetricsLog[], notice: (line: string) => void): readonly MetricsFollower[] {
    if (logs.length === 0) return [];
    const past = readJsonLines<MetricsRecord>(join(this.path, METRICS_FILE));
    const followers = logs.map((log) => log.begin({ path: this.path, config: this.config, past, notice }));
    this.followers.push(...followers);
    return followers;
  }

  /** Appends one sample, stamped with the time. */
  logSample(record: SampleRecord): void {
    this.samples.append(stamped(record));
  }

  /** How long the logs are. Take it after a step's lines, `sync`, and put it into that step's checkpoint. */
  position(): LogPosition {
    return { metrics: this.metrics.sizeBytes, samples: this.samples.sizeBytes };
  }

  /** Makes all lines survive a power cut: a checkpoint relies on them. */
  sync(): void {
    this.metrics.sync();
    this.samples.sync();
  }

  /** Writes plan.json: the stage that begins, for those who watch. Where it cannot be written, the run goes on without. */
  writePlan(plan: RunPlan): void {
    try {
      writeFileAtomically(join(this.path, PLAN_FILE), `${JSON.stringify(plan)}\n`);
    } catch {
      // nothing but the time left depends on it
    }
  }

  /** Writes summary.json, whole or not at all. */
  writeSummary(summary: RunSummary | TrainingSummary): void {
    writeFileAtomically(join(this.path, SUMMARY_FILE), `${JSON.stringify(summary, null, 2)}\n`);
  }

  /** Ends the writing and gives the lock back. */
  close(): void {
    this.metrics.close();
    this.samples.close();
    this.lock.release();
  }
}

/** Keeps other processes from writing to the run at `path`. Throws ConfigError while one does. */
export function holdRun(path: string): ProcessLock {
  const file = join(path, LOCK_FILE);
  try {
    return ProcessLock.take(
      file,
      (holder) =>
        new ConfigError(
          `${path}: ${holder} is using this run; wait for it or stop it (if that process no longer exists, ` +
            `remove ${file})`,
        ),
    );
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new ConfigError(`${path}: not writable (${code}); copy the run to another place and continue there`, {
      cause: error,
    });
  }
}

/** Replaces what config.json says of the files that decide the run. */
export function acceptFingerprints(path: string, fingerprints: Fingerprints): void {
  writeConfig(path, { ...readRunConfig(path), fingerprints });
}

const writeConfig = (path: string, config: RunConfig): void =>
  writeFileAtomically(join(path, CONFIG_FILE), `${JSON.stringify(config, null, 2)}\n`);

/**
 * Everything a run has written about itself so far. While it is not finished there is neither `summary` (with
 * reinforcement) nor `training`.
 */
export interface RunRecords {
  path: string;
  config: RunConfig;
  metrics: MetricsRecord[];
  samples: SampleRecord[];
  summary?: RunSummary;
  training?: TrainingSummary;
}

/** Reads a run directory, finished or not. Throws ConfigError when it is none, DataError naming a malformed line. */
export function readRun(path: string): RunRecords {
  const summaryPath = join(path, SUMMARY_FILE);
  const summary = existsSync(summaryPath) ? readJson<RunSummary | TrainingSummary>(summaryPath) : undefined;
  return {
    path: resolve(path),
    config: readRunConfig(path),
    metrics: readLog<MetricsRecord>(join(path, METRICS_FILE)),
    samples: readLog<SampleRecord>(join(path, SAMPLES_FILE)),
    ...(summary && ("rlSteps" in summary ? { summary } : { training: summary })),
  };
}

/** The config.json of a run. Throws ConfigError when the directory is no run directory. */
export function readRunConfig(path: string): RunConfig {
  const file = join(path, CONFIG_FILE);
  if (!existsSync(file)) {
    const mend = isBeginning(path)
      ? "this run was stopped before it started: start it again with --out"
      : "choose a directory under runs/";
    throw new ConfigError(`${path}: expected a run directory with ${CONFIG_FILE}, found none; ${mend}`);
  }
  const config = readJson<RunConfig>(file);
  if (typeof config?.verb !== "string" || typeof config.machine !== "object")
    throw new ConfigError(`${file}: not the configuration of a run`);
  return config;
}

/** `<verb>-YYYYMMDD-HHMMSS`, local time. */
export function defaultRunName(verb: string, now: Date): string {
  const pad = (value: number) => String(value).padStart(2, "0");
  const date = `${now.getFullYear()}${pad(now.getMonth() + 1)}${pad(now.getDate())}`;
  return `${verb}-${date}-${pad(now.getHours())}${pad(now.getMinutes())}${pad(now.getSeconds())}`;
}

/** The machine as the system describes it. */
export function describeMachine(isa: string, threads = availableParallelism()): MachineDescription {
  const cpu = cpus()[0]?.model.trim() || "unknown CPU";
  return { cpu, threads, isa, memoryBytes: totalmem(), platform: `${process.platform} ${process.arch}` };
}

function refuseTaken(path: string): void {
  if (!existsSync(path)) return;
  let names: string[];
  try {
    names = readdirSync(path);
  } catch (error) {
    throw new ConfigError(`${path}: expected a directory for the run; choose another place with --out`, {
      cause: error,
    });
  }
  if (names.every((name) => BEGINNINGS.test(name))) return;
  const mend = names.includes(CONFIG_FILE)
    ? "continue it with --resume, or choose another place with --out"
    : "choose an empty or new directory with --out";
  throw new ConfigError(
    `${path} is not empty (${names.slice(0, 3).join(", ")}${names.length > 3 ? ", …" : ""}); ${mend}`,
  );
}

/** Whether a run was killed here before its config.json was there. */
function isBeginning(path: string): boolean {
  const names = existsSync(path) ? readdirSync(path) : [];
  return names.length > 0 && names.every((name) => BEGINNINGS.test(name));
}

function stamped<T extends { time?: string }>(record: T): T {
  return { ...record, time: record.time ?? new Date().toISOString() };
}

function readLog<T>(path: string): T[] {
  return existsSync(path) ? readJsonLines<T>(path) : [];
}

function readJson<T>(path: string): T {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch (error) {
    throw new ConfigError(`${path}: expected JSON, got ${(error as Error).message}`, { cause: error });
  }
}
