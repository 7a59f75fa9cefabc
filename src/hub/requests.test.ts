// Requests end when they must, also where the connection below never says a word again.
import { afterEach, expect, test, vi } from "vitest";
import { TemporaryFailure } from "./patience.js";
import { HubRequests } from "./requests.js";

/** A body that gives one chunk and then neither ends nor heeds that its request is aborted. */
const deafBody = () =>
  new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(Buffer.from("first")),
      pull: () => new Promise(() => {}),
    },
    { highWaterMark: 0 },
  );

function requestsOf(signal: AbortSignal, stallMs: number): HubRequests {
  const settings = { endpoint: "https://hub.example", cacheFolder: "", token: null, isOffline: false, stallMs };
  return new HubRequests(
    { settings, kind: "model", repo: "org/name", revision: "main" },
    { signal, note: () => {}, retries: { retries: 0, firstMs: 1 } },
  );
}

async function read(requests: HubRequests): Promise<void> {
  const answer = await requests.open("https://hub.example/file", new Headers());
  for await (const chunk of answer.chunks()) expect(Buffer.from(chunk).toString()).toBe("first");
}

afterEach(() => vi.unstubAllGlobals());

test("a stop ends a read that would never end by itself", async () => {
  vi.stubGlobal("fetch", async () => new Response(deafBody()));
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("stopped")), 20);
  await expect(read(requestsOf(controller.signal, 60_000))).rejects.toThrow("stopped");
});

test("silence ends it too, as a failure that may be over soon", async () => {
  vi.stubGlobal("fetch", async () => new Response(deafBody()));
  await expect(read(requestsOf(new AbortController().signal, 30))).rejects.toThrow(TemporaryFailure);
});

test("a stop ends a request that is never answered", async () => {
  vi.stubGlobal("fetch", () => new Promise(() => {}));
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("stopped")), 20);
  await expect(read(requestsOf(controller.signal, 60_000))).rejects.toThrow("stopped");
});

test.each([
  [
    "a redirect",
    () => new Response(null, { status: 302, headers: { location: "https://user:secret@mirror.example/x?sig=secret" } }),
  ],
  [
    "a request that cannot be made",
    () => {
      throw new TypeError("Failed to parse URL from https://user:secret@mirror.example/x?sig=secret");
    },
  ],
])("what is told of %s holds no credentials", async (_, answer) => {
  vi.stubGlobal("fetch", async () => answer());
  const refused = requestsOf(new AbortController().signal, 60_000).open("https://hub.example/file", new Headers());
  await expect(refused).rejects.toThrow(
    /^(hub\.example redirects to an invalid address|cannot send a request to hub\.example \(Failed to parse URL from mirror\.example\))/,
  );
  await expect(refused).rejects.not.toThrow("secret");
});
