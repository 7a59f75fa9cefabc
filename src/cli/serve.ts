// `luciole serve`: starts a server from flags, a file and the environment, and ends it when it is told to.
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { openBackend } from "../backends/open.js";
import { ConfigError } from "../errors.js";
import { jsonLine } from "../plain-text.js";
import { type RunningServer, startServer } from "../server/server.js";
import { type KeySpec, type ModelSpec, type ServerSettings, serverSettings } from "../server/settings.js";
import { StoppedBySignal } from "./failure.js";
import { modelPath } from "./model-path.js";
import { type ComputeFlags, tell } from "./run-verb.js";
import { pullForServer } from "./serve-pull.js";
import { listenForSignals } from "./stop-signals.js";

/** Flags as commander gives them. */
export interface ServeFlags extends ComputeFlags {
  readonly model?: readonly string[];
  readonly host?: string;
  readonly port?: number;
  readonly apiKeyFile?: string;
  readonly allowHost?: readonly string[];
  readonly corsOrigin?: readonly string[];
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly context?: number;
  readonly cacheTokens?: number;
  readonly cacheType?: "bf16" | "f32" | "fp8";
  readonly adapter?: Readonly<Record<string, string>>;
  readonly maxSequences?: number;
  readonly maxQueue?: number;
  readonly keepAlive?: number;
  readonly maxBody?: number;
  readonly drain?: number;
  readonly allowPull?: boolean;
  readonly runs?: string;
  readonly logContent?: boolean;
  readonly config?: string;
}

/** Serves until a signal comes, then lets requests end. Throws ConfigError for settings that cannot be. */
export async function serve(names: readonly string[], flags: ServeFlags): Promise<void> {
  const settings = settingsOf(names, flags);
  // Kernels that were never built are built here, with a word, and not in each engine's thread.
  await openBackend({ name: flags.backend, threads: flags.threads });
  const stop = listenForSignals({
    onStop: () => tell("stopping: requests under way may end; press again to stop now"),
  });
  try {
    const server = await startServer(settings, flags.allowPull ? { pull: pullForServer } : {});
    try {
      // What cannot be loaded is told at once, where there is nothing else to serve.
      await server.models.loadSingle();
      announce(server, settings);
      if (flags.json)
        process.stdout.write(jsonLine({ url: server.url, models: settings.models.map(({ name }) => name) }));
      if (!stop.signal.aborted)
        await new Promise<void>((resolve) => stop.signal.addEventListener("abort", () => resolve(), { once: true }));
    } finally {
      await server.close();
    }
    throw new StoppedBySignal("stopped", stop.exitCode());
  } finally {
    stop.dispose();
  }
}

function announce({ url }: RunningServer, { models, host, keys }: ServerSettings): void {
  tell(`serving ${models.map(({ name }) => name).join(", ")} at ${url}/v1`);
  tell(`chat in the browser: ${url}`);
  const isOpen = !/^(127\.|localhost$|::1$)/.test(host) && keys.length === 0;
  if (isOpen) tell("warning: other machines can reach this server and need no key; give it one with --api-key-file");
}

