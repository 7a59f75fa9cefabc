// Starts the replies that a client asks for on a model, and lets go of the model when they have ended, whoever reads
// them or not. Knows no dialect.
import { BackendError } from "../../errors.js";
import type { ChatPrompt, RunningRequest } from "../../inference/index.js";
import { ApiError } from "../api-error.js";
import type { ServerContext } from "../context.js";
import type { ModelLease } from "../models/model-pool.js";
import type { ServedModel } from "../models/served-model.js";
import { callFormatOf, JSON_CALLS } from "./calls/call-format.js";
import { CallReader } from "./calls/call-reader.js";
import { checkTask } from "./check-task.js";
import { promptOf, type TaskPrompt } from "./prompt-of-task.js";
import type { Reply } from "./reply.js";
import { type ContinuedPart, type PieceReader, PLAIN_READER, ReplyReader } from "./reply-reader.js";
import type { ChatTask, Task } from "./task.js";

/** Replies on their way. */
export interface StartedReplies {
  readonly model: ServedModel;
  readonly replies: readonly Reply[];
  /** Whether the prompt opened the thought. */
  readonly startsInside: boolean;
  cancel(): void;
}

/**
 * Starts `task.numChoices` replies of the model `name`; they end with the signal. Throws ApiError, or what the engine
 * refuses them with.
 */
export async function startReplies(
  server: ServerContext,
  name: string,
  task: Task,
  signal: AbortSignal,
): Promise<StartedReplies> {
  const { models, settings } = server;
  if (server.isDraining()) throw new ApiError("unavailable", "the server is stopping", { retryAfterSeconds: 5 });
  models.require(name);
  checkTask(task, settings);
  const lease = await acquire(server, name, task.numChoices);
  try {
    return await startOn(lease, name, task, signal, server);
  } catch (error) {
    lease.release();
    throw error;
  }
}

async function acquire({ models, metrics }: ServerContext, name: string, count: number): Promise<ModelLease> {
  try {
    return await models.acquire(name, count);
  } catch (error) {
    if (error instanceof ApiError && error.kind === "busy") metrics.noteRefused(name);
    throw error;
  }
}

/** A model whose thread ended while nobody used it is loaded again, once. */
async function startOn(
  lease: ModelLease,
  name: string,
  task: Task,
  signal: AbortSignal,
  server: ServerContext,
): Promise<StartedReplies> {
  signal.throwIfAborted();
  const { model } = lease;
  const made = promptOf(model, task);
  let started: RunningRequest[];
  try {
    started = submitAll(model, made, task.numChoices, signal);
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    await lease.noteFailure();
    const fresh = await acquire(server, name, task.numChoices);
    lease.release();
    started = submitAll(fresh.model, made, task.numChoices, signal);
    return follow(fresh, task, made, started, server);
  }
  return follow(lease, task, made, started, server);
}

/** For a request that gives none: two that are alike get different answers. */
const anySeed = (): number => Math.floor(Math.random() * 2 ** 31);

/** Asks for all completions; where one is refused, none is made. */
function submitAll(
  model: ServedModel,
  { prompt, form, sampling }: TaskPrompt,
  count: number,
  signal: AbortSignal,
): RunningRequest[] {
  const room = model.maxContext - prompt.ids.length;
  const maxNewTokens = Math.min(room, sampling.maxTokens ?? room);
  const seed = sampling.seed ?? anySeed();
  const started: RunningRequest[] = [];
  try {
    for (let i = 0; i < count; i++) {
      const drawn = { ...sampling, seed: seed + i };
      started.push(model.generate(prompt, form, maxNewTokens, drawn, signal));
    }
    return started;
  } catch (error) {
    for (const running of started) running.cancel();
    throw error;
  }
}

function follow(
  lease: ModelLease,
  task: Task,
  { prompt }: TaskPrompt,
  started: readonly RunningRequest[],
  { metrics, settings, log }: ServerContext,
): StartedReplies {
  const { model } = lease;
  const { length: numPromptTokens } = prompt.ids;
  const results = started.map(({ result }) => result);
  void Promise.allSettled(results).then((settled) => {
    lease.release();
    for (const each of settled)
      if (each.status === "rejected" && each.reason instanceof BackendError) void lease.noteFailure();
  });
  if (settings.logContent)
    for (const { result } of started)
      void result.then(
        ({ text }) => log.info({ model: model.name, prompt: model.tokenizer.decode(prompt.ids), text }, "content"),
        () => {}, // told where it is waited for
      );
  const replies = started.map((running, choice) => ({
    choice,
    numPromptTokens,
    running,
    reader: readerOf(model, task, prompt),
    onFirstToken: timer(running, model.name, numPromptTokens, metrics),
  }));
  const cancel = () => {
    for (const running of started) running.cancel();
  };
  return { model, replies, startsInside: prompt.startsInside, cancel };
}

function readerOf({ tokenizer, style }: ServedModel, task: Task, { startsInside }: ChatPrompt): PieceReader {
  if (task.kind === "text") return PLAIN_READER;
  const continues = continuedPart(task, startsInside);
  if (task.tools.length === 0 || task.toolChoice === "none") return new ReplyReader(tokenizer, undefined, continues);
  const format = task.toolChoice === "auto" ? callFormatOf(style.template, tokenizer) : JSON_CALLS;
  const tag = format.around?.[0] ?? format.open;
  const tagsAreTokens = tag !== null && tokenizer.tokenId(tag) !== undefined;
  const names = new Set(task.tools.map(({ name }) => name));
  return new ReplyReader(tokenizer, new CallReader(format, tagsAreTokens, names), continues);
}

/** What the prompt ends in, where that is the beginning of the reply. */
function continuedPart({ messages, continuesLast }: ChatTask, startsInside: boolean): ContinuedPart | undefined {
  const last = messages.at(-1);
  if (!continuesLast || !last) return undefined;
  if (startsInside) return last.reasoning_content ? "thought" : undefined;
  return last.content ? "answer" : undefined;
}

/** Notes how long a request takes; call the result when its first token is read. */
function timer(
  { result }: RunningRequest,
  model: string,
  promptTokens: number,
  metrics: ServerContext["metrics"],
): () => void {
  const startedMs = performance.now();
  let firstMs: number | undefined;
  result.then(
    ({ ids, finishReason, numPrefixHits: prefixHitTokens, members = [] }) => {
      const endedMs = performance.now();
      const secondsAfterFirst = (endedMs - (firstMs ?? endedMs)) / 1000;
      const figures = { promptTokens, prefixHitTokens, generatedTokens: ids.length, secondsAfterFirst };
      metrics.noteFinished(model, finishReason, figures);
      metrics.noteMembers(model, members);
    },
    () => metrics.noteFailed(model),
  );
  return () => {
    firstMs = performance.now();
    metrics.noteFirstToken(model, (firstMs - startedMs) / 1000);
  };
}
