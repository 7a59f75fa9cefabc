// What goes wrong around a server with an engine in a thread of its own: the thread is killed, the settings are not
// right, certificates are missing. And what it counts, held against requests that are known.
import { readFileSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../src/package-root.js";
import { type RunningServer, startServer } from "../../src/server/server.js";
import { root, temporaryFolder } from "../e2e/command.js";
import { inProcess } from "../e2e/in-process.js";
import { scriptedEngine } from "./scripted-model.js";
import { PLAIN_TEMPLATE, scriptedServer } from "./scripted-server.js";

const model = join(root, "tests", "e2e", "former-runs", "pretrain");
const silent = { log: pino({ level: "silent" }) };
const folder = temporaryFolder();
afterAll(() => folder.remove());

const post = (url: string, path: string, body: object) =>
  fetch(`${url}${path}`, { method: "POST", body: JSON.stringify(body) });
const question = { messages: [{ role: "user", content: "3 5 8 = 23" }], seed: 1, temperature: 2 };

describe("an engine's thread that is killed", () => {
  const threads: Worker[] = [];
  const note = (worker: Worker) => threads.push(worker);
  let server: RunningServer;
  beforeAll(async () => {
    process.on("worker", note);
    server = await startServer({ models: [{ name: "m", path: model }], port: 0, drainSeconds: 1 }, silent);
    await post(server.url, "/v1/chat/completions", { ...question, max_tokens: 1 });
  }, 120_000);
  afterAll(async () => {
    process.off("worker", note);
    await server.close();
  });
  test.each([
    ["/v1/chat/completions", /"error":\{"message":"[^"]*engine[^"]*"/],
    ["/v1/messages", /event: error\ndata: \{"type":"error","error":\{"type":"api_error","message":"[^"]*engine/],
    ["/api/chat", /\{"error":"[^"]*engine[^"]*"\}/],
  ])("tells the requests of %s, is started again, and the server goes on", async (path, told) => {
    const bodies = Array.from({ length: 12 }, (_, seed) => ({
      model: "m",
      messages: question.messages,
      stream: true,
      max_tokens: 400,
      temperature: 1,
      ...(path === "/v1/chat/completions" && { seed, logit_bias: { 1: -100 } }),
      ...(path === "/api/chat" && { options: { seed } }),
    }));
    const streams = bodies.map((body) => post(server.url, path, body));
    // As soon as one has begun: short answers may end before the last begins.
    await Promise.race(streams);
    await threads.at(-1)?.terminate();
    const answers = await Promise.all(streams.map(async (stream) => (await stream).text()));
    const failed = answers.filter((text) => told.test(text));
    expect(failed.length).toBeGreaterThan(0);
    for (const text of failed) expect(text).not.toMatch(/\n\s+at /);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    const reply = await post(server.url, "/v1/chat/completions", { ...question, max_tokens: 4 });
    expect(reply.status).toBe(200);
    expect(server.models.status()[0]).toMatchObject({ state: "loaded" });
    await expect.poll(() => server.models.status()[0].active).toBe(0);
  });
});

test("/metrics tells what was asked, to the request and the token", async () => {
  const { url } = await scriptedServer({ m: { template: PLAIN_TEMPLATE, says: () => "Hello there." } });
  const usages: Record<string, number>[] = [];
  for (const content of ["a", "b", "a"]) {
    const reply = await post(url, "/v1/chat/completions", { messages: [{ role: "user", content }] });
    usages.push(((await reply.json()) as { usage: Record<string, number> }).usage);
  }
  await post(url, "/v1/chat/completions", { messages: [], temperature: 9 });
  await post(url, "/api/generate", { model: "m", prompt: "c", stream: false, options: { num_predict: 2 } });
  await fetch(`${url}/no/such/path`);
  const text = await (await fetch(`${url}/metrics`)).text();
  const value = (name: string) =>
    Number(
      text
        .split("\n")
        .find((line) => line.startsWith(`${name} `))
        ?.split(" ")
        .at(-1),
    );
  const sum = (field: string) => usages.reduce((total, usage) => total + usage[field], 0);
  const raw = await post(url, "/tokenize", { messages: [{ role: "user", content: "c" }] });
  const { count } = (await raw.json()) as { count: number };
  expect({
    answered: value('luciole_http_requests_total{path="/v1/chat/completions",status="200"}'),
    refused: value('luciole_http_requests_total{path="/v1/chat/completions",status="400"}'),
    others: value('luciole_http_requests_total{path="/api/generate",status="200"}'),
    stopped: value('luciole_completions_total{model="m",reason="stop"}'),
    cut: value('luciole_completions_total{model="m",reason="length"}'),
    prompt: value('luciole_prompt_tokens_total{model="m"}'),
    generated: value('luciole_generated_tokens_total{model="m"}'),
    hits: value('luciole_prefix_hit_tokens_total{model="m"}') > 0,
    firstTokens: value('luciole_time_to_first_token_seconds_count{model="m"}'),
    running: value('luciole_requests_running{model="m"}'),
    blocks: value('luciole_cache_blocks_used{model="m"}'),
  }).toEqual({
    answered: 3,
    refused: 1,
    others: 1,
    stopped: 3,
    cut: 1,
    prompt: sum("prompt_tokens") + count,
    generated: sum("completion_tokens") + 2,
    hits: true,
    firstTokens: 4,
    running: 0,
    blocks: 0,
  });
});

describe("TLS", () => {
  const file = (name: string) => join(packageRoot(), "tests", "interop", "tls", name);
  test("with certificate and key from files", async () => {
    const tls = { cert: file("cert.pem"), key: file("key.pem") };
    const { url } = await scriptedServer({ m: { template: PLAIN_TEMPLATE, says: () => "Hello." } }, { tls });
    expect(url).toMatch(/^https:/);
    const status = await new Promise((resolve, reject) => {
      get(`${url}/health`, { ca: readFileSync(tls.cert) }, (response) => resolve(response.statusCode)).on(
        "error",
        reject,
      );
    });
    expect(status).toBe(200);
  });
  test.each([
    [["--tls-cert", "/none.pem", "--tls-key", "/none.pem"], /^error: certificate for TLS: .*\/none\.pem/],
    [["--tls-cert", "/none.pem"], /^error: TLS needs both --tls-cert and --tls-key\n$/],
  ])("%j is refused", async (flags, message) => {
    const { code, stderr } = await inProcess(["serve", model, "--port", "0", ...flags]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) });
  });
});

describe("a settings file that is not right is refused by what is wrong", () => {
  test.each([
    ["{", /--config .*bad\.json: expected a JSON file with settings, got: /],
    ['{"prot": 1}', /server settings: .*Unrecognized key: "prot"/],
    ['{"maxQueue": "80"}', /server settings: maxQueue: .*expected number/],
    ['{"keys": [{"name": "a", "key": "short"}]}', /server settings: keys\.0\.key: /],
    ['{"models": [{"name": "pretrain", "path": "PATH"}]}', /two models are called pretrain/],
    ['{"models": [{"name": "other"}]}', /server settings: models\.1\.path: /],
    ["[1]", /--config .*bad\.json: expected a JSON file with settings, got: \[1\]/],
  ])("%s", async (text, message) => {
    const path = join(folder.path, "bad.json");
    writeFileSync(path, text.replace("PATH", model));
    const { code, stderr } = await inProcess(["serve", model, "--port", "0", "--config", path]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) });
    expect(stderr.trimEnd()).not.toContain("\n");
  });
});