/** Settings from file, flags and environment; flags win. */
function settingsOf(names: readonly string[], flags: ServeFlags): ServerSettings {
  const file = flags.config === undefined ? {} : readSettings(flags.config);
  const given = [...names, ...(flags.model ?? [])].map(modelOf);
  const models = [...withAdapters(given, flags.adapter), ...listed(file.models)];
  if (models.length === 0) throw new ConfigError("name a model to serve: a run, a directory, a .gguf file or org/name");
  if ((flags.tlsCert === undefined) !== (flags.tlsKey === undefined))
    throw new ConfigError("TLS needs both --tls-cert and --tls-key");
  const keys = keysOf(flags.apiKeyFile);
  // Checked here, before anything is built or opened.
  return serverSettings({
    ...file,
    ...defined({
      host: flags.host,
      port: flags.port,
      allowedHosts: flags.allowHost,
      allowedOrigins: flags.corsOrigin,
      context: flags.context,
      cacheTokens: flags.cacheTokens,
      cacheType: flags.cacheType === "fp8" ? "fp8-latent" : flags.cacheType,
      maxSequences: flags.maxSequences,
      maxQueue: flags.maxQueue,
      keepAliveSeconds: flags.keepAlive,
      maxBodyBytes: flags.maxBody,
      drainSeconds: flags.drain,
      runs: flags.runs ?? file.runs ?? (existsSync("runs") ? "runs" : undefined),
      logContent: flags.logContent,
      threads: flags.threads,
      backend: flags.backend,
      ...(keys.length > 0 && { keys }),
      ...(flags.tlsCert && flags.tlsKey && { tls: { cert: flags.tlsCert, key: flags.tlsKey } }),
    }),
    models,
  });
}

/** The models of a settings file, as far as they are any: what is none is refused with the other settings. */
const listed = (models: unknown): unknown[] =>
  (Array.isArray(models) ? models : []).map((spec) =>
    typeof spec?.path === "string" ? { ...spec, path: modelPath(spec.path) } : spec,
  );

const defined = (values: object): object =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

/** `name=path`, or a path or pulled model whose name is what it is called. */
function modelOf(given: string): ModelSpec {
  const [, name, path] = /^([^=/\\]+)=(.+)$/.exec(given) ?? [];
  const resolved = modelPath(path ?? given);
  const isPulled = path === undefined && resolved !== given;
  return { name: name ?? (isPulled ? given : nameOf(given)), path: resolved };
}

/** An adapter without a name goes over the model itself; each named one is a model of that name beside it. */
function withAdapters(models: readonly ModelSpec[], adapters: ServeFlags["adapter"]): readonly ModelSpec[] {
  if (adapters === undefined) return models;
  if (models.length !== 1)
    throw new ConfigError(
      `--adapter goes over a single model, got ${models.length}; name each adapter as a model: --model name=<adapter>`,
    );
  const [model] = models;
  const { default: own, ...named } = adapters;
  const others = Object.entries(named).map(([name, adapter]) => ({ ...model, name, adapter }));
  return [own === undefined ? model : { ...model, adapter: own }, ...others];
}

const nameOf = (path: string): string => basename(path).replace(/\.gguf$/i, "");

function readSettings(path: string): Readonly<Record<string, unknown>> {
  const refuse = (what: string, cause?: unknown) =>
    new ConfigError(`--config ${path}: expected a JSON file with settings, got: ${what}`, { cause });
  let settings: unknown;
  try {
    settings = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw refuse((error as Error).message, error);
  }
  if (typeof settings === "object" && settings !== null && !Array.isArray(settings))
    return settings as Readonly<Record<string, unknown>>;
  throw refuse(JSON.stringify(settings).slice(0, 60));
}

/** Keys of the file, else the one of the environment. */
function keysOf(path: string | undefined): KeySpec[] {
  const own = process.env.LUCIOLE_API_KEY;
  if (path === undefined) return own ? [{ name: "LUCIOLE_API_KEY", key: own }] : [];
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`--api-key-file ${path}: ${(error as Error).message}`, { cause: error });
  }
  const lines = text.split("\n").map((line) => line.trim());
  const keys = lines.filter((line) => line !== "" && !line.startsWith("#")).map(keyOf);
  if (keys.length === 0) throw new ConfigError(`--api-key-file ${path}: it holds no key; write one a line`);
  return keys;
}

function keyOf(line: string, place: number): KeySpec {
  const [, name = `key ${place + 1}`, key = line, rate] = /^([^:]+):([^:]+)(?::(\d+))?$/.exec(line) ?? [];
  return { name, key, ...(rate !== undefined && { requestsPerMinute: Number(rate) }) };
}
