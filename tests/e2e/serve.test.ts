// `luciole serve` from outside, its engine in a thread: it answers as `luciole run` does, ends in good order, and says
// what cannot be.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { luciole, type Running, root, start } from "./command.js";
import { inProcess } from "./in-process.js";

const model = join(root, "tests", "e2e", "former-runs", "pretrain");
let running: Running;
let url: string;

/** The address of a server that has begun to listen. */
async function addressOf(server: Running): Promise<string> {
  await server.saying("serving ");
  const [, found] = /at (http:\S+)\/v1/.exec(await textOf(server)) ?? [];
  return found;
}
const said = new WeakMap<Running, string[]>();
const textOf = async (server: Running) => (said.get(server) ?? []).join("");
function serve(args: readonly string[]): Running {
  const server = start(["serve", ...args]);
  const lines: string[] = [];
  said.set(server, lines);
  server.child.stderr?.on("data", (chunk) => lines.push(String(chunk)));
  return server;
}
const post = (address: string, body: object) =>
  fetch(`${address}/v1/chat/completions`, { method: "POST", body: JSON.stringify(body) });
const ask = (content: string, more: object = {}) => ({
  messages: [{ role: "user", content }],
  max_tokens: 24,
  ...more,
});

interface Reply {
  readonly choices: readonly { readonly message: { readonly content: string; readonly reasoning_content?: string } }[];
  readonly usage: { readonly completion_tokens: number };
}

beforeAll(async () => {
  running = serve([model, "--port", "0"]);
  url = await addressOf(running);
});
afterAll(async () => {
  running.child.kill("SIGTERM");
  await running.ended;
});

test.each([
  { seed: 8, temperature: 1.5, top_p: 0.9 },
  { seed: 0, temperature: 0 },
])("what it answers equals luciole run with %j, beside seven others", async (sampling) => {
  const flags = Object.entries(sampling).flatMap(([name, value]) => [`--${name.replace("_", "-")}`, String(value)]);
  const run = await luciole(["run", model, "3 5 8 = 23", "--max-tokens", "24", "--json", ...flags]);
  const others = Array.from({ length: 7 }, (_, i) => post(url, ask(`3 5 ${i} = 23`, { seed: i, stream: i % 2 === 0 })));
  const reply = (await (await post(url, ask("3 5 8 = 23", sampling))).json()) as Reply;
  for (const other of others) expect((await other).status).toBe(200);
  const { answer, thinking, numTokens } = JSON.parse(run.stdout);
  expect(reply.choices[0].message.content).toBe(answer.trim());
  expect(reply.choices[0].message.reasoning_content ?? "").toBe(thinking ?? "");
  expect(reply.usage.completion_tokens).toBe(numTokens);
});

test("what the model's files say is told without loading it", async () => {
  const { models } = (await (await fetch(`${url}/api/tags`)).json()) as { models: readonly object[] };
  const details = {
    family: "deepseek_v3",
    format: "safetensors",
    parameter_size: expect.stringMatching(/^[\d.]+[KM]$/),
  };
  expect(models).toMatchObject([{ name: "pretrain", size: expect.any(Number), details }]);
  expect((models[0] as { size: number }).size).toBeGreaterThan(1000);
});

test("SIGTERM lets a stream under way end, takes nothing new, and ends with its code", async () => {
  const stream = await post(url, ask("3 5 8 = 23", { stream: true, temperature: 0, max_tokens: 60 }));
  running.child.kill("SIGTERM");
  await running.saying("stopping");
  expect((await stream.text()).endsWith("data: [DONE]\n\n")).toBe(true);
  const { code } = await running.ended;
  expect(code).toBe(143);
  await expect(post(url, ask("1 2 = 3"))).rejects.toThrow();
});

describe("what cannot be", () => {
  test("a port that is taken is named with the flag for another", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await inProcess(["serve", model, "--port", String(port)]);
    other.close();
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `error: port ${port} of 127.0.0.1 is taken; stop who listens there, or take another: --port <n>\n`,
    });
  });
  test("no model, and one that is not there", async () => {
    expect(await inProcess(["serve"])).toMatchObject({ code: 2, stderr: expect.stringContaining("name a model") });
    const missing = await inProcess(["serve", "/nowhere/model", "--port", "0"]);
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("/nowhere/model") });
  });
  test("a context that memory has no room for is refused with the figures", async () => {
    const { code, stderr } = await inProcess(["serve", model, "--port", "0", "--cache-tokens", "100000000000"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/not enough memory: .* needs about .*, but only .* is free/);
  });
});
