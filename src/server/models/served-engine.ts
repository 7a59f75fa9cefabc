// An engine that is loaded, and the models that it computes: one base, alone and with adapters. Knows no request.
import { BackendError, ConfigError } from "../../errors.js";
import { type EngineStats, type OpenedEngine, openEngine } from "../../inference/index.js";
import type { ServerSettings } from "../settings.js";
import { adaptersOf, type EngineSpec } from "./engine-spec.js";
import { ServedModel } from "./served-model.js";

/** Contexts that the cache of an engine has room for, where memory has. */
const CACHED_CONTEXTS = [4, 2, 1];

/** See the file's head. Its owner closes it. */
export class ServedEngine {
  /** `models` are those of `opened`, which is closed with this. */
  constructor(
    readonly models: readonly ServedModel[],
    private readonly opened: OpenedEngine,
  ) {}

  /** Loads an engine in a thread of its own. Throws as `openEngine`, and ConfigError for a model without a tokenizer. */
  static async open(spec: EngineSpec, settings: ServerSettings, signal?: AbortSignal): Promise<ServedEngine> {
    const opened = await openWithRoom(spec, settings, signal);
    const { tokenizer, warning } = opened;
    const { context } = settings;
    if (tokenizer) {
      const models = spec.models.map(
        ({ name, adapter }) => new ServedModel(name, tokenizer, opened, { context, adapter: adapter && name }),
      );
      return new ServedEngine(models, opened);
    }
    await opened.dispose();
    throw new ConfigError(`${spec.path}: this model has no tokenizer (${warning ?? "no tokenizer.json"})`);
  }

  /** Memory it takes, in bytes, as planned. */
  get plannedBytes(): number {
    return this.opened.plan.total;
  }
  /** What was to be said when it was loaded. */
  get warning(): string | undefined {
    return this.opened.warning;
  }

  /** Throws BackendError where its thread has ended. */
  async stats(): Promise<EngineStats> {
    return this.opened.engine.stats();
  }

  close(): Promise<void> {
    return this.opened.dispose();
  }
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
