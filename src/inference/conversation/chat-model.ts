// A model opened for a conversation: the engine over a cache of its own, asked for one reply at a time.
import { ConfigError } from "../../errors.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import { type EngineOpening, openEngine } from "../opening/open-engine.js";
import { type InferenceModel, parseRandomName } from "../opening/open-for-inference.js";
import { type SamplingDefaults, samplingDefaults } from "../opening/sampling-defaults.js";
import type { EngineHandle, RunningRequest } from "../runtime/engine-handle.js";
import type { ChatModel, ReplyRequest } from "./chat-session.js";

/** A model to talk to, and what belongs to it. Its owner disposes it. */
export interface OpenedChat extends Pick<InferenceModel, "label" | "template" | "warning"> {
  readonly model: ChatModel;
  readonly tokenizer: Tokenizer;
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
  return { label, template, warning, model: chatModel(engine, defaults, stopIds), tokenizer, defaults, dispose };
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
    reply({ prompt, form, maxNewTokens, sampling, signal }: ReplyRequest): RunningRequest {
      const {
        temperature = defaults.temperature,
        topP = defaults.topP,
        topK = defaults.topK,
        minP,
        seed,
        schema,
        thinkBudget: budget,
      } = sampling;
      const thinking = {
        startsInside: prompt.startsInside,
        budget,
        unclosed: prompt.startsInside ? "close" : "end",
      } as const;
      const drawn = { temperature, topP, topK, minP, seed };
      return engine.submit({
        prompt: prompt.ids,
        form,
        maxNewTokens,
        sampling: drawn,
        stopIds,
        thinking,
        schema,
        signal,
      });
    },
  };
}
