// A model opened for a conversation: the engine over a cache of its own, asked for one reply at a time.
import { ConfigError } from "../../errors.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import {
  type InferenceModel,
  type InferenceOptions,
  openForInference,
  parseRandomName,
  runnerOf,
} from "../opening/open-for-inference.js";
import { type SamplingDefaults, samplingDefaults } from "../opening/sampling-defaults.js";
import { Engine, type RunningRequest } from "../runtime/engine.js";
import type { ChatModel, ReplyRequest } from "./chat-session.js";

/** A model to talk to, and what belongs to it. Its owner disposes it. */
export interface OpenedChat extends Pick<InferenceModel, "label" | "template" | "warning"> {
  readonly model: ChatModel;
  readonly tokenizer: Tokenizer;
  readonly defaults: SamplingDefaults;
  dispose(): Promise<void>;
}

/** Opens `path` as `openForInference` does. Throws ConfigError for a model without a tokenizer. */
export async function openForChat(path: string, options: InferenceOptions): Promise<OpenedChat> {
  if (parseRandomName(path)) throw withoutTokenizer(path);
  const opened = await openForInference(path, options);
  const { model, tokenizer, use, generation, stopIds, label, template, warning } = opened;
  if (!tokenizer) {
    model.dispose();
    throw withoutTokenizer(path, warning);
  }
  const runner = runnerOf(opened);
  const engine = new Engine({ runner, tokenizer, maxStepTokens: use.stepTokens });
  const defaults = samplingDefaults(generation, tokenizer);
  const dispose = async (): Promise<void> => {
    await engine.close();
    runner.dispose();
    model.dispose();
  };
  return { label, template, warning, model: chatModel(engine, defaults, stopIds), tokenizer, defaults, dispose };
}

const withoutTokenizer = (path: string, why?: string) =>
  new ConfigError(
    `${path}: this model has no tokenizer${why ? ` (${why})` : ""}, so it cannot be used for chat; ` +
      "luciole bench can measure its speed",
  );

/** An engine as a conversation needs it. */
export function chatModel(engine: Engine, defaults: SamplingDefaults, stopIds: readonly number[]): ChatModel {
  return {
    maxPositions: engine.maxContext,
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
