// The chunks of a streamed chat completion: from news of replies to objects on the wire. Knows no HTTP.
import { THINK_CLOSE, THINK_OPEN } from "../../../tasks/response.js";
import { type ReplyEvent, type ReplyStep, totalUsage, type Usage } from "../../replies/reply.js";
import type { ReplyPiece } from "../../replies/reply-reader.js";
import type { StartedReplies } from "../../replies/start-replies.js";
import type { ChatRequest } from "./chat-request.js";
import { type CompletionHead, callId, finishReason } from "./completion-head.js";
import { logProbsBody } from "./log-probs.js";
import { type ThoughtForm, thoughtAs, thoughtForm, tokensToldIn } from "./thought-fields.js";
import { usageBody } from "./usage.js";

/** Makes the chunks of one request. */
export class ChatChunks {
  private readonly form: ThoughtForm;
  private readonly usages: Usage[] = [];
  /** For each choice, whether its thought has begun, and whether its answer has. */
  private readonly thinks: boolean[];
  private readonly answers: boolean[] = [];

  constructor(
    private readonly head: CompletionHead,
    private readonly body: ChatRequest,
    private readonly started: StartedReplies,
  ) {
    this.form = thoughtForm(body);
    this.thinks = started.replies.map(() => started.startsInside);
  }

  /** The chunk that begins a choice; the role is told here and never again. */
  first(choice: number): object {
    if (this.form === "raw" && this.thinks[choice])
      return this.chunk(choice, { role: "assistant", content: `${THINK_OPEN}\n` });
    const thought =
      this.thinks[choice] && this.form !== "hidden" ? { content: null, ...thoughtAs(this.form, "") } : { content: "" };
    return this.chunk(choice, { role: "assistant", ...thought });
  }

  /** The chunks of an event; none where it tells nothing. */
  take(event: ReplyEvent): object[] {
    if (event.kind === "step") return this.stepChunks(event);
    this.usages[event.choice] = event.usage;
    const { choice, ending, stopText } = event;
    return [
      this.chunk(choice, {}, null, {
        finish_reason: finishReason(ending),
        stop_reason: stopText ?? (ending === "loop" ? "loop" : null),
      }),
    ];
  }

  /** The last chunk, where it was asked for. */
  usage(): object | undefined {
    if (!this.wantsUsage) return undefined;
    return { ...this.frame(), choices: [], usage: usageBody(totalUsage(this.usages)) };
  }

  private get wantsUsage(): boolean {
    return this.body.stream_options?.include_usage ?? false;
  }

  private stepChunks({ choice, pieces, token }: ReplyStep): object[] {
    const deltas = pieces.flatMap((piece) => this.deltaOf(choice, piece) ?? []);
    if (!this.body.logprobs || !token || tokensToldIn(this.form, [token]).length === 0)
      return deltas.map((delta) => this.chunk(choice, delta));
    const logprobs = logProbsBody(this.started.model.tokenizer, [token]);
    if (deltas.length === 0) return [this.chunk(choice, {}, logprobs)];
    return deltas.map((delta, i) => this.chunk(choice, delta, i === 0 ? logprobs : null));
  }

  private deltaOf(choice: number, piece: ReplyPiece): object | undefined {
    switch (piece.kind) {
      case "thought":
        return this.thoughtDelta(choice, piece.text);
      case "text":
        return this.answerDelta(choice, piece.text);
      case "call":
        return {
          tool_calls: [
            { index: piece.index, id: callId(), type: "function", function: { name: piece.name, arguments: "" } },
          ],
        };
      case "arguments":
        return { tool_calls: [{ index: piece.index, function: { arguments: piece.text } }] };
      case "recast":
        return undefined; // what was sent cannot be taken back
    }
  }

  private thoughtDelta(choice: number, text: string): object | undefined {
    const isFirst = !this.thinks[choice];
    this.thinks[choice] = true;
    if (this.form === "hidden") return undefined;
    if (this.form === "raw") return { content: isFirst ? `${THINK_OPEN}\n${text}` : text };
    return { content: null, ...thoughtAs(this.form, text) };
  }

  private answerDelta(choice: number, text: string): object {
    if (!this.thinks[choice]) return { content: text };
    const isFirst = !this.answers[choice];
    this.answers[choice] = true;
    if (this.form === "raw") return { content: isFirst ? `\n${THINK_CLOSE}\n\n${text}` : text };
    return { content: text, ...thoughtAs(this.form, null) };
  }

  private chunk(choice: number, delta: object, logprobs: object | null = null, end: object = { finish_reason: null }) {
    return {
      ...this.frame(),
      choices: [{ index: choice, delta, logprobs, ...end }],
      ...(this.wantsUsage && { usage: null }),
    };
  }

  private frame() {
    const { id, created, model, system_fingerprint } = this.head;
    return { id, object: "chat.completion.chunk", created, model, system_fingerprint };
  }
}
