// The models of a server and the engines that compute them: loaded when a model is first asked for, unloaded when
// nobody asks, loaded again when the thread has ended. Knows no request and no dialect.
import type { Logger } from "pino";
import type { EngineStats } from "../../inference/index.js";
import { ApiError } from "../api-error.js";
import type { ServerSettings } from "../settings.js";
import { Admission } from "./admission.js";
import type { EngineSpec } from "./engine-spec.js";
import { type ModelFacts, modelFacts } from "./model-facts.js";
import { isTooLarge, ServedEngine } from "./served-engine.js";
import type { ServedModel } from "./served-model.js";

const DEFAULT_KEEP_ALIVE_SECONDS = 300;
/** What the system's timers count at most; beyond that they end at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** How a model stands. */
export type ModelState = "unloaded" | "loading" | "loaded" | "failed";

/** A model in use; `release` it once. */
export interface ModelLease {
  readonly model: ServedModel;
  release(): void;
  /** Tells of an error of the engine: one whose thread has ended is loaded again. */
  noteFailure(): Promise<void>;
}

/** What is told of a model. */
export interface ModelStatus {
  readonly name: string;
  readonly state: ModelState;
  /** Sequences that run or wait. */
  readonly active: number;
  /** Of its engine. */
  readonly plannedBytes?: number;
  readonly maxContext?: number;
  /** When it is unloaded if nobody asks; undefined while its engine is in use, and where it stays. */
  readonly unloadsAt?: Date;
  /** Why it did not load. */
  readonly failure?: string;
}

/** An engine, loaded or not. */
interface EngineEntry {
  readonly spec: EngineSpec;
  readonly admission: Admission;
  opening?: Promise<ServedEngine>;
  engine?: ServedEngine;
  failure?: Error;
  facts?: Promise<ModelFacts | undefined>;
  numUsers: number;
  /** Seconds that it stays loaded where nobody asks, as a client asked for; gone when it is unloaded. */
  keepAliveSeconds?: number;
  idleTimer?: NodeJS.Timeout;
  unloadsAt?: Date;
  lastUsedMs: number;
}

/** A name that requests give, and what computes it. */
interface Entry {
  readonly name: string;
  readonly of: EngineEntry;
  /** Sequences that run or wait. */
  numActive: number;
}

/** What opens an engine; tests give their own. */
export type OpenServed = (spec: EngineSpec, settings: ServerSettings, signal: AbortSignal) => Promise<ServedEngine>;

/** See the file's head. */
export class ModelPool {
  /** When the server began, in seconds since 1970: models have no other date. */
  readonly createdSeconds = Math.floor(Date.now() / 1000);
  private readonly engines: EngineEntry[] = [];
  private readonly entries: Entry[] = [];
  private readonly closing = new AbortController();

  constructor(
    specs: readonly EngineSpec[],
    private readonly settings: ServerSettings,
    private readonly log: Logger,
    private readonly open: OpenServed = ServedEngine.open,
  ) {
    for (const spec of specs) this.add(spec);
  }

  /** The name that stands for no name: the first model's. */
  get defaultName(): string {
    return this.entries[0].name;
  }

  /** Serves what one more engine computes. No model of the names may be served yet. */
  add(spec: EngineSpec): void {
    const { maxSequences, maxQueue } = this.settings;
    const of: EngineEntry = { spec, admission: new Admission(maxSequences, maxQueue), numUsers: 0, lastUsedMs: 0 };
    this.engines.push(of);
    this.entries.push(...spec.models.map(({ name }) => ({ name, of, numActive: 0 })));
  }

  isServed(name: string): boolean {
    return this.entries.some((entry) => entry.name === name);
  }

  /** Throws ApiError `not found` naming those served. */
  require(name: string): void {
    this.find(name);
  }

  /** Loads the engine, where there is but one: the others are loaded when they are asked for. Throws as `acquire`. */
  async loadSingle(): Promise<void> {
    if (this.engines.length === 1) (await this.acquire(this.defaultName, 0)).release();
  }

  /**
   * The model of a name, loaded if need be, for `count` sequences. Throws ApiError where there is none, no room, or it
   * does not load.
   */
  async acquire(name: string, count = 1): Promise<ModelLease> {
    const entry = this.find(name);
    const { of } = entry;
    const leave = of.admission.admit(name, count);
    entry.numActive += count;
    this.hold(of);
    const release = once(() => {
      leave();
      entry.numActive -= count;
      this.letGo(of);
    });
    try {
      const engine = await this.loaded(of);
      const model = engine.models.find((each) => each.name === name) as ServedModel;
      return { model, release, noteFailure: () => this.revive(of, engine) };
    } catch (error) {
      release();
      throw error;
    }
  }

  /**
   * How long a model stays loaded this time where nobody asks, in place of the settings'; 0: not at all, -1: for ever.
   */
  keep(name: string, seconds: number): void {
    this.find(name).of.keepAliveSeconds = seconds;
  }

  /** What is known of a model, loaded or not; undefined where its files cannot be read. */
  facts(name: string): Promise<ModelFacts | undefined> {
    const { of } = this.find(name);
    of.facts ??= modelFacts(of.spec.path);
    return of.facts;
  }

  /** Unloads a model now, if nobody uses its engine; whether it did. */
  async unload(name: string): Promise<boolean> {
    const { of } = this.find(name);
    if (of.numUsers > 0) return false;
    const wasLoaded = of.engine !== undefined;
    await this.close(of);
    return wasLoaded;
  }