test("/metrics tells models of one engine apart, and the engine by its first", async () => {
  const script = { template: PLAIN_TEMPLATE, says: () => Array.from({ length: 900 }, (_, i) => i).join(" ") };
  const models = ["a", "b"].map((name) => ({ name, path: "one" }));
  const server = await startServer(
    { port: 0, drainSeconds: 1, models },
    {
      log: pino({ level: "silent" }),
      open: async (spec) =>
        scriptedEngine(
          spec.models.map(({ name }) => name),
          script,
        ),
    },
  );
  afterAll(() => server.close());
  const lines = async (of: RegExp) =>
    (await (await fetch(`${server.url}/metrics`)).text()).split("\n").filter((line) => of.test(line));
  const stop = new AbortController();
  const asked = { model: "b", messages: [{ role: "user", content: "x" }] };
  const body = JSON.stringify({ ...asked, stream: true });
  await fetch(`${server.url}/v1/chat/completions`, { method: "POST", body, signal: stop.signal });
  expect(await lines(/^luciole_requests_(active|running)\{/)).toEqual([
    'luciole_requests_running{model="a"} 1',
    'luciole_requests_active{model="a"} 0',
    'luciole_requests_active{model="b"} 1',
  ]);
  stop.abort();
  await expect.poll(() => server.models.status()[1].active, { timeout: 10_000 }).toBe(0);
  for (const [model, max_tokens] of [
    ["a", 3],
    ["b", 5],
  ] as const)
    await post(server.url, "/v1/completions", { model, prompt: "x", max_tokens });
  expect(await lines(/^luciole_completions_total\{.*length/)).toEqual([
    'luciole_completions_total{model="a",reason="length"} 1',
    'luciole_completions_total{model="b",reason="length"} 1',
  ]);
  expect(await lines(/^luciole_(prompt|generated)_tokens_total\{model="a"/)).toEqual([
    'luciole_prompt_tokens_total{model="a"} 2',
    'luciole_generated_tokens_total{model="a"} 3',
  ]);
  expect(await lines(/^# HELP luciole_cache_blocks_used/)).toEqual([expect.stringContaining("first of its models")]);
});
