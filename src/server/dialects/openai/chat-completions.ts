// /chat/completions: a conversation in, replies out, whole or as a stream.
import { asApiError } from "../../api-error.js";
import type { App, Context, ServerContext } from "../../context.js";
import { readBody } from "../../http/body.js";
import { EVENTS, lineStream } from "../../http/line-stream.js";
import { mergedEvents, totalUsage, wholeReplies } from "../../replies/reply.js";
import { type StartedReplies, startReplies } from "../../replies/start-replies.js";
import { ChatChunks } from "./chat-chunks.js";
import { CHAT_REQUEST, type ChatRequest, taskOfChat } from "./chat-request.js";
import { type CompletionHead, callId, completionHead, finishReason } from "./completion-head.js";
import { errorBody } from "./error-body.js";
import { logProbsBody } from "./log-probs.js";
import { thoughtFields, thoughtForm, tokensToldIn } from "./thought-fields.js";
import { usageBody } from "./usage.js";

/** Answers under `prefix`. */
export function registerChat(app: App, server: ServerContext, prefix: string): void {
  app.post(`${prefix}/chat/completions`, (c) => answer(c, server));
}

async function answer(c: Context, server: ServerContext): Promise<Response> {
  const body = await readBody(c, CHAT_REQUEST);
  const task = taskOfChat(body);
  const ending = new AbortController();
  const signal = AbortSignal.any([c.req.raw.signal, ending.signal]);
  const started = await startReplies(server, body.model ?? server.models.defaultName, task, signal);
  const head = completionHead("chatcmpl-", started.model.name);
  if (!body.stream) return c.json(await wholeBody(head, body, started));
  const chunks = new ChatChunks(head, body, started);
  return lineStream(chunkLines(chunks, started), {
    form: EVENTS,
    onEnd: () => ending.abort(),
    errorLine: (error) => `data: ${JSON.stringify(errorBody(asApiError(error)))}\n\n`,
    stalledSeconds: server.settings.stalledSeconds,
  });
}

async function wholeBody(head: CompletionHead, body: ChatRequest, { model, replies }: StartedReplies): Promise<object> {
  const whole = await wholeReplies(replies);
  const choices = whole.map(({ thought, answer: text, calls, tokens, end }, index) => ({
    index,
    message: {
      role: "assistant",
      ...thoughtFields(body, thought, text === "" && calls.length > 0 ? null : text),
      refusal: null,
      annotations: [],
      ...(calls.length > 0 && {
        tool_calls: calls.map((call) => ({ id: callId(), type: "function", function: call })),
      }),
    },
    logprobs: body.logprobs ? logProbsBody(model.tokenizer, tokensToldIn(thoughtForm(body), tokens)) : null,
    finish_reason: finishReason(end.ending),
    stop_reason: end.stopText ?? (end.ending === "loop" ? "loop" : null),
  }));
  const usage = usageBody(totalUsage(whole.map(({ end }) => end.usage)));
  const { id, created, model: name, system_fingerprint } = head;
  return { id, object: "chat.completion", created, model: name, choices, usage, system_fingerprint };
}

async function* chunkLines(chunks: ChatChunks, { replies }: StartedReplies): AsyncGenerator<string> {
  for (const { choice } of replies) yield lineOf(chunks.first(choice));
  for await (const event of mergedEvents(replies)) {
    const made = chunks.take(event);
    if (made.length > 0) yield made.map(lineOf).join("");
  }
  const usage = chunks.usage();
  yield `${usage ? lineOf(usage) : ""}data: [DONE]\n\n`;
}

const lineOf = (chunk: object): string => `data: ${JSON.stringify(chunk)}\n\n`;
