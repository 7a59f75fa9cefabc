// A conversation with a model: messages in, events out, the history kept. Knows the model only as something that makes
// tokens.
import { ConfigError, DataError } from "../../errors.js";
import type { ResponseForm } from "../../tasks/response.js";
import type { ChatMessage } from "../../tokenizer/chat-template.js";
import type { RunningRequest } from "../runtime/engine-handle.js";
import type {
  Completion,
  FinishReason,
  GenerationRequest,
  MemberWork,
  SamplingOptions,
  TextPart,
  TokenEvent,
} from "../runtime/request.js";
import type { ChatPrompt, ChatStyle } from "./chat-style.js";

/** How a reply is made; what is left out is the model's own way. */
export interface ChatSampling extends SamplingOptions, Pick<GenerationRequest, "stop" | "schema" | "adapter"> {
  /** New tokens at most; default: what the context leaves. */
  readonly maxTokens?: number;
  /** Tokens of thinking after which the model is made to answer; default: no bound. */
  readonly thinkBudget?: number;
}

/** A reply to make. */
export interface ReplyRequest {
  readonly prompt: ChatPrompt;
  readonly form: ResponseForm;
  readonly maxNewTokens: number;
  readonly sampling: ChatSampling;
  readonly signal?: AbortSignal;
}

/** Something that makes tokens: an engine, or a test's own. */
export interface ChatModel {
  readonly maxPositions: number;
  reply(request: ReplyRequest): Pick<RunningRequest, "result" | typeof Symbol.asyncIterator>;
}

/** Figures of a reply. */
export interface ReplyFigures {
  readonly numPromptTokens: number;
  readonly numTokens: number;
  /** Tokens of thinking, its closing tag included. */
  readonly numThinking: number;
  readonly seconds: number;
  /** From the question to the first token. */
  readonly firstTokenSeconds: number;
  readonly finishReason: FinishReason;
  /** Of a mix of models: what each of its members did. */
  readonly members?: readonly MemberWork[];
}

/** What happens while a reply is made: pieces of it, at last its whole. */
export type ChatEvent =
  /** Text of the thought or the answer, tags left out. `numTokens`: tokens so far. */
  | { readonly kind: "piece"; readonly part: TextPart; readonly text: string; readonly numTokens: number }
  /** All that was told as answer so far was thought: it ended in a `</think>` that nothing had opened. */
  | { readonly kind: "recast"; readonly numTokens: number }
  | { readonly kind: "end"; readonly thinking: string; readonly answer: string; readonly figures: ReplyFigures };

/** A conversation as /save writes it. */
export interface SavedChat {
  readonly system?: string;
  readonly messages: readonly ChatMessage[];
}

/** What one conversation has come to. */
export interface ChatTotals {
  readonly numReplies: number;
  readonly numTokens: number;
  readonly seconds: number;
  /** Tokens of the last prompt and its reply: what the context holds. */
  readonly contextTokens: number;
}

/** One conversation. `ask` is called for one message at a time. */
export class ChatSession {
  /** System prompt; none by default, as DeepSeek advises for R1. */
  system: string | undefined;
  private history: ChatMessage[] = [];
  private counts: ChatTotals = { numReplies: 0, numTokens: 0, seconds: 0, contextTokens: 0 };

  constructor(
    private readonly model: ChatModel,
    readonly style: ChatStyle,
  ) {}

  get messages(): readonly ChatMessage[] {
    return this.history;
  }

  get totals(): ChatTotals {
    return this.counts;
  }

  get maxPositions(): number {
    return this.model.maxPositions;
  }

  /** Forgets the turns; the system prompt stays. */
  clear(): void {
    this.history = [];
    this.counts = { ...this.counts, contextTokens: 0 };
  }

  save(): SavedChat {
    return { ...(this.system === undefined ? {} : { system: this.system }), messages: this.history };
  }

