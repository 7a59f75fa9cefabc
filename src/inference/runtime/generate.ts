// Sampling many completions at once, for those who want them all: rollouts, evaluation. Some may go on from others.
// A request's tokens depend on its prompt, its seed and the weights alone, not on its neighbours.
import { ConfigError } from "../../errors.js";
import type { LanguageModel } from "../../models/language-model.js";
import { type CacheKind, pagedBytesPerToken } from "../../nn/paged-cache.js";
import { formatMemory } from "../../number-text.js";
import { BLOCK_TOKENS } from "../../tensor/ops/paged-layout.js";
import type { SamplingParams } from "../../tensor/ops/sampling.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import type { PrefixCache } from "./block-pool.js";
import { Engine } from "./engine.js";
import type { RunningRequest } from "./engine-handle.js";
import { PagedRunner } from "./paged-runner.js";
import type { Completion, GenerationRequest } from "./request.js";

/** One completion to sample. `form` and `thinking` say how its text is read, `turnEnds` what besides tokens ends it. */
export interface GenerateRequest extends Pick<GenerationRequest, "form" | "thinking" | "turnEnds"> {
  readonly prompt: ArrayLike<number>;
  readonly seed: number;
  readonly maxNewTokens: number;
}

/** How to sample. */
export interface GenerateOptions extends Partial<SamplingParams> {
  /** Completions generated at the same time, at most; default 64. */
  readonly maxSequences?: number;
  readonly stopIds: readonly number[];
  /** Reads the completions' text, where that is wanted. */
  readonly tokenizer?: Tokenizer;
  /** Default: latents of frozen models that have them, else heads. */
  readonly cache?: CacheKind;
  /** Memory for the cache at most; where not all rows fit into it, some wait for others. Default: no bound. */
  readonly maxCacheBytes?: number;
  /** Called for every new token. */
  readonly onToken?: (request: number, id: number) => void;
  readonly signal?: AbortSignal;
}

/** Most tokens of a step: prompts come in many at a time. */
const STEP_TOKENS = 4096;

/** Samples all requests; results are in their order. Throws ConfigError for a prompt that does not fit the context. */
export async function generate(
  model: LanguageModel,
  requests: readonly GenerateRequest[],
  options: GenerateOptions,
): Promise<Completion[]> {
  if (requests.length === 0) return [];
  const { onToken } = options;
  const sizes = { numRequests: requests.length, maxTokens: longest(requests) };
  return withSampling(model, sizes, options, (sample) =>
    Promise.all(requests.map((request, i) => sample(request, onToken && ((id) => onToken(i, id))))),
  );
}

/** Samples one completion while others are sampled; tells of its tokens where somebody listens. */
export type Sample = (request: GenerateRequest, onToken?: (id: number) => void) => Promise<Completion>;

/** What is to be sampled. */
export interface SamplingSizes {
  /** Completions at the same time, at most. */
  readonly numRequests: number;
  /** Tokens of the longest, its prompt included. */
  readonly maxTokens: number;
  /** Whether prompts go on from completions, whose cache entries they then find; default false. */
  readonly areContinued?: boolean;
}

/**
 * Runs `body` with an engine that samples for it. A completion goes on where the prompt of the next begins with it: of
 * blocks that are still there, nothing is computed again. When `signal` fires, all that runs or comes is cancelled.
 */
export async function withSampling<R>(
  model: LanguageModel,
  { numRequests, maxTokens, areContinued = false }: SamplingSizes,
  options: Omit<GenerateOptions, "onToken">,
  body: (sample: Sample) => Promise<R>,
): Promise<R> {
  if (maxTokens > model.maxPositions)
    throw new ConfigError(
      `generate: prompt and new tokens need ${maxTokens} positions, but the model has ${model.maxPositions}; ` +
        "shorten the prompt or ask for fewer tokens",
    );
  const maxSequences = Math.min(options.maxSequences ?? 64, numRequests);
  const cacheKind =
    options.cache ?? (!model.trainable.trainsAny && "kv_lora_rank" in model.config ? "latent" : "heads");
  const cacheTokens = Math.min(
    samplingCacheTokens(maxSequences, maxTokens),
    fittingTokens(model, cacheKind, maxTokens, options.maxCacheBytes),
  );
  const runner = new PagedRunner(model, {
    cacheKind,
    cacheType: model.parameters.compute,
    cacheTokens,
    usesDrafts: false,
  });
  const { tokenizer } = options;
  const prefixCache: PrefixCache = areContinued || "prompts";
  const engine = new Engine({
    runner,
    tokenizer,
    maxSequences,
    maxStepTokens: Math.max(maxSequences, STEP_TOKENS),
    prefixCache,
    speculation: "none",
  });
  try {
    return await model.parameters.whilePacked(() => whileSampling(engine, options, body));
  } finally {
    await engine.close();
    runner.dispose();
  }
}

/**
 * Tokens of the cache that `generate` makes for so many rows of at most so many tokens: whole blocks for each, so that
 * none ever gives way.
 */
export const samplingCacheTokens = (maxSequences: number, maxTokens: number): number =>
  maxSequences * Math.ceil(maxTokens / BLOCK_TOKENS) * BLOCK_TOKENS;

/** Tokens of cache that memory leaves room for. Throws ConfigError where it is not even one row. */
function fittingTokens(
  model: LanguageModel,
  kind: CacheKind,
  maxTokens: number,
  maxBytes = Number.POSITIVE_INFINITY,
): number {
  const perToken = pagedBytesPerToken(model.pagedShapes(kind, false), model.parameters.compute);
  const tokens = Math.floor(maxBytes / perToken / BLOCK_TOKENS) * BLOCK_TOKENS;
  if (tokens >= samplingCacheTokens(1, maxTokens)) return tokens;
  throw new ConfigError(
    `a sequence of ${maxTokens} tokens needs ${formatMemory(perToken * maxTokens)} of cache, but only ` +
      `${formatMemory(maxBytes)} is free; ask for fewer tokens`,
  );
}

async function whileSampling<R>(
  engine: Engine,
  { temperature, topK, topP, minP, stopIds, signal }: Omit<GenerateOptions, "onToken">,
  body: (sample: Sample) => Promise<R>,
): Promise<R> {
  const open = new Set<RunningRequest>();
  const sample: Sample = async ({ seed, ...request }, onToken) => {
    const sampling = { temperature, topK, topP, minP, seed };
    const running = engine.submit({ ...request, stopIds, sampling, loop: false, events: onToken !== undefined });
    open.add(running);
    if (signal?.aborted) running.cancel();
    if (onToken) void tell(running, onToken);
    try {
      return await running.result;
    } finally {
      open.delete(running);
    }
  };
  // One listener for all: thousands on one signal would be taken for a leak.
  const cancelAll = () => {
    for (const running of open) running.cancel();
  };
  signal?.addEventListener("abort", cancelAll, { once: true });
  try {
    return await body(sample);
  } finally {
    signal?.removeEventListener("abort", cancelAll);
  }
}

async function tell(running: RunningRequest, onToken: (id: number) => void): Promise<void> {
  for await (const { id } of running) onToken(id);
}

function longest(requests: readonly GenerateRequest[]): number {
  for (const { prompt } of requests)
    if (typeof prompt?.length !== "number") throw new ConfigError("generate: a prompt must be a list of token ids");
  const needed = requests.reduce((most, r) => Math.max(most, r.prompt.length + r.maxNewTokens), 0);
  if (requests.some((r) => r.prompt.length === 0)) throw new ConfigError("generate: a prompt needs at least one token");
  return needed;
}
