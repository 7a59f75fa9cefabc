// What /api/chat and /api/generate have in common: a request for nothing loads or unloads its model, any other is
// answered in lines of JSON, or as a whole.

import { asApiError } from "../../api-error.js";
import type { Context, ServerContext } from "../../context.js";
import { lineStream, type StreamForm } from "../../http/line-stream.js";
import { startReplies } from "../../replies/start-replies.js";
import type { Task } from "../../replies/task.js";
import { withModel } from "../../replies/with-model.js";
import { modelName } from "./models.js";
import { keepAliveSeconds, type ReplyFields } from "./reply-fields.js";
import { type PartFields, ReplyLines, replyFrame } from "./reply-lines.js";

/** Lines of JSON. A blank line is none of them. */
export const JSON_LINES: StreamForm = { contentType: "application/x-ndjson", keepAlive: "\n" };
/** A line. */
export const jsonLineOf = (value: object): string => `${JSON.stringify(value)}\n`;

/** Answers a request; without a task the model is loaded, or unloaded where it shall not be kept. */
export async function answer(
  c: Context,
  server: ServerContext,
  body: ReplyFields,
  task: Task | undefined,
  fieldsOf: PartFields,
): Promise<Response> {
  const startedMs = performance.now();
  const name = modelName(server, body.model);
  const seconds = keepAliveSeconds(body.keep_alive);
  if (seconds !== undefined) server.models.keep(name, seconds);
  if (!task) return c.json(await loadOnly(server, name, seconds === 0, fieldsOf));
  const ending = new AbortController();
  const signal = AbortSignal.any([c.req.raw.signal, ending.signal]);
  const started = await startReplies(server, name, task, signal);
  const lines = new ReplyLines(started, fieldsOf, body.logprobs ?? false, startedMs);
  if (body.stream === false) return c.json(await lines.whole());
  return lineStream(asText(lines.lines()), {
    form: JSON_LINES,
    onEnd: () => ending.abort(),
    errorLine: (error) => jsonLineOf({ error: asApiError(error).message }),
    stalledSeconds: server.settings.stalledSeconds,
  });
}

async function loadOnly(server: ServerContext, name: string, unloads: boolean, fieldsOf: PartFields): Promise<object> {
  if (unloads) await server.models.unload(name);
  else await withModel(server, name, () => {});
  return { ...replyFrame(name), ...fieldsOf({ text: "" }), done: true, done_reason: unloads ? "unload" : "load" };
}

async function* asText(lines: AsyncGenerator<object>): AsyncGenerator<string> {
  for await (const line of lines) yield jsonLineOf(line);
}
