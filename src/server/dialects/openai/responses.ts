// /responses: a conversation in, items out, whole or as a stream of events; later requests may go on from it.

import type { ChatMessage } from "../../../tokenizer/index.js";
import { asApiError } from "../../api-error.js";
import type { App, Context, ServerContext } from "../../context.js";
import { checkedBody, readBody } from "../../http/body.js";
import { EVENTS, lineStream } from "../../http/line-stream.js";
import { promptIdsOf } from "../../replies/prompt-of-task.js";
import { mergedEvents, type ReplyEnd, ReplyRecord, type Usage } from "../../replies/reply.js";
import { type StartedReplies, startReplies } from "../../replies/start-replies.js";
import { withModel } from "../../replies/with-model.js";
import { CHAT_REQUEST, taskOfChat } from "./chat-request.js";
import { callId, completionHead } from "./completion-head.js";
import { errorBody } from "./error-body.js";
import { type ResponseEvent, ResponseItems } from "./response-items.js";
import { ResponseStore, type StoredItem, type StoredResponse } from "./response-store.js";
import {
  chatRequestOf,
  messagesOf,
  RESPONSES_REQUEST,
  type ResponsesRequest,
  wantsLogProbs,
  withNamedItems,
} from "./responses-request.js";

/** Answers under each of the prefixes; they share what they keep. */
export function registerResponses(app: App, server: ServerContext, prefixes: readonly string[]): void {
  const store = new ResponseStore();
  for (const prefix of prefixes) {
    app.post(`${prefix}/responses`, (c) => answer(c, server, store));
    app.post(`${prefix}/responses/input_tokens`, (c) => count(c, server, store));
    app.get(`${prefix}/responses/:id`, (c) => c.json(store.find(c.req.param("id"), c.var.client).body));
    app.delete(`${prefix}/responses/:id`, (c) => {
      const id = c.req.param("id");
      store.find(id, c.var.client);
      store.forget(id);
      return c.json({ id, object: "response", deleted: true });
    });
  }
}

/** What a request asks for: its body, the messages before its input, and the task. */
async function readTask(c: Context, store: ResponseStore) {
  const { client } = c.var;
  const given = await readBody(c, RESPONSES_REQUEST);
  const body = withNamedItems(given, (id, param) => store.findItem(id, param, client));
  const before = body.previous_response_id ? store.find(body.previous_response_id, client).messages : [];
  return { body, before, task: taskOfChat(checkedBody(CHAT_REQUEST, chatRequestOf(body, before))) };
}

async function count(c: Context, server: ServerContext, store: ResponseStore): Promise<Response> {
  const { body, task } = await readTask(c, store);
  const name = body.model ?? server.models.defaultName;
  const numTokens = await withModel(server, name, (model) => promptIdsOf(model, task).length);
  return c.json({ object: "response.input_tokens", input_tokens: numTokens });
}

async function answer(c: Context, server: ServerContext, store: ResponseStore): Promise<Response> {
  const { client } = c.var;
  const { body, before, task } = await readTask(c, store);
  const ending = new AbortController();
  const signal = AbortSignal.any([c.req.raw.signal, ending.signal]);
  const started = await startReplies(server, body.model ?? server.models.defaultName, task, signal);
  const making = new ResponseMaking(body, started, (made, messages) => {
    if (body.store ?? true) store.keep(made.id, { body: made, messages: [...before, ...messages], client });
  });
  if (!body.stream) return c.json(await making.whole());
  return lineStream(making.lines(), {
    form: EVENTS,
    onEnd: () => ending.abort(),
    errorLine: (error) => making.failedLine(error),
    stalledSeconds: server.settings.stalledSeconds,
  });
}

type Made = StoredResponse["body"] & { readonly id: string };

/** One response in the making. */
class ResponseMaking {
  private readonly head;
  private readonly items: ResponseItems;
  private readonly record = new ReplyRecord();
  private numEvents = 0;

  /** `onMade` is told the whole response, and the messages that it adds to the conversation. */
  constructor(
    private readonly body: ResponsesRequest,
    private readonly started: StartedReplies,
    private readonly onMade: (made: Made, messages: readonly ChatMessage[]) => void,
  ) {
    this.head = completionHead("resp_", started.model.name);
    this.items = new ResponseItems(started.model.tokenizer, wantsLogProbs(body));
  }

