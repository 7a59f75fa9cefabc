// Lines of a stream, events or JSON, sent as fast as the client reads and no faster. Knows no dialect: it is given
// lines.
import { setTimeout as wait } from "node:timers/promises";

/** A kind of stream. */
export interface StreamForm {
  readonly contentType: string;
  /** A line for proxies and half-open connections, sent while nothing else is. It says nothing to the client. */
  readonly keepAlive: string;
}

/** Server-sent events, kept alive by comments. */
export const EVENTS: StreamForm = {
  contentType: "text/event-stream; charset=utf-8",
  keepAlive: ": keep-alive\n\n",
};

/** How a stream is sent. */
export interface LineStreamOptions {
  readonly form: StreamForm;
  /** Ends what makes the events; called when the client leaves, stalls, or all is sent. */
  onEnd(): void;
  /** The line that tells of an error on the way. */
  errorLine(error: unknown): string;
  /** Seconds that a client may leave a stream unread. */
  readonly stalledSeconds: number;
}

const KEEP_ALIVE_MS = 10_000;
/** How long the answer's head waits for the first line, so that what fails at once fails with a status of its own. */
const HEAD_MS = 2_000;

const HEADERS = {
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

/** Sends lines as they come. Throws what is thrown before the first line, if that comes soon. */
export async function lineStream(lines: AsyncGenerator<string>, options: LineStreamOptions): Promise<Response> {
  const source = new LineSource(lines, options);
  try {
    await Promise.race([source.first, wait(HEAD_MS)]);
  } catch (error) {
    options.onEnd();
    throw error;
  }
  const headers = { ...HEADERS, "content-type": options.form.contentType };
  return new Response(new ReadableStream(source, { highWaterMark: 0 }), { headers });
}

/** What the stream pulls from. Only what is asked for is made: a slow reader holds one line. */
class LineSource {
  readonly first: Promise<IteratorResult<string>>;
  private next: Promise<IteratorResult<string>>;
  private readonly encoder = new TextEncoder();
  private watch?: NodeJS.Timeout;
  /** Whether the client waits for a line. */
  private isAwaited = false;
  private sentMs = performance.now();

  constructor(
    private readonly lines: AsyncGenerator<string>,
    private readonly options: LineStreamOptions,
  ) {
    this.first = this.next = lines.next();
    this.next.catch(() => {}); // told when it is pulled
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const everyMs = Math.min(KEEP_ALIVE_MS, this.options.stalledSeconds * 1000) / 2;
    this.watch = setInterval(() => this.look(controller), everyMs);
    this.watch.unref();
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    this.isAwaited = true;
    try {
      const result = await this.next;
      if (result.done) return this.close(controller);
      this.next = this.lines.next();
      this.next.catch(() => {});
      this.send(controller, result.value);
    } catch (error) {
      this.send(controller, this.options.errorLine(error));
      this.close(controller);
    }
    this.isAwaited = false;
  }

  cancel(): void {
    this.end();
  }

  private send(controller: ReadableStreamDefaultController<Uint8Array>, line: string): void {
    controller.enqueue(this.encoder.encode(line));
    this.sentMs = performance.now();
  }

  /** Gives a sign of life to a client that waits long, and gives up one that does not read. */
  private look(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const silentMs = performance.now() - this.sentMs;
    if (this.isAwaited && silentMs >= KEEP_ALIVE_MS) this.send(controller, this.options.form.keepAlive);
    if (this.isAwaited || silentMs < this.options.stalledSeconds * 1000) return;
    this.end();
    controller.error(new Error("the client has stopped reading"));
  }

  private close(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.end();
    controller.close();
  }

  private end(): void {
    clearInterval(this.watch);
    this.options.onEnd();
  }
}
