// The output of a response while it is made: items that open, grow and close, each step an event. What a stream tells,
// joined, is the whole. Knows no HTTP.
import type { TokenEvent } from "../../../inference/index.js";
import type { Tokenizer } from "../../../tokenizer/index.js";
import { newId } from "../../http/new-id.js";
import type { ReplyEvent } from "../../replies/reply.js";
import type { ReplyPiece } from "../../replies/reply-reader.js";
import { callId } from "./completion-head.js";
import { logProbEntry } from "./log-probs.js";

/** An event on the wire; its type is its name. */
export interface ResponseEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

type Kind = "reasoning" | "message" | "function_call";
interface OpenItem {
  readonly kind: Kind;
  readonly id: string;
  readonly callId: string;
  readonly name: string;
  text: string;
  readonly logprobs: object[];
}

const PREFIX: Readonly<Record<Kind, string>> = { reasoning: "rs_", message: "msg_", function_call: "fc_" };
/** What the events of growing and closing are called. */
const GROWING: Readonly<Record<Kind, string>> = {
  reasoning: "response.reasoning_text",
  message: "response.output_text",
  function_call: "response.function_call_arguments",
};

/** Makes events of one reply's news, and keeps the items. */
export class ResponseItems {
  /** Items that are closed. */
  readonly output: object[] = [];
  private open?: OpenItem;
  private logprobs: object[] = [];

  /** `wantsLogProbs`: whether the answer's text tells the log-probabilities of its tokens. */
  constructor(
    private readonly tokenizer: Tokenizer,
    private readonly wantsLogProbs: boolean,
  ) {}

  take(event: ReplyEvent): ResponseEvent[] {
    if (event.kind === "end") return this.close(event.ending === "length" ? "incomplete" : "completed");
    this.noteToken(event.token);
    return event.pieces.flatMap((piece) => this.takePiece(piece));
  }

  private noteToken(token: TokenEvent | undefined): void {
    if (this.wantsLogProbs && token?.part === "answer") this.logprobs.push(logProbEntry(this.tokenizer, token));
  }

  private takePiece(piece: ReplyPiece): ResponseEvent[] {
    switch (piece.kind) {
      case "thought":
        return [...this.enter("reasoning"), ...this.grow(piece.text)];
      case "text":
        return [...this.enter("message"), ...this.grow(piece.text)];
      case "call":
        return [...this.close("completed"), ...this.begin("function_call", piece.name)];
      case "arguments":
        return this.grow(piece.text);
      case "recast":
        return []; // what was sent cannot be taken back
    }
  }

  private enter(kind: Kind): ResponseEvent[] {
    return this.open?.kind === kind ? [] : [...this.close("completed"), ...this.begin(kind)];
  }

  private begin(kind: Kind, name = ""): ResponseEvent[] {
    const id = newId(PREFIX[kind]);
    const item: OpenItem = { kind, id, callId: callId(), name, text: "", logprobs: [] };
    this.open = item;
    const added = this.event("response.output_item.added", { item: itemBody(item, "in_progress", true) });
    if (kind === "function_call") return [added];
    return [added, this.event("response.content_part.added", { ...this.place(item), part: partBody(item) })];
  }

  private grow(text: string): ResponseEvent[] {
    const item = this.open as OpenItem;
    item.text += text;
    const logprobs = this.logprobs;
    this.logprobs = [];
    item.logprobs.push(...logprobs);
    return [
      this.event(`${GROWING[item.kind]}.delta`, {
        ...this.place(item),
        delta: text,
        ...(item.kind === "message" && { logprobs }),
      }),
    ];
  }

  private close(status: "completed" | "incomplete"): ResponseEvent[] {
    const item = this.open;
    if (!item) return [];
    const key = item.kind === "function_call" ? "arguments" : "text";
    const done = {
      ...this.place(item),
      [key]: item.text,
      ...(item.kind === "message" && { logprobs: item.logprobs }),
      ...(item.kind === "function_call" && { name: item.name }),
    };
    const events = [this.event(`${GROWING[item.kind]}.done`, done)];
    if (item.kind !== "function_call")
      events.push(this.event("response.content_part.done", { ...this.place(item), part: partBody(item) }));
    const body = itemBody(item, status);
    events.push(this.event("response.output_item.done", { item: body }));
    this.output.push(body);
    this.open = undefined;
    return events;
  }

  private event(type: string, fields: object): ResponseEvent {
    return { type, output_index: this.output.length, ...fields };
  }

  private place({ kind, id }: OpenItem): object {
    return { item_id: id, ...(kind !== "function_call" && { content_index: 0 }) };
  }
}

function partBody({ kind, text, logprobs }: OpenItem): object {
  return kind === "reasoning"
    ? { type: "reasoning_text", text }
    : { type: "output_text", text, annotations: [], logprobs };
}

/** An item as it stands; one that has just begun has nothing in it. */
function itemBody(item: OpenItem, status: "in_progress" | "completed" | "incomplete", isNew = false): object {
  const { kind, id, text, name } = item;
  const content = isNew ? [] : [partBody(item)];
  if (kind === "reasoning") return { id, type: kind, status, summary: [], content };
  if (kind === "message") return { id, type: kind, status, role: "assistant", content };
  return { id, type: kind, status, call_id: item.callId, name, arguments: text };
}
