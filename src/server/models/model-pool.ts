// The models of a server: loaded when they are first asked for, unloaded when nobody asks, loaded again when their
// thread has ended. Knows no request and no dialect.
import type { Logger } from "pino";
import type { EngineStats } from "../../inference/index.js";
import { ApiError } from "../api-error.js";
import type { ModelSpec, ServerSettings } from "../settings.js";
import { Admission } from "./admission.js";
import { type ModelFacts, modelFacts } from "./model-facts.js";
import { isTooLarge, ServedModel } from "./served-model.js";

const DEFAULT_KEEP_ALIVE_SECONDS = 300;
/** What the system's timers count at most; beyond that they end at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** How a model stands. */
export type ModelState = "unloaded" | "loading" | "loaded" | "failed";

/** A model in use; `release` it once. */
export interface ModelLease {
  readonly model: ServedModel;
  release(): void;
  /** Tells of an error of the engine: a model whose thread has ended is loaded again. */
  noteFailure(): Promise<void>;
}

/** What is told of a model. */
export interface ModelStatus {
  readonly name: string;
  readonly path: string;
  readonly state: ModelState;
  /** Sequences that run or wait. */
  readonly active: number;
  readonly plannedBytes?: number;
  readonly maxContext?: number;
  /** When it is unloaded if nobody asks; undefined while it is in use, and where it stays. */
  readonly unloadsAt?: Date;
  /** Why it did not load. */
  readonly failure?: string;
}

interface Entry {
  readonly spec: ModelSpec;
  readonly admission: Admission;
  opening?: Promise<ServedModel>;
  model?: ServedModel;
  failure?: Error;
  facts?: Promise<ModelFacts | undefined>;
  numUsers: number;
  /** Seconds that it stays loaded where nobody asks; default: the settings'. */
  keepAliveSeconds?: number;
  idleTimer?: NodeJS.Timeout;
  unloadsAt?: Date;
  lastUsedMs: number;
}

/** What opens a model; tests give their own. */
export type OpenModel = (spec: ModelSpec, settings: ServerSettings, signal: AbortSignal) => Promise<ServedModel>;

/** See the file's head. */
export class ModelPool {
  /** When the server began, in seconds since 1970: models have no other date. */
  readonly createdSeconds = Math.floor(Date.now() / 1000);
  private readonly entries: Entry[];
  private readonly closing = new AbortController();

  constructor(
    private readonly settings: ServerSettings,
    private readonly log: Logger,
    private readonly open: OpenModel = ServedModel.open,
  ) {
    this.entries = settings.models.map((spec) => this.entryOf(spec));
  }

  /** The name that stands for no name: the first model's. */
  get defaultName(): string {
    return this.entries[0].spec.name;
  }

  /** Serves one more model, unless one of its name is served. */
  add(spec: ModelSpec): void {
    if (!this.isServed(spec.name)) this.entries.push(this.entryOf(spec));
  }

  isServed(name: string): boolean {
    return this.entries.some(({ spec }) => spec.name === name);
  }

  /** Throws ApiError `not found` naming those served. */
  require(name: string): void {
    this.find(name);
  }

