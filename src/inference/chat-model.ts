// An opened model as a conversation needs it: prompts in, certain text out, token by token.
import { createStreamDecoder } from "../tokenizer/stream-decoder.js";
import type { ChatModel, ReplyEnd, ReplyRequest } from "./chat-session.js";
import { type GenerateOptions, generate } from "./generate.js";
import type { OpenedModel } from "./open-model.js";
import { samplingDefaults } from "./sampling-defaults.js";

/** The model behind `ChatModel`; the owner of `opened` disposes it. */
export function chatModel(opened: OpenedModel): ChatModel {
  const { model, tokenizer, stopIds, generation } = opened;
  const defaults = samplingDefaults(generation, tokenizer);
  return {
    maxPositions: model.maxPositions,
    async *reply({ prompt, maxNewTokens, sampling, signal }: ReplyRequest): AsyncGenerator<string, ReplyEnd> {
      const { temperature = defaults.temperature, topP = defaults.topP, topK = defaults.topK, minP = 0, seed = 0 } = sampling;
      const decoder = createStreamDecoder(tokenizer, { skipSpecialTokens: true });
      const stopping = new AbortController();
      const stop = signal ? AbortSignal.any([signal, stopping.signal]) : stopping.signal;
      const tokens = new Arrivals<number>();
      const options: GenerateOptions = { temperature, topP, topK, minP, stopIds, signal: stop, onToken: (_, id) => tokens.add(id) };
      const finished = generate(model, [{ prompt: prompt.ids, seed, maxNewTokens }], options).finally(() => tokens.close());
      // Rejections are met below, after the last token.
      finished.catch(() => {});
      try {
        for await (const id of tokens) yield decoder.push(id);
        const [{ stopReason }] = await finished;
        const rest = decoder.flush();
        if (rest !== "") yield rest;
        return stopReason === "aborted" ? "cancelled" : stopReason;
      } finally {
        stopping.abort();
      }
    },
  };
}

/** What arrives by calls, taken by iteration. */
class Arrivals<T> implements AsyncIterable<T> {
  private readonly waiting: T[] = [];
  private isClosed = false;
  private wake: (() => void) | undefined;

  add(value: T): void {
    this.waiting.push(value);
    this.wake?.();
  }

  close(): void {
    this.isClosed = true;
    this.wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      while (this.waiting.length > 0) yield this.waiting.shift() as T;
      if (this.isClosed) return;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}
