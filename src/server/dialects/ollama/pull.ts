// /api/pull: brings a model from Hugging Face, tells how far it is, and serves it from then on.
import { z } from "zod";
import { ApiError, asApiError } from "../../api-error.js";
import type { App, Context, PullListener, PullModel, ServerContext } from "../../context.js";
import { nullish, readBody } from "../../http/body.js";
import { lineStream } from "../../http/line-stream.js";
import { JSON_LINES, jsonLineOf } from "./answer.js";
import { LineQueue } from "./line-queue.js";

const PULL_REQUEST = z.looseObject({
  model: nullish(z.string()),
  name: nullish(z.string()),
  stream: nullish(z.boolean()),
});
/** How often the progress of a file is told. */
const TOLD_MS = 200;

/** Answers. */
export function registerPull(app: App, server: ServerContext): void {
  app.post("/api/pull", (c) => answer(c, server));
}

async function answer(c: Context, server: ServerContext): Promise<Response> {
  const { model, name = model, stream } = await readBody(c, PULL_REQUEST);
  if (!server.pull)
    throw new ApiError(
      "forbidden",
      "pulling models is switched off here; start the server with --allow-pull, or pull with: luciole pull <org/name>",
      { code: "pull_not_allowed" },
    );
  if (name === undefined) throw new ApiError("invalid", "model: expected the name of a model", { param: "model" });
  const ending = new AbortController();
  const signal = AbortSignal.any([c.req.raw.signal, ending.signal]);
  const queue = new LineQueue<object>();
  void bring(server, server.pull, name, queue, signal).then(
    () => queue.end(),
    (error) => queue.end(error),
  );
  if (stream === false) {
    for await (const _ of queue);
    return c.json({ status: "success" });
  }
  return lineStream(asText(queue), {
    form: JSON_LINES,
    onEnd: () => ending.abort(),
    errorLine: (error) => jsonLineOf({ error: asApiError(error).message }),
    stalledSeconds: server.settings.stalledSeconds,
  });
}

async function bring(
  { models }: ServerContext,
  pull: PullModel,
  name: string,
  queue: LineQueue<object>,
  signal: AbortSignal,
): Promise<void> {
  queue.push({ status: "pulling manifest" });
  const path = await pull(name, listenerOf(queue), signal);
  if (!models.isServed(name)) models.add({ path, models: [{ name }] });
  queue.push({ status: "success" });
}

function listenerOf(queue: LineQueue<object>): PullListener {
  const sizes = new Map<string, number>();
  const toldMs = new Map<string, number>();
  const tell = (path: string, completed: number) =>
    queue.push({ status: `pulling ${path}`, digest: path, total: sizes.get(path) ?? completed, completed });
  return {
    begin(files) {
      for (const { path, sizeBytes, receivedBytes } of files) {
        sizes.set(path, sizeBytes);
        tell(path, receivedBytes);
      }
    },
    received(path, receivedBytes) {
      const now = performance.now();
      if (now - (toldMs.get(path) ?? 0) < TOLD_MS) return;
      toldMs.set(path, now);
      tell(path, receivedBytes);
    },
    whole: (path) => tell(path, sizes.get(path) ?? 0),
    note: (line) => queue.push({ status: line }),
  };
}

async function* asText(lines: AsyncIterable<object>): AsyncGenerator<string> {
  for await (const line of lines) yield jsonLineOf(line);
}