  /**
   * The model of a name, loaded if need be, for `count` sequences. Throws ApiError where there is none, no room, or it
   * does not load.
   */
  async acquire(name: string, count = 1): Promise<ModelLease> {
    const entry = this.find(name);
    const leave = entry.admission.admit(count);
    this.hold(entry);
    const release = once(() => {
      leave();
      this.letGo(entry);
    });
    try {
      const model = await this.loaded(entry);
      return { model, release, noteFailure: () => this.revive(entry, model) };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** How long a model stays loaded where nobody asks, in place of the settings'; 0: not at all, -1: for ever. */
  keep(name: string, seconds: number): void {
    this.find(name).keepAliveSeconds = seconds;
  }

  /** What is known of a model, loaded or not; undefined where its files cannot be read. */
  facts(name: string): Promise<ModelFacts | undefined> {
    const entry = this.find(name);
    entry.facts ??= modelFacts(entry.spec.path);
    return entry.facts;
  }

  /** Unloads a model now, if nobody uses it; whether it did. */
  async unload(name: string): Promise<boolean> {
    const entry = this.find(name);
    if (entry.numUsers > 0 || !entry.model) return false;
    await this.close(entry);
    return true;
  }

  status(): ModelStatus[] {
    return this.entries.map(({ spec, model, opening, failure, admission, unloadsAt }) => ({
      name: spec.name,
      path: spec.path,
      state: model ? "loaded" : opening ? "loading" : failure ? "failed" : "unloaded",
      active: admission.numActive,
      ...(model && { plannedBytes: model.plannedBytes, maxContext: model.maxContext }),
      ...(model && unloadsAt && { unloadsAt }),
      ...(failure && { failure: failure.message }),
    }));
  }

  /** Figures of the engines that run. */
  async stats(): Promise<Map<string, EngineStats>> {
    const figures = new Map<string, EngineStats>();
    for (const { spec, model } of this.entries) {
      const stats = await model?.stats().catch(() => undefined);
      if (stats) figures.set(spec.name, stats);
    }
    return figures;
  }

  /** Ends all models; what runs is cancelled. */
  async closeAll(): Promise<void> {
    this.closing.abort();
    await Promise.allSettled(this.entries.map((entry) => entry.opening));
    await Promise.all(this.entries.map((entry) => this.close(entry)));
  }

  private entryOf(spec: ModelSpec): Entry {
    const { maxSequences, maxQueue } = this.settings;
    return { spec, admission: new Admission(spec.name, maxSequences, maxQueue), numUsers: 0, lastUsedMs: 0 };
  }

  private find(name: string): Entry {
    const entry = this.entries.find(({ spec }) => spec.name === name);
    if (entry) return entry;
    const names = this.entries.map(({ spec }) => spec.name).join(", ");
    throw new ApiError("not found", `the model ${JSON.stringify(name)} is not served here; served: ${names}`, {
      param: "model",
      code: "model_not_found",
    });
  }

  private hold(entry: Entry): void {
    clearTimeout(entry.idleTimer);
    entry.unloadsAt = undefined;
    entry.numUsers++;
    entry.lastUsedMs = performance.now();
  }

  private letGo(entry: Entry): void {
    entry.lastUsedMs = performance.now();
    const seconds = entry.keepAliveSeconds ?? this.keepAliveSeconds;
    if (--entry.numUsers > 0 || seconds < 0) return;
    entry.unloadsAt = new Date(Date.now() + seconds * 1000);
    entry.idleTimer = setTimeout(
      () => {
        this.log.info({ model: entry.spec.name }, "unloaded: nobody asked it");
        void this.close(entry);
      },
      Math.min(seconds * 1000, LONGEST_TIMER_MS),
    );
    entry.idleTimer.unref();
  }

  private get keepAliveSeconds(): number {
    return this.settings.keepAliveSeconds ?? (this.entries.length === 1 ? -1 : DEFAULT_KEEP_ALIVE_SECONDS);
  }

  private async loaded(entry: Entry): Promise<ServedModel> {
    if (this.closing.signal.aborted) throw new ApiError("unavailable", "the server is stopping");
    if (entry.model) return entry.model;
    entry.opening ??= this.load(entry).finally(() => (entry.opening = undefined));
    return entry.opening;
  }

  private async load(entry: Entry): Promise<ServedModel> {
    const { spec } = entry;
    const startedMs = performance.now();
    this.log.info({ model: spec.name }, "loading");
    try {
      const model = await this.openWithRoom(entry);
      entry.model = model;
      entry.failure = undefined;
      const seconds = (performance.now() - startedMs) / 1000;
      this.log.info({ model: spec.name, seconds, bytes: model.plannedBytes }, "loaded");
      if (model.warning) this.log.warn({ model: spec.name }, model.warning);
      return model;
    } catch (error) {
      entry.failure = error as Error;
      this.log.error({ model: spec.name, error: (error as Error).message }, "did not load");
      throw new ApiError("unavailable", `${spec.name} did not load: ${(error as Error).message}`, {
        code: "model_not_loaded",
        cause: error,
      });
    }
  }

  /** Where memory is short, models that nobody uses make room, the one unused for longest first. */
  private async openWithRoom(entry: Entry): Promise<ServedModel> {
    for (;;)
      try {
        return await this.open(entry.spec, this.settings, this.closing.signal);
      } catch (error) {
        const idle = this.entries
          .filter((each) => each !== entry && each.model && each.numUsers === 0)
          .sort((a, b) => a.lastUsedMs - b.lastUsedMs)[0];
        if (!isTooLarge(error) || !idle) throw error;
        this.log.info({ model: idle.spec.name }, "unloaded: another model needs its memory");
        await this.close(idle);
      }
  }

  private async revive(entry: Entry, model: ServedModel): Promise<void> {
    if (entry.model !== model || this.closing.signal.aborted || (await isAlive(model))) return;
    this.log.error({ model: entry.spec.name }, "its thread has ended; loading it again");
    await this.close(entry);
    await this.loaded(entry).catch(() => {}); // said in the log; the next request tries again
  }

  private async close(entry: Entry): Promise<void> {
    clearTimeout(entry.idleTimer);
    const { model } = entry;
    entry.model = undefined;
    await model?.close().catch((error) => this.log.error({ model: entry.spec.name, error: String(error) }, "close"));
  }
}

const isAlive = (model: ServedModel): Promise<boolean> =>
  model.stats().then(
    () => true,
    () => false,
  );

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) action();
    isDone = true;
  };
}
