// A model opened for a conversation: the engine over a cache of its own, asked for one reply at a time.
import { ConfigError } from "../../errors.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import { type EngineOpening, openEngine } from "../opening/open-engine.js";
import { type InferenceModel, parseRandomName } from "../opening/open-for-inference.js";
import { type SamplingDefaults, samplingDefaults } from "../opening/sampling-defaults.js";
import type { EngineHandle, RunningRequest } from "../runtime/engine-handle.js";
import type { GenerationRequest, SamplingOptions } from "../runtime/request.js";
import type { ChatModel, ChatSampling, ReplyRequest } from "./chat-session.js";
import { type ChatStyle, type ChatStyleOptions, chatStyle } from "./chat-style.js";

/** A model to talk to, and what belongs to it. Its owner disposes it. */
export interface OpenedChat extends Pick<InferenceModel, "label" | "warning"> {
  readonly model: ChatModel;
  /** How it is talked to. */
  style(options?: ChatStyleOptions): ChatStyle;
  readonly tokenizer: Tokenizer;
  /** Names of the adapters over it. */
  readonly adapters: readonly string[];
  readonly defaults: SamplingDefaults;
  dispose(): Promise<void>;
}

/** Opens `path` as `openEngine` does. Throws ConfigError for a model without a tokenizer. */
export async function openForChat(path: string, options: EngineOpening): Promise<OpenedChat> {
  if (parseRandomName(path)) throw withoutTokenizer(path);
  const { engine, tokenizer, generation, stopIds, label, template, warning, dispose } = await openEngine(path, options);
  if (!tokenizer) {
    await dispose();
    throw withoutTokenizer(path, warning);
  }
  const defaults = samplingDefaults(generation, tokenizer);
  const model = chatModel(engine, defaults, stopIds);
  const style = (options?: ChatStyleOptions) => chatStyle(tokenizer, template, options);
  return { label, warning, model, style, tokenizer, adapters: engine.limits.adapters, defaults, dispose };
}

const withoutTokenizer = (path: string, why?: string) =>
  new ConfigError(
    `${path}: this model has no tokenizer${why ? ` (${why})` : ""}, so it cannot be used for chat; ` +
      "luciole bench can measure its speed",
  );

/** An engine as a conversation needs it. */
export function chatModel(engine: EngineHandle, defaults: SamplingDefaults, stopIds: readonly number[]): ChatModel {
  return {
    maxPositions: engine.limits.maxContext,
    reply: (request: ReplyRequest): RunningRequest => engine.submit(generationRequest(request, defaults, stopIds)),
  };
}

/** What an engine is asked for a reply: whoever answers a prompt with the same sampling gets the same tokens. */
export function generationRequest(
  { prompt, form, maxNewTokens, sampling, signal }: ReplyRequest,
  defaults: SamplingDefaults,
  stopIds: readonly number[],
): GenerationRequest {
  const { stop, adapter, schema, thinkBudget: budget } = sampling;
  const unclosed = prompt.startsInside ? "close" : "end";
  return {
    prompt: prompt.ids,
    form,
    maxNewTokens,
    sampling: drawnBy(sampling, defaults),
    stopIds,
    stop,
    thinking: { startsInside: prompt.startsInside, budget, unclosed },
    adapter,
    schema,
    signal,
  };
}

/** The sampling options alone: what else a caller's object holds is left out. */
const drawnBy = (given: ChatSampling, defaults: SamplingDefaults): SamplingOptions => ({
  temperature: given.temperature ?? defaults.temperature,
  topP: given.topP ?? defaults.topP,
  topK: given.topK ?? defaults.topK,
  minP: given.minP,
  repetitionPenalty: given.repetitionPenalty,
  presencePenalty: given.presencePenalty,
  frequencyPenalty: given.frequencyPenalty,
  logitBias: given.logitBias,
  seed: given.seed,
  topLogProbs: given.topLogProbs,
});
