// Ollama's own client against this server: chats and texts whole and streamed, thoughts, tools, formats, options, the
// lists of models, how long they stay, pulls, errors.
import { Ollama } from "ollama";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { pullForServer } from "../../src/cli/serve-pull.js";
import { PullingPlace } from "../hub/pulling-place.js";
import { PLAIN_TEMPLATE, type ScriptedServer, scriptedServer, THINKING_TEMPLATE } from "./scripted-server.js";

const place = new PullingPlace();
const THOUGHT = "7 times 8.\nThat is 56 🔥.";
const ANSWER = "The answer is 56 🔥, STOP and more.";
const prompts: string[] = [];
let server: ScriptedServer;
let client: Ollama;
beforeAll(async () => {
  server = await scriptedServer({
    thinker: {
      template: `${THINKING_TEMPLATE}{# <tool_call> #}`,
      tags: ["<think>", "</think>", "<tool_call>", "</tool_call>"],
      says(prompt) {
        prompts.push(prompt);
        if (prompt.includes("18 degrees")) return "Good.\n</think>\n\nIt is warm.";
        if (prompt.includes("weather"))
          return (
            "I look.\n</think>\n\nOne moment." +
            ["Paris 🗼", "Rome"]
              .map((city) => `\n<tool_call>\n{"name": "weather", "arguments": {"city": "${city}"}}\n</tool_call>`)
              .join("")
          );
        if (prompt.includes("JSON")) return 'Hm.\n</think>\n\n{"sum": 56}';
        return `${THOUGHT}\n</think>\n\n${ANSWER}`;
      },
    },
    plain: { template: PLAIN_TEMPLATE, says: (prompt) => `You said ${prompt.length} characters.` },
  });
  client = new Ollama({ host: server.url });
});
afterEach(() => vi.unstubAllEnvs());

