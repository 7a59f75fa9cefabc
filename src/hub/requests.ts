// Requests to the hub: the token goes to the hub's own address and nowhere else, silence ends a request, failures are
// tried again. Redirects are followed here, one by one, because a library that follows them decides by itself what to
// send along.
import { HubError } from "../errors.js";
import { DEFAULT_RETRIES, Patience, type RetryPlan, TemporaryFailure } from "./patience.js";
import { type Asked, refusal, unanswered } from "./refusals.js";

/** What requests are made with. */
export interface RequestOptions {
  readonly signal: AbortSignal;
  /** Is told what a person should know: waits, mostly. */
  readonly note: (line: string) => void;
  readonly retries?: RetryPlan;
}

/** An answer whose body has yet to come. Either read `chunks` to the end or call `drop`. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The body as it comes. Throws TemporaryFailure when the connection is lost. */
  chunks(): AsyncGenerator<Uint8Array>;
  drop(): void;
}

const MOST_REDIRECTS = 8;
const MOST_TEXT_BYTES = 64 * 2 ** 20;

/** Asks one hub on behalf of one pull. */
export class HubRequests {
  private hasAnswered = false;

  constructor(
    private readonly asked: Asked,
    private readonly options: RequestOptions,
  ) {}

  /** A new patience, for one file or question. */
  patience(): Patience {
    return new Patience(this.options.retries ?? DEFAULT_RETRIES, this.options.signal, this.options.note);
  }

  /**
   * `fetch` for small answers: reads them whole, tries again, and throws HubError instead of giving an answer that is
   * no success.
   */
  readonly fetch: typeof fetch = async (input, init) => {
    const patience = this.patience();
    for (;;) {
      try {
        const { chunks, ...answer } = await this.open(String(input), new Headers(init?.headers), init);
        return new Response(await collect(chunks()), answer);
      } catch (error) {
        await patience.after(error);
      }
    }
  };

  /**
   * One request, redirects followed. Throws HubError (TemporaryFailure where another try may help) for all but success.
   */
  async open(
    url: string,
    headers: Headers,
    init: { method?: string; body?: RequestInit["body"] } = {},
  ): Promise<Answer> {
    const watched = new Watch(this.options.signal, this.asked.settings.stallMs);
    try {
      const { response, at } = await this.follow(url, headers, init, watched);
      if (response.ok)
        return {
          status: response.status,
          headers: response.headers,
          chunks: () => this.read(response, at, watched),
          drop: () => watched.drop(),
        };
      throw refusal(this.asked, at, response);
    } catch (error) {
      watched.drop();
      throw error;
    }
  }

  private async follow(
    url: string,
    headers: Headers,
    init: { method?: string; body?: RequestInit["body"] },
    watched: Watch,
  ) {
    let at = url;
    for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
      const response = await this.send(at, headers, init, watched);
      const next = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
      if (next === null) return { response, at };
      if (response.body) await watched.orEnd(response.body.cancel());
      at = absolute(next, at);
    }
    throw new HubError(`${new URL(url).host} redirects endlessly; check HF_ENDPOINT`);
  }

  private async send(
    url: string,
    asked: Headers,
    init: { method?: string; body?: RequestInit["body"] },
    watched: Watch,
  ): Promise<Response> {
    const headers = new Headers(asked);
    headers.set("user-agent", "luciole");
    // Ranges and checksums are of the file as it is.
    headers.set("accept-encoding", "identity");
    headers.delete("authorization");
    const { token, endpoint } = this.asked.settings;
    if (token && new URL(url).origin === new URL(endpoint).origin)
      headers.set("authorization", `Bearer ${token.value}`);
    watched.heard();
    try {
      const response = await watched.orEnd(
        fetch(url, { method: init.method, body: init.body, headers, redirect: "manual", signal: watched.signal }),
      );
      this.hasAnswered = true;
      return response;
    } catch (error) {
      throw this.lost(url, error, watched);
    }
  }

  private async *read(response: Response, url: string, watched: Watch): AsyncGenerator<Uint8Array> {
    const reader = response.body?.getReader();
    try {
      for (;;) {
        const { done, value } = reader ? await watched.orEnd(reader.read()) : { done: true, value: undefined };
        if (done || value === undefined) return;
        watched.heard();
        yield value;
      }
    } catch (error) {
      throw this.lost(url, error, watched);
    } finally {
      watched.drop();
    }
  }

  private lost(url: string, error: unknown, watched: Watch): unknown {
    if (this.options.signal.aborted) return this.options.signal.reason;
    if (watched.isStalled)
      return new TemporaryFailure(`${new URL(url).host} has sent no data for ${this.asked.settings.stallMs / 1000} s`);
    return unanswered(url, error, this.hasAnswered);
  }
}

/** Ends a request when the pull is stopped, or when nothing has been heard for too long. */
class Watch {
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private readonly stop = () => this.end(this.pulling.reason);
  private onEnd: ((reason: unknown) => void) | undefined;
  isStalled = false;

  constructor(
    private readonly pulling: AbortSignal,
    private readonly stallMs: number,
  ) {
    pulling.throwIfAborted();
    pulling.addEventListener("abort", this.stop, { once: true });
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  heard(): void {
    if (this.timer) this.timer.refresh();
    else this.timer = setTimeout(() => this.stalled(), this.stallMs);
  }

  /**
   * What the work gives, unless the request ends before. Not left to the work itself: in Node 20.20 a read that waits
   * while its request is aborted may never end.
   */
  orEnd<R>(work: Promise<R>): Promise<R> {
    return new Promise((resolve, reject) => {
      this.onEnd = reject;
      if (this.signal.aborted) reject(this.signal.reason);
      work.then(resolve, reject);
    });
  }

  drop(): void {
    clearTimeout(this.timer);
    this.pulling.removeEventListener("abort", this.stop);
    this.end(undefined);
  }

  private stalled(): void {
    this.isStalled = true;
    this.end(undefined);
  }

  private end(reason: unknown): void {
    this.controller.abort(reason);
    this.onEnd?.(this.signal.reason);
  }
}

function absolute(location: string, from: string): string {
  const url = URL.canParse(location, from) ? new URL(location, from) : null;
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.password) return url.href;
  throw new HubError(`${new URL(from).host} redirects to an invalid address; check HF_ENDPOINT`);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    sizeBytes += chunk.length;
    if (sizeBytes > MOST_TEXT_BYTES) throw new HubError("the hub's answer never ends; check HF_ENDPOINT");
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}
