// Asks for an answer by /v1/chat/completions and tells what has come of it, as a whole, each time something does. Knows
// no tree and no page.
import { RequestFailed, request } from "../page/api.ts";
import type { ChatSettings, Ending, Figures, Turn } from "./conversation.ts";
import { serverEvents } from "./server-events.ts";

/** An answer as far as it has come. */
export interface ReplySoFar {
  readonly thought: string;
  readonly text: string;
  readonly figures: Figures;
}

/** How it ended. */
export interface ReplyEnd extends ReplySoFar {
  readonly ending: Ending;
  readonly error?: string;
}

interface Chunk {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string | null; readonly reasoning_content?: string | null };
    readonly finish_reason?: string | null;
    readonly stop_reason?: string | null;
  }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details?: { readonly cached_tokens?: number };
    readonly completion_tokens_details?: { readonly reasoning_tokens?: number };
  } | null;
  readonly error?: { readonly message?: string };
}

/** The body of a request. */
export function replyRequest(model: string, turns: readonly Turn[], settings: ChatSettings): object {
  const { system, thinking, thinkingBudget, schema } = settings;
  return {
    model,
    stream: true,
    stream_options: { include_usage: true },
    messages: [...(system.trim() ? [{ role: "system", content: system }] : []), ...turns.map(messageOf)],
    temperature: settings.temperature,
    top_p: settings.topP,
    top_k: settings.topK,
    min_p: settings.minP,
    repetition_penalty: settings.repetitionPenalty,
    max_tokens: settings.maxTokens,
    seed: settings.seed,
    thinking_budget: thinkingBudget,
    ...(thinking !== "auto" && { thinking: { type: thinking === "on" ? "enabled" : "disabled" } }),
    ...(schema.trim() && {
      response_format: { type: "json_schema", json_schema: { name: "answer", schema: JSON.parse(schema) } },
    }),
  };
}

const messageOf = ({ role, text, thought }: Turn) => ({
  role,
  content: text,
  ...(thought && { reasoning_content: thought }),
});

/** Streams an answer; `signal` stops it. Never throws: what fails is an ending. */
export async function streamReply(
  body: object,
  signal: AbortSignal,
  onProgress: (reply: ReplySoFar) => void,
): Promise<ReplyEnd> {
  const record = new ReplyRecord();
  try {
    const response = await request("/v1/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal,
    });
    for await (const data of serverEvents(response.body as ReadableStream<Uint8Array>)) {
      if (data === "[DONE]") break;
      record.take(JSON.parse(data) as Chunk);
      onProgress(record.read());
    }
    return record.end();
  } catch (error) {
    if (signal.aborted) return { ...record.read(), ending: "stopped" };
    const message = error instanceof RequestFailed && error.status === 0 ? undefined : (error as Error).message;
    return { ...record.read(), ending: "failed", ...(message && { error: message }) };
  }
}

/** Gathers the chunks of one answer, with their times. */
class ReplyRecord {
  private thought = "";
  private text = "";
  private readonly askedMs = performance.now();
  private firstMs?: number;
  private answerMs?: number;
  private lastMs?: number;
  private numThought = 0;
  private numText = 0;
  private usage?: NonNullable<Chunk["usage"]>;
  private ending?: Ending;

  /** Throws RequestFailed for an error on the way. */
  take({ choices, usage, error }: Chunk): void {
    if (error) throw new RequestFailed(500, error.message ?? "the stream broke");
    if (usage) this.usage = usage;
    const [{ delta, finish_reason: reason, stop_reason: stopReason } = {}] = choices ?? [];
    if (delta?.reasoning_content) this.takeThought(delta.reasoning_content);
    if (delta?.content) this.takeText(delta.content);
    if (reason) this.ending = reason === "length" ? "length" : stopReason === "loop" ? "loop" : "stop";
  }

  read(): ReplySoFar {
    return { thought: this.thought, text: this.text, figures: this.figures() };
  }

  end(): ReplyEnd {
    return this.ending ? { ...this.read(), ending: this.ending } : { ...this.read(), ending: "failed" };
  }

  private takeThought(text: string): void {
    this.note();
    this.thought += text;
    this.numThought++;
  }

  private takeText(text: string): void {
    this.note();
    this.answerMs ??= this.lastMs;
    this.text += text;
    this.numText++;
  }

  private note(): void {
    this.lastMs = performance.now();
    this.firstMs ??= this.lastMs;
  }

  /** Tokens are counted by chunks until the server tells their number. */
  private figures(): Figures {
    const { usage, firstMs, answerMs, lastMs, askedMs } = this;
    if (firstMs === undefined || lastMs === undefined) return {};
    return {
      tokens: usage?.completion_tokens ?? this.numThought + this.numText,
      thoughtTokens: usage?.completion_tokens_details?.reasoning_tokens ?? this.numThought,
      promptTokens: usage?.prompt_tokens,
      cachedTokens: usage?.prompt_tokens_details?.cached_tokens,
      waitSeconds: (firstMs - askedMs) / 1000,
      seconds: (lastMs - firstMs) / 1000,
      ...(this.thought !== "" && { thoughtSeconds: ((answerMs ?? lastMs) - firstMs) / 1000 }),
    };
  }
}
