// A model that answers: single questions, conversations, and its files in another form. Knows no terminal.
import { ConfigError } from "../errors.js";
import type { OpenedChat } from "../inference/conversation/chat-model.js";
import {
  type ChatEvent,
  type ChatSampling,
  ChatSession,
  type ReplyFigures,
  type SavedChat,
} from "../inference/conversation/chat-session.js";
import type { ChatStyle } from "../inference/conversation/chat-style.js";
import type { TextPart } from "../inference/runtime/request.js";
import type { ChatMessage } from "../tokenizer/chat-template.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { type Conversion, type ConvertOptions, convertModel } from "./convert.js";

/** How a reply is made; what is left out is the model's own way. */
export interface ChatOptions extends ChatSampling {
  /** System prompt; none by default, as DeepSeek advises for R1. */
  readonly system?: string;
  /** Cancels the reply; what has come until then is the reply. */
  readonly signal?: AbortSignal;
}

/** A piece of a reply while it is made. `recasts`: all that was told as answer so far was thought. */
export interface ChatPart {
  readonly part: TextPart;
  readonly text: string;
  readonly recasts?: true;
}

/** A whole reply. */
export interface ChatResult {
  readonly thought: string;
  readonly answer: string;
  readonly figures: ReplyFigures;
}

/** A reply on its way: iterate over its parts, await it for the whole, or both. It starts with the first of these. */
export class ChatReply implements AsyncIterable<ChatPart>, PromiseLike<ChatResult> {
  private settled: Promise<ChatResult> | null = null;

  constructor(private readonly events: AsyncGenerator<ChatEvent, void>) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<ChatPart, void> {
    if (this.settled) throw new ConfigError("this reply is already being read: iterate over it once, or await it");
    let settle!: (result: ChatResult) => void;
    let fail!: (error: unknown) => void;
    this.settled = new Promise((resolve, reject) => {
      settle = resolve;
      fail = reject;
    });
    this.settled.catch(() => {}); // whoever iterates hears of it there
    try {
      for await (const event of this.events) {
        if (event.kind === "end")
          settle({ thought: event.thinking.trim(), answer: event.answer.trim(), figures: event.figures });
        else if (event.kind === "recast") yield { part: "thought", text: "", recasts: true };
        else yield { part: event.part, text: event.text };
      }
    } catch (error) {
      fail(error);
      throw error;
    } finally {
      fail(new ConfigError("the iteration over the reply stopped before its end"));
    }
  }

  /** The whole reply. */
  // biome-ignore lint/suspicious/noThenProperty: a reply can be awaited, that is its purpose
  then<A = ChatResult, B = never>(
    onDone?: ((result: ChatResult) => A | PromiseLike<A>) | null,
    onFailed?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.whole().then(onDone, onFailed);
  }

  private async whole(): Promise<ChatResult> {
    if (!this.settled) for await (const _ of this);
    return this.settled as Promise<ChatResult>;
  }
}

/** A conversation that remembers its turns. One message at a time. */
export class Conversation {
  constructor(private readonly session: ChatSession) {}

  /** Asks the next question. */
  ask(question: string, { system, signal, ...sampling }: ChatOptions = {}): ChatReply {
    if (typeof question !== "string") throw new ConfigError(`expected a question as a string, got ${typeof question}`);
    if (system !== undefined) this.session.system = system;
    return new ChatReply(this.session.ask(question, sampling, signal));
  }

  get messages(): readonly ChatMessage[] {
    return this.session.messages;
  }

  /** The turns so far, for JSON; `resume` takes them up again. */
  save(): SavedChat {
    return this.session.save();
  }

  /** Takes up a saved conversation in place of this one. Throws DataError for one that is none. */
  resume(saved: unknown): this {
    this.session.load(saved);
    return this;
  }
}

/** A model opened by `load`. Dispose it when done (`await using` does). */
export class LoadedModel implements AsyncDisposable {
  private readonly style: ChatStyle;

  constructor(
    /** Where its files lie. */
    readonly path: string,
    private readonly opened: OpenedChat,
  ) {
    this.style = opened.style();
  }

  get tokenizer(): Tokenizer {
    return this.opened.tokenizer;
  }

  /** Names of the adapters over it, one of which a question may ask for. */
  get adapters(): readonly string[] {
    return this.opened.adapters;
  }

  /** Tokens that prompt and answer may take together. */
  get context(): number {
    return this.opened.model.maxPositions;
  }

  /**
   * Answers a question, or the last message of a conversation given as a whole; nothing is remembered. Throws
   * ConfigError for no messages.
   */
  chat(input: string | readonly ChatMessage[], options: ChatOptions = {}): ChatReply {
    if (typeof input === "string") return this.conversation().ask(input, options);
    const last = Array.isArray(input) ? (input as readonly ChatMessage[]).at(-1) : undefined;
    if (last?.role !== "user" || typeof last.content !== "string")
      throw new ConfigError('chat: expected a string, or messages that end with { role: "user", content: "…" }');
    const [first] = input;
    const system = first.role === "system" ? (first.content as string) : options.system;
    const turns = input.slice(first.role === "system" ? 1 : 0, -1);
    return this.conversation()
      .resume({ ...(system === undefined ? {} : { system }), messages: turns })
      .ask(last.content, { ...options, system });
  }

  /** Begins a conversation that remembers its turns. */
  conversation(): Conversation {
    return new Conversation(new ChatSession(this.opened.model, this.style));
  }

  /**
   * Writes the model as a directory in Hugging Face's layout, or as a GGUF file where `to` ends in .gguf. Throws as
   * `convertModel` does.
   */
  save(to: string, options: ConvertOptions = {}): Promise<Conversion> {
    return convertModel(this.path, to, options);
  }

  /** Frees its memory; replies on their way are cancelled. */
  dispose(): Promise<void> {
    return this.opened.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
