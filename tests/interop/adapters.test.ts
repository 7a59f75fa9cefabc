// Adapters chosen by a request's `model`: one engine for a base and its adapters, each reply that of `luciole run`;
// what does not fit is refused before anything is loaded.
import { once } from "node:events";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import OpenAI from "openai";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningServer, startServer } from "../../src/server/server.js";
import { settings, start, succeed, temporaryFolder } from "../e2e/command.js";
import { inProcess } from "../e2e/in-process.js";
import { makeSmallModel, pretrain } from "../e2e/small-runs.js";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const at = (name: string) => join(folder.path, name);
const FLAGS = ["--port", "0", "--json"];
const silent = { log: pino({ level: "silent" }) };

/** Adapters by the letter that each has learnt to say, and the type that it was trained in. */
const ADAPTERS = { a: "bf16", b: "bf16", c: "f32" };

async function tune(letter: string, compute: string): Promise<void> {
  const rows = Array.from({ length: 16 }, (_, i) => JSON.stringify({ prompt: `${i}?`, completion: letter.repeat(8) }));
  writeFileSync(at(`${letter}.jsonl`), `${rows.join("\n")}\n`);
  const options = { "lora.rank": 4, compute, steps: 12, batchSequences: 4, learningRate: 0.03, warmupSteps: 0 };
  const places = ["--model", at("base.gguf"), "--data", at(`${letter}.jsonl`), "--out", at(letter)];
  await succeed(["sft", ...places, ...settings(options)]);
}

beforeAll(async () => {
  await makeSmallModel(folder.path);
  await succeed(["convert", at("model"), at("base.gguf"), "--type", "q8_0"]);
  for (const [letter, compute] of Object.entries(ADAPTERS)) await tune(letter, compute);
}, 300_000);

const SAMPLING = [
  { seed: 5, temperature: 1.2, top_p: 0.9 },
  { seed: 0, temperature: 0 },
];
const NAMES = ["base", "a", "b", "c"];

/** What `luciole run` answers, and how many tokens that took. */
async function runAlone(name: string, sampling: object, question: string): Promise<string> {
  const flags = Object.entries(sampling).flatMap(([key, value]) => [`--${key.replace("_", "-")}`, `${value}`]);
  const model = [at("base.gguf"), ...(name === "base" ? [] : ["--adapter", at(name)])];
  const { stdout } = await succeed(["run", ...model, question, "--max-tokens", "24", "--json", ...flags]);
  const { answer, numTokens } = JSON.parse(stdout);
  return `${numTokens}: ${answer}`;
}

describe("a base and three adapters, each by its name", () => {
  const threads: Worker[] = [];
  const note = (worker: Worker) => threads.push(worker);
  let server: RunningServer;
  let client: OpenAI;
  beforeAll(async () => {
    process.on("worker", note);
    const models = NAMES.map((name) => ({ name, path: name === "base" ? at("base.gguf") : at(name) }));
    server = await startServer({ models, port: 0, keepAliveSeconds: 2, threads: 1 }, silent);
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none" });
  });
  afterAll(async () => {
    process.off("worker", note);
    await server.close();
  });
  const states = () => server.models.status().map(({ state }) => state);

  test("answer together as luciole run does with each, from one engine for those of one type", async () => {
    const asked = NAMES.flatMap((name) => SAMPLING.map((sampling) => ({ name, sampling })));
    const replies = await Promise.all(
      asked.map(async ({ name, sampling }) => {
        const messages = [{ role: "user" as const, content: "3?" }];
        const reply = await client.chat.completions.create({ model: name, messages, max_tokens: 24, ...sampling });
        expect(reply.model).toBe(name);
        return `${reply.usage?.completion_tokens}: ${reply.choices[0].message.content}`;
      }),
    );
    // The base and two adapters compute in bf16, the third in f32.
    expect(threads.length).toBe(2);
    const alone: string[] = [];
    for (const { name, sampling } of asked) alone.push(await runAlone(name, sampling, "3?"));
    expect(replies).toEqual(alone);
    for (const letter of Object.keys(ADAPTERS)) expect(replies.join()).toContain(letter.repeat(3));
    expect(new Set(replies).size).toBeGreaterThan(NAMES.length);
  }, 120_000);
  test("an engine that nobody asks is unloaded with all its models, and comes back when one is asked for", async () => {
    await expect.poll(states, { timeout: 20_000 }).toEqual(["unloaded", "unloaded", "unloaded", "unloaded"]);
    await client.chat.completions.create({ model: "b", messages: [{ role: "user", content: "3?" }], max_tokens: 1 });
    expect(states()).toEqual(["loaded", "loaded", "loaded", "unloaded"]);
  });
  test("all are listed, and one that is not served is refused by name", async () => {
    const listed = await client.models.list();
    expect(listed.data.map(({ id }) => id)).toEqual(NAMES);
    const asking = client.chat.completions.create({ model: "d", messages: [{ role: "user", content: "3?" }] });
    await expect(asking).rejects.toMatchObject({ status: 404, message: expect.stringContaining("base, a, b, c") });
  });
});

test("--adapter name=directory serves an adapter beside the model, without a name it goes over the model", async () => {
  const server = start(["serve", at("base.gguf"), "--adapter", `one=${at("a")}`, "--adapter", at("b"), ...FLAGS]);
  const [ready] = (await once(server.child.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  const { url, models } = JSON.parse(ready.toString());
  expect(models).toEqual(["base", "one"]);
  const ask = async (model: string) => {
    const body = { model, messages: [{ role: "user", content: "3?" }], max_tokens: 12, temperature: 0 };
    const reply = await fetch(`${url}/v1/chat/completions`, { method: "POST", body: JSON.stringify(body) });
    return ((await reply.json()) as { choices: { message: { content: string } }[] }).choices[0].message.content;
  };
  expect(await ask("one")).toContain("aaa");
  expect(await ask("base")).toContain("bbb");
  server.child.kill("SIGTERM");
  await server.ended;
  const refused = await inProcess(["serve", at("base.gguf"), at("model"), "--adapter", at("a"), ...FLAGS]);
  expect(refused).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^error: --adapter goes over a single model/),
  });
});

test("an adapter of another base, and one whose base is not here, are refused in one line", async () => {
  await succeed(pretrain(at("book.txt"), at("wide"), { steps: 1, "model.hidden_size": 64 }));
  const refusal = async (...args: string[]) => {
    const { code, stderr } = await inProcess(["serve", ...args, ...FLAGS]);
    expect(code).not.toBe(0);
    expect(stderr.trimEnd()).not.toContain("\n");
    return stderr;
  };
  expect(await refusal(at("wide"), "--adapter", `a=${at("a")}`)).toMatch(
    /the adapter does not fit this model: .*lora_A\.weight.* \[4,32\], expected \[4,64\].*trained over .*base\.gguf/,
  );
  const lost = join(at("a"), "checkpoints", "step-12");
  const config = JSON.parse(readFileSync(join(lost, "adapter_config.json"), "utf8"));
  copyFileSync(join(lost, "adapter_model.safetensors"), at("adapter_model.safetensors"));
  writeFileSync(at("adapter_config.json"), JSON.stringify({ ...config, base_model_name_or_path: "org/model" }));
  expect(await refusal(at("base.gguf"), "--model", `a=${folder.path}`)).toMatch(
    /the adapter was trained over org\/model, which is not here; name both in --config/,
  );
});
