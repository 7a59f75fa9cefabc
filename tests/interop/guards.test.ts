// Who may ask and how much: keys, hosts, origins, limits; what the log holds; cancellation, full queues, models that
// end or fail; nobody else is held up.
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { BackendError } from "../../src/errors.js";
import { engineSpecs } from "../../src/server/models/engine-spec.js";
import { ModelPool } from "../../src/server/models/model-pool.js";
import { serverSettings } from "../../src/server/settings.js";
import { scriptedEngine } from "./scripted-model.js";
import { PLAIN_TEMPLATE, scriptedServer } from "./scripted-server.js";

const plain = { template: PLAIN_TEMPLATE, says: () => "Hello." };
const endless = { template: PLAIN_TEMPLATE, says: () => Array.from({ length: 900 }, (_, i) => i).join(" ") }; // no loop
const body = (more: object = {}) =>
  JSON.stringify({ messages: [{ role: "user", content: "secret-question" }], ...more });

/** A request with any headers, also those that fetch does not let one set. */
function ask(url: string, headers: Readonly<Record<string, string>> = {}, sent = body(), method = "POST") {
  return new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; text: string }>((resolve, reject) => {
    const request = httpRequest(`${url}/v1/chat/completions`, { method, headers }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    request.on("error", reject);
    request.end(sent);
  });
}
const codeOf = ({ text }: { text: string }) => (JSON.parse(text) as { error: { code: string } }).error.code;

describe("who may ask", () => {
  test("one who has a key, in either header; each as often as its key may", async () => {
    const keys = [
      { name: "ada", key: "ada-secret-1" },
      { name: "bob", key: "bob-secret-2", requestsPerMinute: 2 },
    ];
    const server = await scriptedServer({ plain }, { keys });
    const { url } = server;
    expect(codeOf(await ask(url))).toBe("missing_api_key");
    const wrong = await ask(url, { authorization: "Bearer ada-secret-2" });
    expect([wrong.status, codeOf(wrong), wrong.headers["www-authenticate"]]).toEqual([
      401,
      "invalid_api_key",
      "Bearer",
    ]);
    expect((await ask(url, { authorization: "Bearer ada-secret-1" })).status).toBe(200);
    const bob = { "x-api-key": "bob-secret-2" };
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await ask(url, bob)).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect(Number((await ask(url, bob)).headers["retry-after"])).toBeGreaterThan(10);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    const ada = { "x-api-key": "ada-secret-1" };
    for (const authorization of ["Basic Og==", "Bearer none", "Bearer "])
      expect((await ask(url, { ...ada, authorization })).status, authorization).toBe(200);
    const log = server.logged.join("");
    expect(log).toContain('"client":"ada"');
    for (const word of ["secret-1", "secret-2", "secret-question", "Hello."]) expect(log).not.toContain(word);
  });
  test("prompts and answers stand in the log only where it is asked for", async () => {
    const server = await scriptedServer({ plain }, { logContent: true });
    await ask(server.url);
    expect(server.logged.join("")).toMatch(/secret-question.*"text":"Hello\."/);
  });
  test("one who names this server, not a page's own name for this machine", async () => {
    const { url, port } = await scriptedServer({ plain }, { allowedHosts: ["box.example"] });
    for (const host of ["localhost", `127.0.0.1:${port}`, "[::1]:80", "box.example", "BOX.example:8080"])
      expect([host, (await ask(url, { host })).status]).toEqual([host, 200]);
    for (const host of ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example"])
      expect([host, (await ask(url, { host })).status]).toEqual([host, 403]);
  });
  test("a page of this server or of an origin that was allowed, and no other", async () => {
    const { url, port } = await scriptedServer({ plain }, { allowedOrigins: ["https://chat.example"] });
    expect((await ask(url, { origin: `http://127.0.0.1:${port}` })).status).toBe(200);
    const allowed = await ask(url, { origin: "https://chat.example" });
    expect([allowed.status, allowed.headers["access-control-allow-origin"]]).toEqual([200, "https://chat.example"]);
    for (const origin of ["https://evil.example", "null", "https://chat.example.evil.example", "file://"])
      expect(codeOf(await ask(url, { origin }))).toBe("origin_not_allowed");
    const asked = await ask(
      url,
      { origin: "https://chat.example", "access-control-request-headers": "x-a" },
      "",
      "OPTIONS",
    );
    expect([asked.status, asked.headers["access-control-allow-headers"]]).toEqual([204, "x-a"]);
  });
});

