// /messages: a conversation in, blocks of thought, text and calls out, whole or as a stream of events; and how many
// tokens a conversation has.
import { asApiError } from "../../api-error.js";
import type { App, Context, ServerContext } from "../../context.js";
import { readBody } from "../../http/body.js";
import { lineStream, type StreamForm } from "../../http/line-stream.js";
import { promptIdsOf } from "../../replies/prompt-of-task.js";
import { mergedEvents, wholeReplies } from "../../replies/reply.js";
import { type StartedReplies, startReplies } from "../../replies/start-replies.js";
import { withModel } from "../../replies/with-model.js";
import { errorBody } from "./error-body.js";
import { type MessageEvent, MessageEvents, messageBody } from "./message-events.js";
import { COUNT_REQUEST, MESSAGES_REQUEST, taskOfMessages } from "./messages-request.js";

/** Answers under `prefix`. */
export function registerMessages(app: App, server: ServerContext, prefix: string): void {
  app.post(`${prefix}/messages`, (c) => answer(c, server));
  app.post(`${prefix}/messages/count_tokens`, (c) => count(c, server));
}

const lineOf = (event: MessageEvent): string => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

const MESSAGE_EVENTS: StreamForm = {
  contentType: "text/event-stream; charset=utf-8",
  keepAlive: lineOf({ type: "ping" }),
};

async function answer(c: Context, server: ServerContext): Promise<Response> {
  const { requestId } = c.var;
  c.header("request-id", requestId);
  const body = await readBody(c, MESSAGES_REQUEST);
  const ending = new AbortController();
  const signal = AbortSignal.any([c.req.raw.signal, ending.signal]);
  const started = await startReplies(server, body.model, taskOfMessages(body), signal);
  const showsThought = body.thinking?.display !== "omitted";
  if (!body.stream) {
    const [whole] = await wholeReplies(started.replies);
    return c.json(messageBody(started.model.name, whole, showsThought));
  }
  return lineStream(eventLines(new MessageEvents(started, showsThought), started), {
    form: MESSAGE_EVENTS,
    onEnd: () => ending.abort(),
    errorLine: (error) => lineOf(errorBody(asApiError(error), requestId) as MessageEvent),
    stalledSeconds: server.settings.stalledSeconds,
  });
}

async function* eventLines(events: MessageEvents, { replies }: StartedReplies): AsyncGenerator<string> {
  yield events.begin().map(lineOf).join("");
  for await (const event of mergedEvents(replies)) {
    const made = events.take(event);
    if (made.length > 0) yield made.map(lineOf).join("");
  }
}

async function count(c: Context, server: ServerContext): Promise<Response> {
  c.header("request-id", c.var.requestId);
  const body = await readBody(c, COUNT_REQUEST);
  const task = taskOfMessages(body);
  return c.json({ input_tokens: await withModel(server, body.model, (model) => promptIdsOf(model, task).length) });
}