const ask = (content: string) => [{ role: "user", content }];
const weather = {
  type: "function",
  function: {
    name: "weather",
    description: "Tells the weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

describe("chat", () => {
  test("whole: thought and answer apart, with counts and times", async () => {
    const reply = await client.chat({ model: "thinker", messages: ask("7*8?") });
    expect(reply).toMatchObject({
      model: "thinker",
      message: { role: "assistant", content: ANSWER, thinking: THOUGHT },
      done: true,
      done_reason: "stop",
    });
    expect(reply.eval_count).toBeGreaterThan(Buffer.from(THOUGHT + ANSWER).length);
    expect(reply.prompt_eval_count).toBeGreaterThan(10);
    expect(reply.total_duration).toBeGreaterThanOrEqual(reply.eval_duration + reply.prompt_eval_duration - 1e6);
  });
  test("streamed: lines join to the whole, the last has the figures", async () => {
    const lines = [];
    for await (const line of await client.chat({ model: "thinker:latest", messages: ask("7*8?"), stream: true }))
      lines.push(line);
    expect(lines.map(({ message }) => message.content).join("")).toBe(ANSWER);
    expect(lines.map(({ message }) => message.thinking ?? "").join("")).toBe(THOUGHT);
    expect(lines.slice(0, -1).every(({ done }) => !done)).toBe(true);
    const whole = await client.chat({ model: "thinker", messages: ask("7*8?") });
    expect(lines.at(-1)).toMatchObject({ done: true, done_reason: "stop", eval_count: whole.eval_count });
  });
  test("a request streams unless it says otherwise, as lines of JSON", async () => {
    const response = await fetch(`${server.url}/api/chat`, {
      method: "POST",
      body: JSON.stringify({ model: "plain", messages: ask("Hi") }),
    });
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    const lines = (await response.text()).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line).done).filter(Boolean)).toEqual([true]);
  });
  test("think: false leaves the thought out, a level bounds it", async () => {
    const off = await client.chat({ model: "thinker", messages: ask("7*8?"), think: false });
    expect([off.message.thinking, off.message.content]).toEqual([undefined, ANSWER]);
    const low = await client.chat({ model: "thinker", messages: ask("7*8?"), think: "low" });
    expect(low.message.thinking).toBe(THOUGHT);
  });
  test.each([true, false])("tools are called, each call whole, and results go back; streamed: %s", async (stream) => {
    const request = { model: "thinker", messages: ask("What is the weather?"), tools: [weather] };
    const calls = [];
    if (stream) {
      for await (const { message } of await client.chat({ ...request, stream: true }))
        calls.push(...(message.tool_calls ?? []));
    } else calls.push(...((await client.chat(request)).message.tool_calls ?? []));
    expect(calls).toEqual(["Paris 🗼", "Rome"].map((city) => ({ function: { name: "weather", arguments: { city } } })));
    const reply = await client.chat({
      ...request,
      messages: [
        ...request.messages,
        { role: "assistant", content: "", thinking: "I look.", tool_calls: calls },
        { role: "tool", content: "18 degrees", tool_name: "weather" },
      ],
    });
    expect(reply.message.content).toBe("It is warm.");
    expect(prompts.at(-1)).toContain("[tool]18 degrees");
  });
  test.each([
    ["json", "json"],
    ["a schema", { type: "object", properties: { sum: { type: "integer" } }, required: ["sum"] }],
  ])("format: %s holds the answer to it behind the thought", async (_, format) => {
    const reply = await client.chat({ model: "thinker", messages: ask("JSON"), format, options: { temperature: 0 } });
    expect(JSON.parse(reply.message.content)).toEqual({ sum: 56 });
  });
  test("options: num_predict and stop end the answer", async () => {
    const cut = await client.chat({ model: "plain", messages: ask("Hi"), options: { num_predict: 8 } });
    expect(cut).toMatchObject({ message: { content: "You said" }, done_reason: "length", eval_count: 8 });
    const stopped = await client.chat({ model: "thinker", messages: ask("7*8?"), options: { stop: ["STOP"] } });
    expect(stopped).toMatchObject({ message: { content: "The answer is 56 🔥, " }, done_reason: "stop" });
  });
  test("log-probabilities", async () => {
    const reply = await client.chat({
      model: "plain",
      messages: ask("Hi"),
      logprobs: true,
      top_logprobs: 2,
      options: { num_predict: 3 },
    });
    expect(reply.logprobs?.map(({ token }) => token).join("")).toBe("You");
    expect(reply.logprobs?.[0]).toMatchObject({ logprob: expect.closeTo(0), top_logprobs: [{}, {}] });
  });
});

describe("generate", () => {
  test("puts a prompt by the template, with a system prompt; whole and streamed", async () => {
    const request = { model: "thinker", prompt: "7*8?", system: "Be brief." };
    const whole = await client.generate(request);
    expect(whole).toMatchObject({ response: ANSWER, thinking: THOUGHT, done: true, done_reason: "stop" });
    expect(prompts.at(-1)).toMatch(/\[system\]Be brief\.\[user\]7\*8\?\[assistant\]<think>\n$/);
    let told = "";
    for await (const { response = "" } of await client.generate({ ...request, stream: true })) told += response;
    expect(told).toBe(ANSWER);
  });
  test("raw: the prompt goes as it stands", async () => {
    await client.generate({ model: "thinker", prompt: "As it stands", raw: true });
    expect(prompts.at(-1)).toBe("<|begin|>As it stands");
  });
});