describe("how much", () => {
  test("a body beyond the limit, JSON that is none or too deep, too many messages", async () => {
    const { url } = await scriptedServer({ plain }, { maxBodyBytes: 20_000, maxMessages: 3 });
    expect((await ask(url, {}, body({ x: "y".repeat(20_000) }))).status).toBe(413);
    expect(await ask(url, { "transfer-encoding": "chunked" }, body({ x: "y".repeat(20_000) }))).toMatchObject({
      status: 413,
    });
    for (const sent of ["", "{", "[]", "null", '"x"', "\u0000", `{"a":${"[".repeat(5000)}${"]".repeat(5000)}}`])
      expect([sent.slice(0, 9), (await ask(url, {}, sent)).status]).toEqual([sent.slice(0, 9), 400]);
    const messages = Array.from({ length: 4 }, () => ({ role: "user", content: "x" }));
    expect((await ask(url, {}, body({ messages }))).text).toContain("messages: at most 3, got 4");
  });
  test("a request id of the client's comes back; one that could forge a log line does not", async () => {
    const { url } = await scriptedServer({ plain });
    expect((await ask(url, { "x-request-id": "mine-1" })).headers["x-request-id"]).toBe("mine-1");
    expect((await ask(url, { "x-request-id": "a b{}" })).headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  });
  test("beyond running and waiting sequences 429 with a time to come back", async () => {
    const { url, models } = await scriptedServer(
      { endless: { ...endless, maxSequences: 2 } },
      { maxSequences: 2, maxQueue: 1 },
    );
    const stop = new AbortController();
    const streams = await Promise.all(
      [0, 1, 2].map(() =>
        fetch(`${url}/v1/chat/completions`, { method: "POST", body: body({ stream: true }), signal: stop.signal }),
      ),
    );
    expect(streams.map(({ status }) => status)).toEqual([200, 200, 200]);
    const refused = await ask(url);
    expect([refused.status, codeOf(refused)]).toEqual([429, "server_busy"]);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThanOrEqual(1);
    stop.abort();
    await expect.poll(() => models.status()[0].active, { timeout: 10_000 }).toBe(0);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('luciole_requests_refused_total{model="endless"} 1');
    expect(metrics).toMatch(/luciole_cache_blocks_used\{model="endless"\} 0/);
  });
});

describe("clients that leave", () => {
  test("a connection that breaks ends its request, streamed or not", async () => {
    const { port, models } = await scriptedServer({ endless });
    for (const stream of [true, false]) {
      const sent = body({ stream });
      const socket = connect(port, "127.0.0.1");
      socket.write(
        `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${sent.length}\r\n\r\n${sent}`,
      );
      await expect.poll(() => models.status()[0].active, { timeout: 10_000 }).toBe(1);
      socket.destroy();
      await expect.poll(() => models.status()[0].active, { timeout: 10_000 }).toBe(0);
    }
  });
});

describe("models", () => {
  test("are loaded when they are asked for, and unloaded when nobody asks", async () => {
    const { url, models } = await scriptedServer({ one: plain, two: plain }, { keepAliveSeconds: 0.2 });
    const states = () => models.status().map(({ state }) => state);
    expect(states()).toEqual(["unloaded", "unloaded"]);
    expect((await ask(url, {}, body({ model: "two" }))).status).toBe(200);
    expect(states()).toEqual(["unloaded", "loaded"]);
    await expect.poll(states, { timeout: 10_000 }).toEqual(["unloaded", "unloaded"]);
    expect((await ask(url, {}, body({ model: "two" }))).status).toBe(200);
  });
  test("one that a client wants gone at once is unloaded then, and stays after the next request", async () => {
    const { url, models } = await scriptedServer({ one: plain, two: plain });
    const states = () => models.status().map(({ state }) => state);
    const lines = await fetch(`${url}/api/chat`, { method: "POST", body: body({ model: "two", keep_alive: 0 }) });
    expect(await lines.text()).toContain('"done":true');
    await expect.poll(states, { timeout: 10_000 }).toEqual(["unloaded", "unloaded"]);
    expect((await ask(url, {}, body({ model: "two" }))).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(states()).toEqual(["unloaded", "loaded"]);
  });
  test("one whose engine fails tells its requests, and is loaded again", async () => {
    let opened = 0;
    const settings = serverSettings({ models: [{ name: "m", path: "m" }] });
    const pool = new ModelPool(await engineSpecs(settings.models), settings, pino({ level: "silent" }), async () => {
      const engine = scriptedEngine("m", plain);
      if (opened++ === 0) engine.stats = () => Promise.reject(new BackendError("the engine's thread ended"));
      return engine;
    });
    const lease = await pool.acquire("m");
    await lease.noteFailure();
    lease.release();
    const again = await pool.acquire("m");
    expect([opened, again.model === lease.model]).toEqual([2, false]);
    again.release();
    await pool.closeAll();
  });
  test("one that does not load answers 503 with its reason, and is tried again", async () => {
    let tries = 0;
    const settings = serverSettings({ models: [{ name: "m", path: "m" }] });
    const pool = new ModelPool(await engineSpecs(settings.models), settings, pino({ level: "silent" }), async () => {
      if (tries++ === 0) throw new BackendError("not enough memory: it needs 8 GiB, but only 2 GiB is free");
      return scriptedEngine("m", plain);
    });
    await expect(pool.acquire("m")).rejects.toMatchObject({
      kind: "unavailable",
      message: expect.stringContaining("8 GiB"),
    });
    expect(pool.status()[0]).toMatchObject({ state: "failed", active: 0 });
    (await pool.acquire("m")).release();
    expect(pool.status()[0].state).toBe("loaded");
    await pool.closeAll();
  });
  test("make room for one another where memory is short, the one unused for longest first", async () => {
    const settings = serverSettings({
      models: ["a", "b", "c"].map((name) => ({ name, path: name })),
      keepAliveSeconds: -1,
    });
    const pool = new ModelPool(
      await engineSpecs(settings.models),
      settings,
      pino({ level: "silent" }),
      async ({ path }) => {
        if (pool.status().filter(({ state }) => state === "loaded").length >= 2)
          throw new BackendError("not enough memory: …");
        return scriptedEngine(path, plain);
      },
    );
    for (const name of ["a", "b"]) (await pool.acquire(name)).release();
    (await pool.acquire("c")).release();
    expect(pool.status().map(({ state }) => state)).toEqual(["unloaded", "loaded", "loaded"]);
    const held = await Promise.all(["b", "c"].map((name) => pool.acquire(name)));
    await expect(pool.acquire("a")).rejects.toMatchObject({ kind: "unavailable" });
    for (const lease of held) lease.release();
    await pool.closeAll();
  });
});