  /** Takes up a saved conversation in place of this one. Throws DataError for one that is none. */
  load(saved: unknown): void {
    const { system, messages } = (saved ?? {}) as { readonly system?: unknown; readonly messages?: unknown };
    const isTurn = (turn: unknown): turn is ChatMessage => {
      const { role, content } = (turn ?? {}) as ChatMessage;
      return typeof role === "string" && (typeof content === "string" || content === null);
    };
    if (!Array.isArray(messages) || !messages.every(isTurn))
      throw new DataError(`expected a conversation, { "messages": [{ "role": …, "content": … }] }`);
    if (system !== undefined && typeof system !== "string") throw new DataError(`expected "system" to be a string`);
    this.clear();
    this.system = system;
    this.history = messages;
  }

  /**
   * Asks and tells of the reply as it is made. A reply that was interrupted stays in the history as far as its answer
   * went; one without an answer is forgotten together with its question. The n-th reply has the seed plus n, so that a
   * question asked again is answered anew. Throws ConfigError when the conversation does not fit the context.
   */
  async *ask(question: string, sampling: ChatSampling, signal?: AbortSignal): AsyncGenerator<ChatEvent, void> {
    const turn: ChatMessage = { role: "user", content: question };
    const prompt = this.style.prompt([...this.systemTurn(), ...(this.style.remembers ? this.history : []), turn]);
    const room = this.model.maxPositions - prompt.ids.length;
    if (room < 1) throw new ConfigError(this.tooLong(prompt.ids.length));
    const reply = new ReplyRecord(prompt.ids.length);
    const drawn = { ...sampling, seed: (sampling.seed ?? 0) + this.counts.numReplies };
    const maxNewTokens = Math.min(room, sampling.maxTokens ?? room);
    const running = this.model.reply({ prompt, form: this.style.form, maxNewTokens, sampling: drawn, signal });
    for await (const token of running) yield* reply.take(token);
    const end = reply.end(await running.result);
    this.remember(turn, end);
    yield end;
  }

  private systemTurn(): ChatMessage[] {
    return this.system === undefined ? [] : [{ role: "system", content: this.system }];
  }

  private tooLong(numTokens: number): string {
    const mend =
      this.history.length > 0 && this.style.remembers ? "shorten it, or start over with /clear" : "shorten it";
    return `the prompt has ${numTokens} tokens, the model's context is ${this.model.maxPositions}; ${mend}`;
  }

  private remember(question: ChatMessage, { thinking, answer, figures }: Extract<ChatEvent, { kind: "end" }>): void {
    const { numTokens, seconds, numPromptTokens } = figures;
    const { counts } = this;
    this.counts = {
      numReplies: counts.numReplies + 1,
      numTokens: counts.numTokens + numTokens,
      seconds: counts.seconds + seconds,
      contextTokens: numPromptTokens + numTokens,
    };
    if (answer.trim() === "") return;
    this.history.push(question, {
      role: "assistant",
      content: answer,
      ...(thinking === "" ? {} : { reasoning_content: thinking }),
    });
  }
}

/** Counts a reply's tokens while it is made. */
class ReplyRecord {
  private numTokens = 0;
  private readonly startedMs = performance.now();
  private firstMs = Number.NaN;
  private numThinking = 0;

  constructor(private readonly numPromptTokens: number) {}

  *take({ pieces, part }: TokenEvent): Generator<ChatEvent, void> {
    if (this.numTokens++ === 0) this.firstMs = performance.now();
    const { numTokens } = this;
    // The first piece of a thought tells of the tokens that spelled its tag.
    if (part === "thought") this.numThinking = numTokens;
    for (const piece of pieces) {
      if (piece.recasts) yield { kind: "recast", numTokens };
      if (piece.part !== "tag") yield { kind: "piece", part: piece.part, text: piece.text, numTokens };
    }
  }

  end({ response, finishReason, members }: Completion): Extract<ChatEvent, { kind: "end" }> {
    const seconds = (performance.now() - this.startedMs) / 1000;
    const firstTokenSeconds = this.numTokens === 0 ? seconds : (this.firstMs - this.startedMs) / 1000;
    const { numPromptTokens, numTokens, numThinking } = this;
    const own = { numPromptTokens, numTokens, numThinking, seconds, firstTokenSeconds, finishReason };
    const figures = members ? { ...own, members } : own;
    return { kind: "end", thinking: response.think ?? "", answer: response.reply, figures };
  }
}
