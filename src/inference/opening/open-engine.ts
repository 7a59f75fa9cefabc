// From the name of a model to an engine that runs it: in this thread, or in one of its own. Knows no conversation.
import { ConfigError } from "../../errors.js";
import { publishedConfig } from "../../models/published.js";
import { idsOf } from "../../tokenizer/end-tokens.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import { answerGrammars } from "../runtime/answer-grammar.js";
import { Engine } from "../runtime/engine.js";
import type { EngineHandle } from "../runtime/engine-handle.js";
import type { AdapterPlaces } from "./adapter-files.js";
import { type EngineSettings, type OpeningListener, startEngineThread, type ThreadOptions } from "./engine-thread.js";
import { openModelSource, type SourceFacts } from "./model-source.js";
import {
  type InferenceModel,
  type InferenceOptions,
  openForInference,
  parseRandomName,
  runnerOf,
} from "./open-for-inference.js";

/** How to open an engine. */
export interface EngineOpening extends EngineSettings, OpeningListener, Pick<InferenceOptions, "device"> {
  /**
   * Runs the model in a thread of its own, on a device of its own, so that this one stays free while the model
   * computes. Default false.
   */
  readonly thread?: boolean | ThreadOptions;
}

/** A running model and what goes with it. Its owner disposes it. */
export interface OpenedEngine
  extends Pick<
    InferenceModel,
    "label" | "config" | "generation" | "template" | "byAdapter" | "stopIds" | "warning" | "use" | "plan"
  > {
  readonly engine: EngineHandle;
  readonly tokenizer: Tokenizer | null;
  /** Closes the engine and frees the model. */
  dispose(): Promise<void>;
}

/**
 * Opens `path` as `openForInference` does, and an engine over a cache of its own. Throws as `openForInference`, and
 * ConfigError for a device together with a thread.
 */
export function openEngine(path: string, { thread = false, ...options }: EngineOpening = {}): Promise<OpenedEngine> {
  return thread ? openThere(path, options, thread === true ? {} : thread) : openHere(path, options);
}

async function openHere(path: string, options: EngineOpening): Promise<OpenedEngine> {
  const opened = await openForInference(path, options);
  const { model, tokenizer, use } = opened;
  const runner = runnerOf(opened);
  const free = () => {
    runner.dispose();
    model.dispose();
    model.device.trim();
  };
  const { maxSequences, prefixCache, speculation, maxSpeculating } = options;
  const settings = { maxStepTokens: use.stepTokens, maxSequences, prefixCache, speculation, maxSpeculating };
  try {
    const engine = new Engine({
      runner,
      tokenizer: tokenizer ?? undefined,
      followSchemas: answerGrammars,
      ...settings,
    });
    return { ...opened, engine, dispose: () => engine.close().then(free) };
  } catch (error) {
    free();
    throw error;
  }
}

/** The tokenizer and what else is text is read here too; the model itself only there. */
async function openThere(path: string, options: EngineOpening, thread: ThreadOptions): Promise<OpenedEngine> {
  if (options.device)
    throw new ConfigError("an engine in a thread of its own opens a device of its own: leave out device, or thread");
  const facts = await readFacts(path, options.adapter);
  const { device: _, onProgress, signal, ...plain } = options;
  const { engine, opened } = await startEngineThread(path, plain, thread, { onProgress, signal });
  return { ...facts, ...opened, engine, dispose: () => engine.close() };
}

async function readFacts(
  path: string,
  adapter: AdapterPlaces | undefined,
): Promise<Pick<SourceFacts, "config" | "tokenizer" | "generation" | "template" | "byAdapter" | "stopIds">> {
  const random = parseRandomName(path);
  if (random) {
    const config = publishedConfig(random.shape);
    return { config, tokenizer: null, generation: {}, template: null, stopIds: idsOf(config.eos_token_id) };
  }
  const source = await openModelSource(path, adapter);
  try {
    return source.facts;
  } finally {
    await source.close();
  }
}
