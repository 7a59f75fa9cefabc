// The contract of an engine, wherever it runs: in this thread (engine.ts) or in another one (engine-client.ts). Knows
// no model.
import { ConfigError } from "../../errors.js";
import type { Completion, GenerationRequest, TokenEvent } from "./request.js";

/** A request on its way. Iterating gives its tokens as they come; leaving the loop early cancels it. */
export interface RunningRequest extends AsyncIterable<TokenEvent> {
  /** The completion when it has ended, cancelled ones included; rejects only when the model or the schema fails. */
  readonly result: Promise<Completion>;
  /** Ends the request; its blocks are free before any later request is looked at. */
  cancel(): void;
}

/** Figures of an engine. */
export interface EngineStats {
  readonly running: number;
  readonly waiting: number;
  readonly blocksUsed: number;
  readonly numBlocks: number;
  readonly steps: number;
  /** Prompt tokens asked for, and those of them that the prefix cache spared. */
  readonly promptTokens: number;
  readonly prefixHitTokens: number;
  readonly generatedTokens: number;
  /** New tokens per second over the last seconds of work. */
  readonly tokensPerSecond: number;
  readonly preemptions: number;
  /** Tokens drafted, and those that came true. */
  readonly drafted: number;
  readonly accepted: number;
}

/** What an engine can take: a request beyond it is refused when it is submitted. */
export interface EngineLimits {
  readonly vocabSize: number;
  /** Longest sequence, prompt and completion together, that model and cache take. */
  readonly maxContext: number;
  /** Whether the engine can read text: stop texts, thinking and schemas need it. */
  readonly readsText: boolean;
  /** Whether answers can be made to obey schemas. */
  readonly followsSchemas: boolean;
  /** Names of the adapters that requests may ask for. */
  readonly adapters: readonly string[];
}

/** Takes requests, runs them together and gives back tokens as they come. */
export interface EngineHandle {
  readonly limits: EngineLimits;
  /**
   * Queues a request. Throws ConfigError for one that cannot be met: a prompt that with its completion does not fit the
   * context, numbers outside their ranges, stop texts without a tokenizer, a schema that the engine does not follow.
   */
  submit(request: GenerationRequest): RunningRequest;
  /**
   * The hidden state of a prompt's last token, as the head sees it, computed without the cache. Throws ConfigError for
   * a prompt that does not fit the context, and where the model tells no states.
   */
  promptState(prompt: ArrayLike<number>): Promise<Float32Array>;
  /** Figures as of now. */
  stats(): EngineStats | Promise<EngineStats>;
  /** Cancels what runs and ends the engine; it takes no request after that. */
  close(): Promise<void>;
}

/** For a request that comes when the engine has ended. */
export const closedError = () => new ConfigError("engine: it is closed and accepts no more requests; create a new one");
