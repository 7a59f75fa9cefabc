// A model that is loaded: how it is talked to, and its engine. Knows no request and no dialect.
import { BackendError, ConfigError } from "../../errors.js";
import {
  type ChatPrompt,
  type ChatSampling,
  type ChatStyle,
  chatStyle,
  type EngineStats,
  generationRequest,
  type OpenedEngine,
  openEngine,
  type RunningRequest,
  type SamplingDefaults,
  samplingDefaults,
} from "../../inference/index.js";
import type { Tokenizer } from "../../tokenizer/index.js";
import type { ModelSpec, ServerSettings } from "../settings.js";
import { type TemplateHabits, templateHabits } from "./template-habits.js";

/** Contexts that the cache of a model has room for, where memory has. */
const CACHED_CONTEXTS = [4, 2, 1];

/** See the file's head. Its owner closes it. */
export class ServedModel {
  readonly style: ChatStyle;
  readonly defaults: SamplingDefaults;
  readonly habits: TemplateHabits;
  /** Characters of the vocabulary's longest token. */
  readonly longestToken: number;

  /** `context`: the longest sequence that is allowed; default: what the engine takes. */
  constructor(
    readonly name: string,
    readonly tokenizer: Tokenizer,
    private readonly opened: OpenedEngine,
    private readonly context?: number,
  ) {
    this.style = chatStyle(tokenizer, opened.template);
    this.defaults = samplingDefaults(opened.generation, tokenizer);
    this.habits = templateHabits(this.style.template);
    this.longestToken = longestToken(tokenizer);
  }

  /** Loads a model in a thread of its own. Throws as `openEngine`, and ConfigError for a model without a tokenizer. */
  static async open(spec: ModelSpec, settings: ServerSettings, signal?: AbortSignal): Promise<ServedModel> {
    const opened = await openWithRoom(spec, settings, signal);
    if (opened.tokenizer) return new ServedModel(spec.name, opened.tokenizer, opened, settings.context);
    await opened.dispose();
    throw new ConfigError(`${spec.path}: this model has no tokenizer (${opened.warning ?? "no tokenizer.json"})`);
  }

  /** Longest sequence, prompt and completion together. */
  get maxContext(): number {
    return Math.min(this.opened.engine.limits.maxContext, this.context ?? Number.POSITIVE_INFINITY);
  }
  get vocabSize(): number {
    return this.opened.engine.limits.vocabSize;
  }
  /** Memory it takes, in bytes, as planned. */
  get plannedBytes(): number {
    return this.opened.plan.total;
  }
  /** What was to be said when it was loaded. */
  get warning(): string | undefined {
    return this.opened.warning;
  }

  /** Asks for one completion of a prompt, exactly as `luciole run` does. Throws as `EngineHandle.submit`. */
  generate(
    prompt: ChatPrompt,
    form: ChatStyle["form"],
    maxNewTokens: number,
    sampling: ChatSampling,
    signal: AbortSignal,
  ): RunningRequest {
    const { stopIds, engine } = this.opened;
    return engine.submit(generationRequest({ prompt, form, maxNewTokens, sampling, signal }, this.defaults, stopIds));
  }

  /** Figures of the engine. Throws BackendError where its thread has ended. */
  async stats(): Promise<EngineStats> {
    return this.opened.engine.stats();
  }

  close(): Promise<void> {
    return this.opened.dispose();
  }
}

/** Opens with the largest cache that memory has room for, unless one was asked for. */
async function openWithRoom(
  { path, adapter }: ModelSpec,
  { context, cacheTokens, cacheType, maxSequences, threads, backend }: ServerSettings,
  signal?: AbortSignal,
): Promise<OpenedEngine> {
  const thread = { threads, backend };
  const open = (cacheSequences?: number) =>
    openEngine(path, { adapter, context, cacheTokens, cacheSequences, cacheType, maxSequences, signal, thread });
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

/** Infinity where the vocabulary is of a kind that does not tell. */
function longestToken(tokenizer: Tokenizer): number {
  const { vocab } = tokenizer.toJSON().model;
  if (typeof vocab !== "object" || vocab === null || Array.isArray(vocab)) return Number.POSITIVE_INFINITY;
  const tokens = [...Object.keys(vocab), ...tokenizer.specialTokens.map(({ token }) => token)];
  return tokens.reduce((most, { length }) => Math.max(most, length), 1);
}
