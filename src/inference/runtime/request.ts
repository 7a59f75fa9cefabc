// What is asked of the runtime and what it gives back: the types of requests, token events and results. Knows no model.
import type { ParsedResponse, ResponseForm, ResponsePart, ResponsePiece } from "../../tasks/response.js";
import type { LoopLimits } from "./loop-detector.js";

/**
 * How tokens are drawn. Log-probabilities are those of softmax(changed logits / temperature) before the cuts top-k,
 * top-p, min-p.
 */
export interface SamplingOptions {
  /** 0 takes the likeliest token; default 1. */
  readonly temperature?: number;
  /** Keep the k likeliest; default 0, all. */
  readonly topK?: number;
  /** Keep the fewest likeliest tokens that together reach this probability; default 1, all. */
  readonly topP?: number;
  /** Drop tokens less likely than this share of the likeliest; default 0, none. */
  readonly minP?: number;
  /** Divides positive and multiplies negative logits of tokens seen in prompt or completion; default 1, none. */
  readonly repetitionPenalty?: number;
  /** Taken off the logit of every token of the completion; default 0. */
  readonly presencePenalty?: number;
  /** Taken off the logit of a token for each time the completion has it; default 0. */
  readonly frequencyPenalty?: number;
  /** Added to the logits of single tokens; -Infinity forbids one. */
  readonly logitBias?: ReadonlyMap<number, number>;
  /** The tokens are a function of prompt, seed and weights; default 0. */
  readonly seed?: number;
  /** How many of the likeliest tokens to tell at each place, 0 … 20; default 0. */
  readonly topLogProbs?: number;
}

/** Bounds of the thought. An unclosed thought is all thought and no answer, unless `unclosed` says otherwise. */
export interface ThinkingOptions {
  /** Whether the prompt ends inside the thinking (see `opensThought`); default false. */
  readonly startsInside?: boolean;
  /** Tokens of thinking after which `</think>` is forced and the answer begins; default: no bound but maxNewTokens. */
  readonly budget?: number;
  /**
   * When a stop token comes before `</think>`: "end" the request (default), or put "close" in its place, once, and go
   * on with the answer.
   */
  readonly unclosed?: "end" | "close";
}

/** One completion to make. */
export interface GenerationRequest {
  readonly prompt: ArrayLike<number>;
  /** Default: as many as fit the context. */
  readonly maxNewTokens?: number;
  readonly sampling?: SamplingOptions;
  /** Tokens that end the completion; the one that did is its last. */
  readonly stopIds?: readonly number[];
  /**
   * Texts that end the completion and do not appear in it; looked for in the answer, not in the thinking. They need the
   * engine's tokenizer.
   */
  readonly stop?: readonly string[];
  /**
   * Texts with which the model hands over to others (the call of a tool): they end the completion wherever they stand,
   * thought or answer, and remain in it. They need the engine's tokenizer.
   */
  readonly turnEnds?: readonly string[];
  /** How thought and answer are told apart; default "chat". */
  readonly form?: ResponseForm;
  readonly thinking?: ThinkingOptions;
  /**
   * When a cycle of tokens ends the completion (in the thinking: forces its end); false: never. Default:
   * `DEFAULT_LOOP`.
   */
  readonly loop?: LoopLimits | false;
  /** The adapter to answer with, by its name; null: the base alone. Default: the first of the engine's, if any. */
  readonly adapter?: string | null;
  /** A JSON schema that the answer (all but the thinking) obeys. It needs the engine's tokenizer. */
  readonly schema?: object | boolean;
  /** Whether drafts are made where the engine can; changes the speed alone. Default true. */
  readonly speculate?: boolean;
  /** Cancels the request. */
  readonly signal?: AbortSignal;
  /** Whether token events are kept for iteration; default true. Without, only the result tells. */
  readonly events?: boolean;
}

/** A token and its log-probability. */
export interface TokenLogProb {
  readonly id: number;
  readonly logProb: number;
}

/** Which side of the thought's end text stands on. */
export type TextPart = Exclude<ResponsePart, "tag">;

/**
 * What a token belongs to: the thought, its closing tag included; a call of a tool, its tags included, where the
 * vocabulary has tokens for them; or the rest of the answer.
 */
export type TokenPart = TextPart | "tool call";

/** A new token: the one event that chat, evaluation and reinforcement read. */
export interface TokenEvent extends TokenLogProb {
  /**
   * Text that has become certain, perhaps none, and what it belongs to: whole characters, never a part of a stop text.
   * Without a tokenizer always empty. A piece that `recasts` says that what was told as answer so far was thought.
   */
  readonly pieces: readonly ResponsePiece[];
  /** The texts of the pieces, joined. */
  readonly text: string;
  readonly part: TokenPart;
  /** Whether the runtime put the token there; its log-probability is then 0. */
  readonly isForced: boolean;
  /** The likeliest tokens at this place, where they were asked for. */
  readonly top?: readonly TokenLogProb[];
}

/** Why a completion ended: a stop token or text, its longest length, a cycle, or because it was cancelled. */
export type FinishReason = "stop" | "length" | "loop" | "cancelled";

/** What a member of a mix did for an answer. */
export interface MemberWork {
  readonly member: string;
  readonly completions: number;
  /** Prompt tokens of all its completions, and those of them that the prefix cache spared. */
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** New tokens. */
  readonly tokens: number;
  /** Floating-point operations: two for each active parameter and computed token; attention is left out. */
  readonly flops: number;
  /** Seconds in which it was at work. */
  readonly seconds: number;
}

/** A finished completion. */
export interface Completion {
  /** All new tokens, a stop token included. */
  readonly ids: Int32Array;
  readonly logProbs: Float32Array;
  /** The completion taken apart, without the stop text; empty without a tokenizer. */
  readonly response: ParsedResponse;
  /** The text of the completion without the stop text; "" without a tokenizer. */
  readonly text: string;
  readonly finishReason: FinishReason;
  /** The stop text, or the text among `turnEnds`, that was found. */
  readonly stopText?: string;
  /** Tokens of thinking, the closing tag not included. */
  readonly numThinking: number;
  /** False when the completion ended inside the thinking. */
  readonly isThinkClosed: boolean;
  /** Prompt tokens that the prefix cache spared. */
  readonly numPrefixHits: number;
  /** Tokens drafted for this request, and those that came true. */
  readonly numDrafted: number;
  readonly numAccepted: number;
  /** Of a mix of models: what each of its members did. */
  readonly members?: readonly MemberWork[];
}
