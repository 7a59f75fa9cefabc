// Replies of a model on their way: what they have more of, piece by piece, and how they ended. Knows no dialect.
import type { Completion, MemberWork, RunningRequest, TokenEvent } from "../../inference/index.js";
import { totalWork } from "../../mix/index.js";
import type { PieceReader, ReplyPiece } from "./reply-reader.js";

/** What a token added to a reply. */
export interface ReplyStep {
  readonly kind: "step";
  /** Which of the replies. */
  readonly choice: number;
  readonly pieces: readonly ReplyPiece[];
  /** The token; absent behind the last one, when what was held back comes out. */
  readonly token?: TokenEvent;
}

/** Why a reply ended. */
export type ReplyEnding = "stop" | "length" | "calls" | "loop" | "cancelled";

/** The end of a reply. */
export interface ReplyEnd {
  readonly kind: "end";
  readonly choice: number;
  readonly ending: ReplyEnding;
  /** The stop text that ended it. */
  readonly stopText?: string;
  readonly usage: Usage;
}

/** What a reply took. */
export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly thinkingTokens: number;
  /** Prompt tokens that the prefix cache spared. */
  readonly cachedTokens: number;
  /** Of a mix of models: what each of its members did. */
  readonly members?: readonly MemberWork[];
}

/** A reply's news. */
export type ReplyEvent = ReplyStep | ReplyEnd;

/** One reply. */
export interface Reply {
  readonly choice: number;
  readonly numPromptTokens: number;
  readonly running: RunningRequest;
  readonly reader: PieceReader;
  /** Told when its first token is read. */
  onFirstToken(): void;
}

/** What comes of one reply, in order; its end is last. Throws what the engine failed with. */
export async function* replyEvents(reply: Reply): AsyncGenerator<ReplyEvent> {
  const { choice, numPromptTokens, running, reader } = reply;
  let numCalls = 0;
  let isFirst = true;
  for await (const token of running) {
    if (isFirst) reply.onFirstToken();
    isFirst = false;
    const pieces = reader.push(token);
    numCalls += pieces.filter(({ kind }) => kind === "call").length;
    yield { kind: "step", choice, pieces, token };
  }
  const rest = reader.end();
  numCalls += rest.filter(({ kind }) => kind === "call").length;
  const completion = await running.result;
  if (rest.length > 0) yield { kind: "step", choice, pieces: rest };
  yield { kind: "end", choice, ...endingOf(completion, numCalls > 0), usage: usageOf(completion, numPromptTokens) };
}

function endingOf({ finishReason, stopText }: Completion, calls: boolean): Pick<ReplyEnd, "ending" | "stopText"> {
  if (finishReason === "stop" && calls) return { ending: "calls" };
  return { ending: finishReason, ...(stopText !== undefined && { stopText }) };
}

const usageOf = ({ ids, numThinking, numPrefixHits, members }: Completion, promptTokens: number): Usage => ({
  promptTokens,
  completionTokens: ids.length,
  thinkingTokens: numThinking,
  cachedTokens: numPrefixHits,
  ...(members && { members }),
});

/** The usage of several replies to one prompt, which counts once. */
export function totalUsage(all: readonly Usage[]): Usage {
  const sum = (of: (usage: Usage) => number) => all.reduce((total, each) => total + of(each), 0);
  return {
    promptTokens: all[0]?.promptTokens ?? 0,
    cachedTokens: all[0]?.cachedTokens ?? 0,
    completionTokens: sum((usage) => usage.completionTokens),
    thinkingTokens: sum((usage) => usage.thinkingTokens),
    ...(all[0]?.members && { members: totalWork(all.map(({ members = [] }) => members)) }),
  };
}

/** Events of several replies as they come. None waits for another; a reader that is slow holds up all of them alike. */
export async function* mergedEvents(replies: readonly Reply[]): AsyncGenerator<ReplyEvent> {
  if (replies.length === 1) return yield* replyEvents(replies[0]);
  const next = (events: AsyncGenerator<ReplyEvent>) => events.next().then((result) => ({ events, result }));
  const waiting = new Map(replies.map((reply) => replyEvents(reply)).map((events) => [events, next(events)]));
  try {
    while (waiting.size > 0) {
      const { events, result } = await Promise.race(waiting.values());
      if (result.done) waiting.delete(events);
      else {
        waiting.set(events, next(events));
        yield result.value;
      }
    }
  } finally {
    for (const { running } of replies) running.cancel();
  }
}

/** A call of a tool, whole. */
export interface ReplyCall {
  readonly name: string;
  /** JSON. */
  readonly arguments: string;
}

/** A whole reply. */
export interface WholeReply {
  readonly thought: string;
  readonly answer: string;
  readonly calls: readonly ReplyCall[];
  /** Its tokens, where they were asked for. */
  readonly tokens: readonly TokenEvent[];
  readonly end: ReplyEnd;
}

/** Gathers replies until all have ended. What a stream tells, joined, is what this gives. */
export async function wholeReplies(replies: readonly Reply[]): Promise<WholeReply[]> {
  const records = replies.map(() => new ReplyRecord());
  for await (const event of mergedEvents(replies)) records[event.choice].add(event);
  return records.map((record) => record.read());
}

/** Gathers the events of one reply. */
export class ReplyRecord {
  private thought = "";
  private answer = "";
  private readonly calls: { name: string; arguments: string }[] = [];
  private readonly tokens: TokenEvent[] = [];
  private ended?: ReplyEnd;

  add(event: ReplyEvent): void {
    if (event.kind === "end") this.ended = event;
    else {
      if (event.token) this.tokens.push(event.token);
      for (const piece of event.pieces) this.addPiece(piece);
    }
  }

  read(): WholeReply {
    const { thought, answer, calls, tokens } = this;
    return { thought, answer, calls, tokens, end: this.ended as ReplyEnd };
  }

  private addPiece(piece: ReplyPiece): void {
    if (piece.kind === "thought") this.thought += piece.text;
    else if (piece.kind === "text") this.answer += piece.text;
    else if (piece.kind === "call") this.calls.push({ name: piece.name, arguments: "" });
    else if (piece.kind === "arguments") this.calls[piece.index].arguments += piece.text;
    else {
      this.thought = this.answer;
      this.answer = "";
    }
  }
}