describe("models", () => {
  test("are listed, told of and loaded; keep_alive says how long they stay", async () => {
    expect((await client.list()).models.map(({ name }) => name)).toEqual(["thinker", "plain"]);
    await client.chat({ model: "plain", messages: ask("Hi"), keep_alive: "1h30m" });
    const loaded = (await client.ps()).models.find(({ name }) => name === "plain");
    expect(new Date(loaded?.expires_at ?? 0).getTime() - Date.now()).toBeGreaterThan(89 * 60_000);
    expect(await client.generate({ model: "plain", prompt: "", keep_alive: 0 })).toMatchObject({
      done: true,
      done_reason: "unload",
    });
    expect((await client.ps()).models.map(({ name }) => name)).not.toContain("plain");
    expect(await client.generate({ model: "plain", prompt: "", keep_alive: -1 })).toMatchObject({
      done_reason: "load",
    });
    expect((await client.ps()).models.map(({ name }) => name)).toContain("plain");
    const shown = await client.show({ model: "thinker" });
    expect(shown).toMatchObject({ capabilities: ["completion", "tools", "thinking"] });
    expect(shown.template).toContain("<think>");
    expect((await client.version()).version).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

describe("pull", () => {
  const pulling = async (allowPull: boolean) => {
    for (const [name, value] of Object.entries(place.environment())) vi.stubEnv(name, value);
    const { url, models } = await scriptedServer(
      { plain: { template: PLAIN_TEMPLATE, says: () => "Hello." } },
      {},
      allowPull ? pullForServer : undefined,
    );
    return { client: new Ollama({ host: url }), models };
  };
  test("is refused unless the server allows it", async () => {
    const { client: other } = await pulling(false);
    await expect(other.pull({ model: "org/tiny" })).rejects.toThrow(/start the server with --allow-pull/);
  });
  test("brings a model with progress, and serves it from then on", async () => {
    const { client: other, models } = await pulling(true);
    const lines = [];
    for await (const line of await other.pull({ model: "org/tiny", stream: true })) lines.push(line);
    expect(lines[0].status).toBe("pulling manifest");
    expect(lines.at(-1)?.status).toBe("success");
    const weights = lines.filter(({ digest }) => digest === "model.safetensors");
    expect(weights.at(-1)).toMatchObject({ total: 67_240, completed: 67_240 });
    expect(models.isServed("org/tiny")).toBe(true);
    const listed = (await other.list()).models.find(({ name }) => name === "org/tiny");
    expect(listed).toMatchObject({ details: { family: "qwen2", format: "safetensors", quantization_level: "F32" } });
    expect(listed?.size).toBeGreaterThan(60_000);
  });
  test("what is not there is told in one line, on the way and at once", async () => {
    const { client: other } = await pulling(true);
    await expect(other.pull({ model: "org/none" })).rejects.toThrow(/org\/none/);
    const stream = await other.pull({ model: "org/none", stream: true });
    await expect(
      (async () => {
        for await (const _ of stream);
      })(),
    ).rejects.toThrow(/org\/none/);
  });
});

describe("what cannot be had is an error with its reason", () => {
  test.each([
    ["chat", { model: "llama3", messages: [] }, 404, /"llama3" is not served here; served: thinker, plain/],
    ["chat", { messages: [] }, 400, /^model/],
    [
      "chat",
      { model: "plain", messages: ask("x".repeat(5000)) },
      400,
      /has 50\d\d tokens, but the context of plain is 4096/,
    ],
    ["chat", { model: "plain", messages: ask("Hi"), keep_alive: "soon" }, 400, /keep_alive: expected seconds/],
    ["chat", { model: "plain", messages: ask("Hi"), options: { top_p: 2 } }, 400, /^options\.top_p/],
    ["chat", { model: "plain", messages: [{ role: "user", content: "?", images: ["aGk="] }] }, 400, /reads text alone/],
    ["generate", { model: "plain", prompt: "a", suffix: "b" }, 400, /^suffix/],
    ["generate", { model: "plain", prompt: "a", context: [1] }, 400, /^context: .*use \/api\/chat/],
    ["embed", { model: "plain", input: "a" }, 404, /has no \/api\/embed/],
    ["nothing", {}, 404, /there is no POST \/api\/nothing/],
  ])("/api/%s %j", async (path, body, status, message) => {
    const response = await fetch(`${server.url}/api/${path}`, { method: "POST", body: JSON.stringify(body) });
    expect({ status: response.status, body: await response.json() }).toEqual({
      status,
      body: { error: expect.stringMatching(message) },
    });
  });
});
