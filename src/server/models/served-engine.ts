// What computes served models, loaded: one base, alone and with adapters; or a mix of models. Knows no request.
import { BackendError, ConfigError } from "../../errors.js";
import { type EngineStats, type OpenedEngine, openEngine } from "../../inference/index.js";
import { ensureMachine } from "../../library/machine.js";
import { isMix, openMix } from "../../mix/index.js";
import type { ServerSettings } from "../settings.js";
import { adaptersOf, type EngineSpec } from "./engine-spec.js";
import { engineParts, mixParts, ServedModel } from "./served-model.js";

/** Contexts that the cache of an engine has room for, where memory has. */
const CACHED_CONTEXTS = [4, 2, 1];

/** The engines behind served models. */
export interface ServedEngines {
  readonly engines: readonly Pick<OpenedEngine["engine"], "stats">[];
  /** Memory that they take, in bytes, as planned. */
  readonly plannedBytes: number;
  readonly warning?: string;
  dispose(): Promise<void>;
}

/** See the file's head. Its owner closes it. */
export class ServedEngine {
  /** `models` are those of `opened`, which is closed with this. */
  constructor(
    readonly models: readonly ServedModel[],
    private readonly opened: ServedEngines,
  ) {}

  /**
   * Loads an engine, or those of a mix, each in a thread of its own. Throws as `openEngine` and `openMix`, and
   * ConfigError for a model without a tokenizer.
   */
  static async open(spec: EngineSpec, settings: ServerSettings, signal?: AbortSignal): Promise<ServedEngine> {
    if (isMix(spec.path)) return openServedMix(spec, settings, signal);
    const opened = await openWithRoom(spec, settings, signal);
    const { tokenizer, warning, engine, plan, dispose } = opened;
    const { context } = settings;
    if (tokenizer) {
      const models = spec.models.map(
        ({ name, adapter }) => new ServedModel(name, engineParts(tokenizer, opened, adapter && name), context),
      );
      return new ServedEngine(models, { engines: [engine], plannedBytes: plan.total, warning, dispose });
    }
    await dispose();
    throw new ConfigError(`${spec.path}: this model has no tokenizer (${warning ?? "no tokenizer.json"})`);
  }

  get plannedBytes(): number {
    return this.opened.plannedBytes;
  }
  /** What was to be said when it was loaded. */
  get warning(): string | undefined {
    return this.opened.warning;
  }

  /** Figures of all its engines together. Throws BackendError where a thread has ended. */
  async stats(): Promise<EngineStats> {
    const each = await Promise.all(this.opened.engines.map(async (engine) => engine.stats()));
    return each.length === 1 ? each[0] : totalStats(each);
  }

  close(): Promise<void> {
    return this.opened.dispose();
  }
}

function totalStats(each: readonly EngineStats[]): EngineStats {
  const keys = Object.keys(each[0]) as (keyof EngineStats)[];
  const sum = (key: keyof EngineStats) => each.reduce((total, stats) => total + stats[key], 0);
  // Safe: every figure is a number.
  return Object.fromEntries(keys.map((key) => [key, sum(key)])) as unknown as EngineStats;
}

async function openServedMix(
  { path, models }: EngineSpec,
  { context, cacheTokens, cacheType, maxSequences, threads, backend }: ServerSettings,
  signal?: AbortSignal,
): Promise<ServedEngine> {
  const adapted = models.find(({ adapter }) => adapter !== undefined);
  if (adapted)
    throw new ConfigError(`${adapted.name}: ${path} is a mix of models: name the adapter of a member in its file`);
  await ensureMachine(); // the plan looks at how a device packs weights
  const { mix, engines, plan, warning, dispose } = await openMix(path, {
    ...{ context, cacheTokens, cacheType, maxSequences, signal, thread: { threads, backend } },
    cacheSequences: cacheTokens === undefined ? CACHED_CONTEXTS : [1],
  });
  const served = models.map(({ name }) => new ServedModel(name, mixParts(mix), context));
  const { plannedBytes } = plan;
  return new ServedEngine(served, { engines: engines.map(({ engine }) => engine), plannedBytes, warning, dispose });
}

/** Opens with the largest cache that memory has room for, unless one was asked for. */
async function openWithRoom(
  { path, compute, models }: EngineSpec,
  { context, cacheTokens, cacheType, maxSequences, threads, backend }: ServerSettings,
  signal?: AbortSignal,
): Promise<OpenedEngine> {
  const shared = { adapter: adaptersOf(models), compute, context, cacheTokens, cacheType, maxSequences, signal };
  const open = (cacheSequences?: number) =>
    openEngine(path, { ...shared, cacheSequences, thread: { threads, backend } });
  if (cacheTokens !== undefined) return open();
  for (const sequences of CACHED_CONTEXTS)
    try {
      return await open(sequences);
    } catch (error) {
      if (sequences === 1 || !isTooLarge(error)) throw error;
    }
  throw new Error("internal: no size of the cache was tried");
}

/** Whether a model was refused for want of memory. */
export const isTooLarge = (error: unknown): boolean =>
  error instanceof BackendError && error.message.startsWith("not enough memory");
