// Replies as Ollama's clients read them: lines of JSON, the last of which has the figures; or one object that has all.
// Knows no HTTP.
import type { TokenEvent } from "../../../inference/index.js";
import type { Tokenizer } from "../../../tokenizer/index.js";
import { argumentsObject } from "../../replies/calls/arguments-object.js";
import { mergedEvents, type ReplyCall, type ReplyEnd, ReplyRecord } from "../../replies/reply.js";
import type { StartedReplies } from "../../replies/start-replies.js";

/** What a line has more of. */
export interface ReplyPart {
  readonly text: string;
  readonly thought?: string;
  readonly calls?: readonly ReplyCall[];
}

/** How a path tells a part: in a message, or beside the frame. */
export type PartFields = (part: ReplyPart) => object;

const NS_PER_MS = 1e6;

/** Makes the lines of one reply. */
export class ReplyLines {
  private readonly record = new ReplyRecord();
  private numToldCalls = 0;
  private firstMs?: number;

  /** `startedMs`: when the request came; `loadedMs`: when its model was there. */
  constructor(
    private readonly started: StartedReplies,
    private readonly fieldsOf: PartFields,
    private readonly wantsLogProbs: boolean,
    private readonly startedMs: number,
    private readonly loadedMs = performance.now(),
  ) {}

  /** Calls are told when they are whole: their arguments are objects. */
  async *lines(): AsyncGenerator<object> {
    for await (const event of mergedEvents(this.started.replies)) {
      this.record.add(event);
      if (event.kind === "end") {
        const calls = this.newCalls(0);
        if (calls.length > 0) yield this.part({ text: "", calls });
        yield this.last(event, { text: "" });
      } else {
        this.firstMs ??= performance.now();
        const of = (kind: "text" | "thought") =>
          event.pieces.map((piece) => (piece.kind === kind ? piece.text : "")).join("");
        const [text, thought] = [of("text"), of("thought")];
        const calls = this.newCalls(1);
        const tokens = event.token ? [event.token] : [];
        if (text !== "" || thought !== "" || calls.length > 0 || this.wantsLogProbs)
          yield this.part({ text, thought, calls }, tokens);
      }
    }
  }

  async whole(): Promise<object> {
    for await (const event of mergedEvents(this.started.replies)) {
      this.firstMs ??= performance.now();
      this.record.add(event);
    }
    const { answer: text, thought, calls, tokens, end } = this.record.read();
    return { ...this.last(end, { text, thought, calls }), ...this.logProbs(tokens) };
  }

  /** Calls not told yet; the last `numOpen` may still grow. */
  private newCalls(numOpen: number): readonly ReplyCall[] {
    const { calls } = this.record.read();
    const whole = calls.slice(this.numToldCalls, Math.max(this.numToldCalls, calls.length - numOpen));
    this.numToldCalls += whole.length;
    return whole;
  }

  private part(part: ReplyPart, tokens: readonly TokenEvent[] = []): object {
    return { ...this.frame(), ...this.fieldsOf(part), done: false, ...this.logProbs(tokens) };
  }

  private last({ ending, usage }: ReplyEnd, part: ReplyPart): object {
    const now = performance.now();
    const firstMs = this.firstMs ?? now;
    const ns = (ms: number) => Math.max(0, Math.round(ms * NS_PER_MS));
    return {
      ...this.frame(),
      ...this.fieldsOf(part),
      done: true,
      // A loop that was cut off is an answer that is not complete.
      done_reason: ending === "length" || ending === "loop" ? "length" : "stop",
      total_duration: ns(now - this.startedMs),
      load_duration: ns(this.loadedMs - this.startedMs),
      prompt_eval_count: usage.promptTokens,
      prompt_eval_duration: ns(firstMs - this.loadedMs),
      eval_count: usage.completionTokens,
      eval_duration: ns(now - firstMs),
    };
  }

  private frame() {
    return replyFrame(this.started.model.name);
  }

  private logProbs(tokens: readonly TokenEvent[]): object {
    if (!this.wantsLogProbs || tokens.length === 0) return {};
    return { logprobs: tokens.map((token) => logProbOf(this.started.model.tokenizer, token)) };
  }
}

/** What every line begins with. */
export const replyFrame = (model: string) => ({ model, created_at: new Date().toISOString() });

/** Calls as Ollama has them. */
export const toolCallsOf = (calls: readonly ReplyCall[]): object[] =>
  calls.map(({ name, arguments: given }) => ({ function: { name, arguments: argumentsObject(given) } }));

function logProbOf(tokenizer: Tokenizer, { id, logProb, top = [] }: TokenEvent): object {
  const told = (each: { readonly id: number; readonly logProb: number }) => ({
    token: tokenizer.decode([each.id]),
    logprob: Math.max(-9999, each.logProb), // JSON has no infinity
  });
  return { ...told({ id, logProb }), ...(top.length > 0 && { top_logprobs: top.map(told) }) };
}