  status(): ModelStatus[] {
    return this.entries.map(statusOf);
  }

  /** Throws as `require`. */
  statusOf(name: string): ModelStatus {
    return statusOf(this.find(name));
  }

  /** Figures of the engines that run, each by the name of the first of its models. */
  async stats(): Promise<Map<string, EngineStats>> {
    const figures = new Map<string, EngineStats>();
    for (const { spec, engine } of this.engines) {
      const stats = await engine?.stats().catch(() => undefined);
      if (stats) figures.set(spec.models[0].name, stats);
    }
    return figures;
  }

  /** Ends all engines; what runs is cancelled. */
  async closeAll(): Promise<void> {
    this.closing.abort();
    await Promise.allSettled(this.engines.map((each) => each.opening));
    await Promise.all(this.engines.map((each) => this.close(each)));
  }

  private find(name: string): Entry {
    const entry = this.entries.find((each) => each.name === name);
    if (entry) return entry;
    const names = this.entries.map((each) => each.name).join(", ");
    throw new ApiError("not found", `the model ${JSON.stringify(name)} is not served here; served: ${names}`, {
      param: "model",
      code: "model_not_found",
    });
  }

  private hold(of: EngineEntry): void {
    clearTimeout(of.idleTimer);
    of.unloadsAt = undefined;
    of.numUsers++;
    of.lastUsedMs = performance.now();
  }

  private letGo(of: EngineEntry): void {
    of.lastUsedMs = performance.now();
    const seconds = of.keepAliveSeconds ?? this.keepAliveSeconds;
    if (--of.numUsers > 0 || seconds < 0) return;
    of.unloadsAt = new Date(Date.now() + seconds * 1000);
    of.idleTimer = setTimeout(
      () => {
        this.log.info({ model: namesOf(of) }, "unloaded: nobody asked it");
        void this.close(of);
      },
      Math.min(seconds * 1000, LONGEST_TIMER_MS),
    );
    of.idleTimer.unref();
  }

  private get keepAliveSeconds(): number {
    return this.settings.keepAliveSeconds ?? (this.engines.length === 1 ? -1 : DEFAULT_KEEP_ALIVE_SECONDS);
  }

  private async loaded(of: EngineEntry): Promise<ServedEngine> {
    if (this.closing.signal.aborted) throw new ApiError("unavailable", "the server is stopping");
    if (of.engine) return of.engine;
    of.opening ??= this.load(of).finally(() => (of.opening = undefined));
    return of.opening;
  }

  private async load(of: EngineEntry): Promise<ServedEngine> {
    const model = namesOf(of);
    const startedMs = performance.now();
    this.log.info({ model }, "loading");
    try {
      const engine = await this.openWithRoom(of);
      of.engine = engine;
      of.failure = undefined;
      const seconds = (performance.now() - startedMs) / 1000;
      this.log.info({ model, seconds, bytes: engine.plannedBytes }, "loaded");
      if (engine.warning) this.log.warn({ model }, engine.warning);
      return engine;
    } catch (error) {
      of.failure = error as Error;
      this.log.error({ model, error: (error as Error).message }, "did not load");
      throw new ApiError("unavailable", `${model} did not load: ${(error as Error).message}`, {
        code: "model_not_loaded",
        cause: error,
      });
    }
  }

  /** Where memory is short, engines that nobody uses make room, the one unused for longest first. */
  private async openWithRoom(of: EngineEntry): Promise<ServedEngine> {
    for (;;)
      try {
        return await this.open(of.spec, this.settings, this.closing.signal);
      } catch (error) {
        const idle = this.engines
          .filter((each) => each !== of && each.engine && each.numUsers === 0)
          .sort((a, b) => a.lastUsedMs - b.lastUsedMs)[0];
        if (!isTooLarge(error) || !idle) throw error;
        this.log.info({ model: namesOf(idle) }, "unloaded: another model needs its memory");
        await this.close(idle);
      }
  }

  private async revive(of: EngineEntry, engine: ServedEngine): Promise<void> {
    if (of.engine !== engine || this.closing.signal.aborted || (await isAlive(engine))) return;
    this.log.error({ model: namesOf(of) }, "its thread has ended; loading it again");
    await this.close(of);
    await this.loaded(of).catch(() => {}); // said in the log; the next request tries again
  }

  private async close(of: EngineEntry): Promise<void> {
    clearTimeout(of.idleTimer);
    const { engine } = of;
    of.engine = of.keepAliveSeconds = undefined;
    await engine?.close().catch((error) => this.log.error({ model: namesOf(of), error: String(error) }, "close"));
  }
}

function statusOf({ name, numActive, of: { engine, opening, failure, unloadsAt } }: Entry): ModelStatus {
  return {
    name,
    state: engine ? "loaded" : opening ? "loading" : failure ? "failed" : "unloaded",
    active: numActive,
    ...(engine && { plannedBytes: engine.plannedBytes, maxContext: engine.models[0].maxContext }),
    ...(engine && unloadsAt && { unloadsAt }),
    ...(failure && { failure: failure.message }),
  };
}

/** What log lines and messages call an engine. */
const namesOf = ({ spec }: EngineEntry): string => spec.models.map(({ name }) => name).join(", ");

const isAlive = (engine: ServedEngine): Promise<boolean> =>
  engine.stats().then(
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