  async whole(): Promise<object> {
    let made: object = {};
    for await (const event of this.events()) made = (event.response as object | undefined) ?? made;
    return made;
  }

  async *lines(): AsyncGenerator<string> {
    for await (const event of this.events()) yield this.line(event);
    yield "data: [DONE]\n\n";
  }

  failedLine(error: unknown): string {
    const { error: told } = errorBody(asApiError(error)) as { error: { code: string | null; message: string } };
    const failed = { code: told.code ?? "server_error", message: told.message };
    return this.line({ type: "response.failed", response: { ...this.response("failed"), error: failed } });
  }

  private line(event: ResponseEvent): string {
    const { type, ...fields } = event;
    return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: this.numEvents++, ...fields })}\n\n`;
  }

  private async *events(): AsyncGenerator<ResponseEvent> {
    yield { type: "response.created", response: this.response("in_progress") };
    yield { type: "response.in_progress", response: this.response("in_progress") };
    for await (const event of mergedEvents(this.started.replies)) {
      this.record.add(event);
      yield* this.items.take(event);
      if (event.kind === "end") yield this.last(event);
    }
  }

  private last({ ending, usage }: ReplyEnd): ResponseEvent {
    const isCut = ending === "length" || ending === "loop";
    const status = isCut ? "incomplete" : "completed";
    const response = {
      ...this.response(status),
      incomplete_details: isCut ? { reason: "max_output_tokens" } : null,
      usage: responseUsage(usage),
    };
    this.onMade(response, [...messagesOf(this.body.input), this.turn()]);
    return { type: `response.${status}`, response };
  }

  /** What was answered, as a message of the conversation; calls keep the ids that the client knows. */
  private turn(): ChatMessage {
    const { thought, answer: text } = this.record.read();
    const calls = (this.items.output as { type: string; call_id?: string; name?: string; arguments?: string }[])
      .filter(({ type }) => type === "function_call")
      .map(({ call_id = callId(), name, arguments: given }) => ({
        id: call_id,
        type: "function",
        function: { name, arguments: given },
      }));
    return {
      role: "assistant",
      content: text === "" && calls.length > 0 ? null : text,
      ...(thought !== "" && { reasoning_content: thought }),
      ...(calls.length > 0 && { tool_calls: calls }),
    };
  }

  private response(status: string) {
    const { body, head, items } = this;
    const { defaults } = this.started.model;
    return {
      id: head.id,
      object: "response",
      created_at: head.created,
      completed_at: status === "completed" ? Math.floor(Date.now() / 1000) : null,
      status,
      background: false,
      error: null,
      incomplete_details: null as object | null,
      instructions: body.instructions ?? null,
      max_output_tokens: body.max_output_tokens ?? null,
      max_tool_calls: null,
      model: head.model,
      output: [...items.output] as StoredItem[],
      parallel_tool_calls: body.parallel_tool_calls ?? true,
      previous_response_id: body.previous_response_id ?? null,
      presence_penalty: body.presence_penalty ?? 0,
      frequency_penalty: body.frequency_penalty ?? 0,
      reasoning: { effort: body.reasoning?.effort ?? null, summary: body.reasoning?.summary ?? null },
      safety_identifier: body.safety_identifier ?? null,
      prompt_cache_key: body.prompt_cache_key ?? null,
      service_tier: "default",
      store: body.store ?? true,
      temperature: body.temperature ?? defaults.temperature ?? 1,
      text: { format: body.text?.format ?? { type: "text" } },
      tool_choice: body.tool_choice ?? "auto",
      tools: (body.tools ?? []).map(toolAsTold),
      top_logprobs: body.top_logprobs ?? 0,
      top_p: body.top_p ?? defaults.topP ?? 1,
      truncation: "disabled",
      usage: null as object | null,
      metadata: body.metadata ?? {},
    };
  }
}

/** A function as strict clients expect it, with what was left out. */
const toolAsTold = (tool: NonNullable<ResponsesRequest["tools"]>[number]): object =>
  tool.type === "function" ? { description: null, parameters: null, strict: false, ...tool } : tool;

const responseUsage = ({ promptTokens, cachedTokens, completionTokens, thinkingTokens }: Usage) => ({
  input_tokens: promptTokens,
  input_tokens_details: { cached_tokens: cachedTokens },
  output_tokens: completionTokens,
  output_tokens_details: { reasoning_tokens: thinkingTokens },
  total_tokens: promptTokens + completionTokens,
});
