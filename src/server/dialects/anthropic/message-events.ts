// A message while it is made: blocks that open, grow and close, each step an event, in the order that Anthropic's
// clients rely on; and the whole of it. Knows no HTTP.
import { newId } from "../../http/new-id.js";
import { argumentsObject } from "../../replies/calls/arguments-object.js";
import type { ReplyEnd, ReplyEvent, Usage, WholeReply } from "../../replies/reply.js";
import type { ReplyPiece } from "../../replies/reply-reader.js";
import type { StartedReplies } from "../../replies/start-replies.js";

/** An event on the wire; its type is its name. */
export interface MessageEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

type Kind = "thinking" | "text" | "tool_use";

/** Thoughts go to clients as they are, so nothing is signed. Clients send back only thoughts that have a signature. */
const SIGNATURE = "luciole";
/** The model itself calls, no code that it wrote. */
const CALLER = { type: "direct" };

/** Makes the events of one message. */
export class MessageEvents {
  private index = -1;
  private open?: Kind;

  /** `showsThought`: whether the client reads the thought. */
  constructor(
    private readonly started: StartedReplies,
    private readonly showsThought: boolean,
  ) {}

  /** What comes before the first token. */
  begin(): MessageEvent[] {
    const [{ numPromptTokens }] = this.started.replies;
    const usage = usageBody({ promptTokens: numPromptTokens, completionTokens: 0, thinkingTokens: 0, cachedTokens: 0 });
    const ending = { stop_reason: null, stop_sequence: null, ...NO_ENDING };
    const message = { ...frame(this.started.model.name), content: [], ...ending, usage };
    return [{ type: "message_start", message }, { type: "ping" }];
  }

  /** The events of a step or of the end; none where it tells nothing. */
  take(event: ReplyEvent): MessageEvent[] {
    if (event.kind === "step") return event.pieces.flatMap((piece) => this.pieceEvents(piece));
    return [
      ...this.close(),
      { type: "message_delta", delta: endingOf(event), usage: usageBody(event.usage) },
      { type: "message_stop" },
    ];
  }

  private pieceEvents(piece: ReplyPiece): MessageEvent[] {
    switch (piece.kind) {
      case "thought":
        return [
          ...this.enter("thinking", { thinking: "", signature: "" }),
          ...(this.showsThought ? [this.delta({ type: "thinking_delta", thinking: piece.text })] : []),
        ];
      case "text":
        return [
          ...this.enter("text", { text: "", citations: [] }),
          this.delta({ type: "text_delta", text: piece.text }),
        ];
      case "call":
        return [
          ...this.close(),
          ...this.enter("tool_use", { id: newId("toolu_"), name: piece.name, input: {}, caller: CALLER }),
        ];
      case "arguments":
        return [this.delta({ type: "input_json_delta", partial_json: piece.text })];
      case "recast":
        return []; // what was sent cannot be taken back
    }
  }

  /** Opens a block, unless one of its kind is open. */
  private enter(kind: Kind, block: object): MessageEvent[] {
    if (this.open === kind) return [];
    const closing = this.close();
    this.open = kind;
    this.index++;
    return [...closing, { type: "content_block_start", index: this.index, content_block: { type: kind, ...block } }];
  }

  private close(): MessageEvent[] {
    const { open, index } = this;
    if (open === undefined) return [];
    this.open = undefined;
    const signed = open === "thinking" ? [this.delta({ type: "signature_delta", signature: SIGNATURE })] : [];
    return [...signed, { type: "content_block_stop", index }];
  }

  private delta(delta: object): MessageEvent {
    return { type: "content_block_delta", index: this.index, delta };
  }
}

/** A whole message. */
export function messageBody(model: string, { thought, answer, calls, end }: WholeReply, showsThought: boolean): object {
  const content = [
    ...(thought === "" ? [] : [{ type: "thinking", thinking: showsThought ? thought : "", signature: SIGNATURE }]),
    ...(answer === "" ? [] : [{ type: "text", text: answer, citations: [] }]),
    ...calls.map((call) => ({
      type: "tool_use",
      id: newId("toolu_"),
      name: call.name,
      input: argumentsObject(call.arguments),
      caller: CALLER,
    })),
  ];
  return { ...frame(model), content, ...endingOf(end), usage: usageBody(end.usage) };
}

const frame = (model: string) => ({ id: newId("msg_"), type: "message", role: "assistant", model });

/** What Anthropic's API tells of refusals and of containers for code; strict clients want the fields. */
const NO_ENDING = { stop_details: null, container: null };

/** A loop that was cut off is an answer that is not complete. */
function endingOf({ ending, stopText }: ReplyEnd) {
  if (stopText !== undefined) return { stop_reason: "stop_sequence", stop_sequence: stopText, ...NO_ENDING };
  const reason = ending === "calls" ? "tool_use" : ending === "stop" ? "end_turn" : "max_tokens";
  return { stop_reason: reason, stop_sequence: null, ...NO_ENDING };
}

/** Cached tokens are counted apart from the others of the prompt. */
const usageBody = ({ promptTokens, cachedTokens, completionTokens, thinkingTokens }: Usage) => ({
  input_tokens: promptTokens - cachedTokens,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: cachedTokens,
  output_tokens: completionTokens,
  output_tokens_details: { thinking_tokens: thinkingTokens },
  cache_creation: null,
  server_tool_use: null,
  service_tier: "standard",
  inference_geo: null,
});
