// Vercel's AI SDK against this server, as any OpenAI-compatible provider and as DeepSeek: text, thoughts, tools and
// objects, whole and streamed; the beginning of an answer under /beta.
import { createDeepSeek } from "@ai-sdk/deepseek";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { beforeAll, describe, expect, test } from "vitest";
import { scriptedServer, THINKING_TEMPLATE } from "./scripted-server.js";

const prompts: string[] = [];
let url: string;
beforeAll(async () => {
  const server = await scriptedServer({
    thinker: {
      template: `${THINKING_TEMPLATE}{# <tool_call> #}`,
      tags: ["<think>", "</think>", "<tool_call>", "</tool_call>"],
      says(prompt) {
        prompts.push(prompt);
        if (prompt.includes("18 degrees")) return "Good.\n</think>\n\nIt is warm.";
        if (prompt.includes("weather"))
          return 'I look.\n</think>\n\n<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>';
        if (prompt.includes("JSON")) return 'Hm.\n</think>\n\n{"sum": 56}';
        return "Hm.\n</think>\n\nHello 🔥!";
      },
    },
  });
  url = server.url;
});

const providers = {
  "@ai-sdk/openai-compatible": () =>
    createOpenAICompatible({
      name: "luciole",
      baseURL: `${url}/v1`,
      includeUsage: true,
      supportsStructuredOutputs: true,
    }).chatModel("thinker"),
  "@ai-sdk/deepseek": () => createDeepSeek({ baseURL: url, apiKey: "any" }).chat("thinker"),
};

describe.each(Object.entries(providers))("%s", (_, model) => {
  test("text and thought, whole", async () => {
    const { text, reasoningText, finishReason, usage } = await generateText({ model: model(), prompt: "Hi" });
    expect({ text, reasoningText, finishReason }).toEqual({
      text: "Hello 🔥!",
      reasoningText: "Hm.",
      finishReason: "stop",
    });
    expect(usage.outputTokens).toBeGreaterThan(10);
  });
  test("text and thought, streamed, with usage", async () => {
    const stream = streamText({ model: model(), prompt: "Hi" });
    let told = "";
    for await (const piece of stream.textStream) told += piece;
    expect(told).toBe("Hello 🔥!");
    expect(await stream.reasoningText).toBe("Hm.");
    expect((await stream.usage).reasoningTokens ?? (await stream.usage).outputTokenDetails?.reasoningTokens).toBe(4);
  });
  test.each(["whole", "streamed"])("a tool is called and its result goes back, %s", async (way) => {
    const asked: unknown[] = [];
    const weather = tool({
      description: "Tells the weather",
      inputSchema: jsonSchema<{ city: string }>({ type: "object", properties: { city: { type: "string" } } }),
      execute: async (input) => {
        asked.push(input);
        return "18 degrees";
      },
    });
    const request = { model: model(), prompt: "What is the weather?", tools: { weather }, stopWhen: stepCountIs(3) };
    const text = way === "whole" ? (await generateText(request)).text : await streamText(request).text;
    expect(text).toBe("It is warm.");
    expect(asked).toEqual([{ city: "Paris" }]);
  });
  test("an object of a schema", async () => {
    const schema = jsonSchema<{ sum: number }>({
      type: "object",
      properties: { sum: { type: "integer" } },
      required: ["sum"],
      additionalProperties: false,
    });
    const { object } = await generateObject({ model: model(), prompt: "JSON of 7*8", schema });
    expect(object).toEqual({ sum: 56 });
  });
});

describe("DeepSeek's own ways", () => {
  const post = async (path: string, body: object) => {
    const sent = await fetch(`${url}${path}`, { method: "POST", body: JSON.stringify({ model: "thinker", ...body }) });
    return (await sent.json()) as Readonly<Record<string, never>>;
  };
  test("the beginning of an answer is gone on with under /beta: its thought is closed, or given", async () => {
    const user = { role: "user", content: "Hi" };
    await post("/beta/chat/completions", { messages: [user, { role: "assistant", content: "```py\n", prefix: true }] });
    expect(prompts.at(-1)).toMatch(/\[assistant\]<think>\n<\/think>\n\n```py\n$/);
    const thought = { role: "assistant", content: "So", reasoning_content: "Well.", prefix: true };
    await post("/beta/chat/completions", { messages: [user, thought] });
    expect(prompts.at(-1)).toMatch(/\[assistant\]<think>\nWell\.\n<\/think>\n\nSo$/);
  });
  test("a prefix anywhere but at the end is refused by its place", async () => {
    const messages = [
      { role: "assistant", content: "a", prefix: true },
      { role: "user", content: "b" },
    ];
    expect(await post("/chat/completions", { messages })).toMatchObject({ error: { param: "messages[0].prefix" } });
  });
  test("cache hits and misses are counted", async () => {
    const messages = [{ role: "user", content: "x".repeat(200) }];
    await post("/chat/completions", { messages });
    const { usage } = await post("/chat/completions", { messages });
    const { prompt_cache_hit_tokens: hits, prompt_cache_miss_tokens: misses, prompt_tokens: all } = usage;
    expect(hits).toBeGreaterThan(150);
    expect(hits + misses).toBe(all);
  });
});

describe.each([{}, { store: false }])("@ai-sdk/openai, which asks for responses, %j", (openai) => {
  const model = () => createOpenAI({ baseURL: `${url}/v1`, apiKey: "any" })("thinker");
  test("a tool is called and its result goes back; the conversation goes on", async () => {
    const weather = tool({
      inputSchema: jsonSchema<{ city: string }>({ type: "object", properties: { city: { type: "string" } } }),
      execute: async () => "18 degrees",
    });
    const asked = { model: model(), tools: { weather }, stopWhen: stepCountIs(3), providerOptions: { openai } };
    const messages = [{ role: "user" as const, content: "What is the weather?" }];
    const { text, steps, response } = await generateText({ ...asked, messages });
    expect([text, steps.length, steps[0].toolCalls[0].input]).toEqual(["It is warm.", 2, { city: "Paris" }]);
    const again = await generateText({
      ...asked,
      messages: [...messages, ...response.messages, { role: "user", content: "Sure?" }],
    });
    expect(again.text).toBe("It is warm.");
    for (const part of ["18 degrees", "It is warm.", "Sure?"]) expect(prompts.at(-1)).toContain(part);
  });
  test("a stream, and an object by its schema", async () => {
    let told = "";
    for await (const piece of streamText({ model: model(), prompt: "Hi", providerOptions: { openai } }).textStream)
      told += piece;
    expect(told).toBe("Hello 🔥!");
    const schema = jsonSchema<{ sum: number }>({
      type: "object",
      properties: { sum: { type: "integer" } },
      required: ["sum"],
      additionalProperties: false,
    });
    const { object } = await generateObject({ model: model(), schema, prompt: "JSON", providerOptions: { openai } });
    expect(object).toEqual({ sum: 56 });
  });
});
