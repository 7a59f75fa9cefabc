// The web pages as files over HTTP: their policy, types and caching, what needs a key; runs and the server's state as
// JSON; the server that shows runs alone.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RunDirectory } from "../../src/run/run-directory.js";
import { watchRuns } from "../../src/server/watch.js";
import { PLAIN_TEMPLATE, scriptedServer } from "./scripted-server.js";

const plain = { template: PLAIN_TEMPLATE, says: () => "Hello." };
const folder = mkdtempSync(join(tmpdir(), "luciole-pages-"));
let url: string;

beforeAll(async () => {
  for (const name of ["first", "first/students/small", "second"]) {
    const run = RunDirectory.create({ verb: "rl", path: join(folder, name), seed: 3, options: {}, isa: "none" });
    for (const step of [1, 2]) run.logMetrics({ phase: "rl", step, reward: step / 2 });
    run.logSample({ phase: "rl", step: 2, problem: "p", prompt: "7*8?", completion: "56" });
    run.close();
  }
  writeFileSync(join(folder, "secret.json"), "{}");
  ({ url } = await scriptedServer({ plain }, { runs: folder, keys: [{ name: "ada", key: "ada-secret-1" }] }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const get = (path: string, headers: Record<string, string> = { authorization: "Bearer ada-secret-1" }) =>
  fetch(`${url}${path}`, { headers });
const json = async (path: string) => (await (await get(path)).json()) as Record<string, never>;

describe("the files of the pages", () => {
  test.each(["/", "/runs", "/runs/first", "/runs/first/students/small", "/server"])(
    "%s is the document, without a key, under a policy that runs nothing of its own text",
    async (path) => {
      const answer = await get(path, {});
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(answer.headers.get("cache-control")).toBe("no-cache");
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      const policy = answer.headers.get("content-security-policy") ?? "";
      expect(policy).toMatch(/default-src 'none'.*script-src 'self'.*style-src 'self'.*connect-src 'self'/);
      expect(policy).not.toMatch(/unsafe|https?:|data:|\*/);
      expect(await answer.text()).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=/);
    },
  );
  test("its parts have names of their contents, are kept for ever, and have their types; packed or not", async () => {
    const parts = [...(await (await get("/", {})).text()).matchAll(/"(\/assets\/[^"]+\.(\w+))"/g)];
    const types = { js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml" };
    expect(new Set(parts.map(([, , ending]) => ending))).toEqual(new Set(["js", "css", "svg"]));
    for (const [, path, ending] of parts) {
      const answer = await get(path, {});
      expect(answer.headers.get("content-type")).toBe(types[ending as keyof typeof types]);
      expect(answer.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      expect(answer.headers.get("content-encoding")).toBe("gzip");
      const whole = await get(path, { "accept-encoding": "identity" });
      expect(whole.headers.get("content-encoding")).toBeNull();
      expect(await whole.text()).toBe(await answer.text());
    }
  });
  test.each(["/assets/none.js", "/assets/..%2Findex.html", "/assets/%2e%2e%2f%2e%2e%2fpackage.json", "/assets/"])(
    "%s is not there",
    async (path) => expect((await get(path)).status).toBe(404),
  );
});

describe("runs", () => {
  test("are listed; their metrics come since a place, their samples from the end", async () => {
    const { runs } = await json("/luciole/runs");
    expect((runs as { name: string }[]).map(({ name }) => name).sort()).toEqual([
      "first",
      "first/students/small",
      "second",
    ]);
    const { records, next } = await json("/luciole/runs/first/students/small/metrics");
    expect((records as { reward: number }[]).map(({ reward }) => reward)).toEqual([0.5, 1]);
    expect(await json(`/luciole/runs/first/metrics?from=${next}`)).toMatchObject({ restarts: true });
    const samples = await json("/luciole/runs/second/samples?limit=1");
    expect(samples).toMatchObject({ records: [{ completion: "56" }], before: null });
  });
  test("need a key, and no name reaches outside their folder", async () => {
    expect((await get("/luciole/runs", {})).status).toBe(401);
    expect((await get("/luciole/status", {})).status).toBe(401);
    for (const name of ["none", "..%2Ffirst", "first%2F..%2Fsecond", "secret.json", "%2Fetc"])
      expect([name, (await get(`/luciole/runs/${name}/metrics`)).status]).toEqual([name, 404]);
    expect((await get("/luciole/runs/first/samples?limit=-1")).status).toBe(400);
  });
});

test("the state tells models without their paths, the machine, and how requests went", async () => {
  await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: "Bearer ada-secret-1" },
    body: JSON.stringify({ messages: [{ role: "user", content: "Hi" }] }),
  });
  const status = await json("/luciole/status");
  expect(status.models).toMatchObject([{ name: "plain", state: "loaded", active: 0, stats: { generatedTokens: 7 } }]);
  expect(JSON.stringify(status)).not.toContain('"path"');
  expect(status.requests).toMatchObject({ refused: expect.any(Number), failed: 0 });
  expect((status.requests as { good: number }).good).toBeGreaterThan(0);
});

test("a server of runs alone shows one with those inside it, and no other; nothing else is there", async () => {
  const watching = await watchRuns({ folder, only: "first" }, 0);
  const ask = (path: string, headers = {}) => fetch(`${watching.url}${path}`, { headers });
  const { runs } = (await (await ask("/luciole/runs")).json()) as { runs: { name: string }[] };
  expect(runs.map(({ name }) => name).sort()).toEqual(["first", "first/students/small"]);
  expect(await (await ask("/luciole/pages")).json()).toEqual({ chat: false, runs: true, server: false });
  expect((await ask("/runs/first")).status).toBe(200);
  for (const path of ["/luciole/runs/second/metrics", "/v1/models", "/luciole/status", "/nothing"])
    expect([path, (await ask(path)).status]).toEqual([path, 404]);
  expect((await ask("/luciole/runs", { origin: "https://evil.example" })).status).toBe(403);
  await watching.drain(0);
});
