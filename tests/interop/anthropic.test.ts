// Anthropic's own client and Vercel's provider against this server: messages whole and streamed, thoughts, tools, stop
// texts, counts, errors.
import { createAnthropic } from "@ai-sdk/anthropic";
import Anthropic, { APIError } from "@anthropic-ai/sdk";
import { generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { beforeAll, describe, expect, test } from "vitest";
import { type ScriptedServer, scriptedServer, THINKING_TEMPLATE } from "./scripted-server.js";

const CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris 🗼"}}\n</tool_call>';
const prompts: string[] = [];
let server: ScriptedServer;
let client: Anthropic;
beforeAll(async () => {
  server = await scriptedServer({
    thinker: {
      template: `${THINKING_TEMPLATE}{# <tool_call> #}`,
      tags: ["<think>", "</think>", "<tool_call>", "</tool_call>"],
      says(prompt) {
        prompts.push(prompt);
        if (prompt.includes("18 degrees")) return "Good.\n</think>\n\nIt is warm.";
        if (prompt.includes("FORCED")) return 'I must.\n</think>[{"name": "weather", "arguments": {"city": "Rome"}}]';
        if (prompt.includes("weather")) return `I look.\n</think>\n\nOne moment.\n${CALL}`;
        if (prompt.includes("JSON")) return 'Hm.\n</think>{"sum": 56}';
        return "7 times 8.\nThat is 56 🔥.\n</think>\n\nThe answer is 56 🔥, STOP and more.";
      },
    },
  });
  client = new Anthropic({ baseURL: server.url, apiKey: "any", maxRetries: 0 });
});

const THOUGHT = "7 times 8.\nThat is 56 🔥.";
const ANSWER = "The answer is 56 🔥, STOP and more.";
const WEATHER: Anthropic.Tool = {
  name: "weather",
  description: "Tells the weather",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const ask = (content: Anthropic.MessageParam["content"], more: Partial<Anthropic.MessageCreateParams> = {}) => ({
  model: "thinker",
  max_tokens: 400,
  messages: [{ role: "user" as const, content }],
  ...more,
});
const create = (content: Anthropic.MessageParam["content"], more: Partial<Anthropic.MessageCreateParams> = {}) =>
  client.messages.create({ ...ask(content, more), stream: false });

describe("@anthropic-ai/sdk", () => {
  test("whole: thought and text are blocks, usage counts the prompt's tokens once", async () => {
    const message = await create("7*8?");
    expect(message).toMatchObject({
      type: "message",
      role: "assistant",
      model: "thinker",
      content: [
        { type: "thinking", thinking: THOUGHT, signature: "luciole" },
        { type: "text", text: ANSWER },
      ],
      stop_reason: "end_turn",
      stop_sequence: null,
    });
    const again = await create("7*8?");
    const total = ({ usage }: Anthropic.Message) => usage.input_tokens + (usage.cache_read_input_tokens ?? 0);
    expect(total(again)).toBe(total(message));
    expect(again.usage.cache_read_input_tokens).toBeGreaterThan(0);
    expect(message.usage.output_tokens).toBeGreaterThan(Buffer.from(THOUGHT + ANSWER).length);
    expect(message._request_id).toBeTruthy();
  });
  test("streamed: the events come in Anthropic's order, and join to the whole", async () => {
    const stream = client.messages.stream(ask("What is the weather?", { tools: [WEATHER] }) as never);
    const order: string[] = [];
    stream.on("streamEvent", (event) => {
      const name =
        event.type === "content_block_start"
          ? `${event.index} ${event.content_block.type}`
          : event.type === "content_block_delta"
            ? `${event.index} ${event.delta.type}`
            : event.type === "content_block_stop"
              ? `${event.index} stop`
              : event.type;
      if (order.at(-1) !== name) order.push(name);
    });
    const message = await stream.finalMessage();
    expect(order).toEqual([
      "message_start",
      ...["0 thinking", "0 thinking_delta", "0 signature_delta", "0 stop"],
      ...["1 text", "1 text_delta", "1 stop"],
      ...["2 tool_use", "2 input_json_delta", "2 stop"],
      ...["message_delta", "message_stop"],
    ]);
    expect(message.content).toMatchObject([
      { type: "thinking", thinking: "I look.", signature: "luciole" },
      { type: "text", text: "One moment." },
      { type: "tool_use", id: expect.stringMatching(/^toolu_/), name: "weather", input: { city: "Paris 🗼" } },
    ]);
    expect(message.stop_reason).toBe("tool_use");
    const whole = await create("What is the weather?", { tools: [WEATHER] });
    const unnamed = ({ content }: Anthropic.Message) => content.map((block) => ({ ...block, id: "" }));
    expect(unnamed(whole)).toEqual(unnamed(message));
    expect(whole.usage.output_tokens).toBe(message.usage.output_tokens);
  });
  test("a ping follows the start, and every event is named as its type", async () => {
    const response = await fetch(`${server.url}/v1/messages`, {
      method: "POST",
      body: JSON.stringify({ ...ask("Hi"), stream: true }),
    });
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(response.headers.get("request-id")).toBe(response.headers.get("x-request-id"));
    const events = (await response.text())
      .trimEnd()
      .split("\n\n")
      .map((each) => /^event: (\w+)\ndata: (.*)$/.exec(each)?.slice(1) ?? [each]);
    expect(events.map(([name]) => name).slice(0, 3)).toEqual(["message_start", "ping", "content_block_start"]);
    for (const [name, data] of events) expect(JSON.parse(data).type).toBe(name);
    expect(events.at(-1)?.[0]).toBe("message_stop");
  });
  test("system prompts, thoughts, calls and results of earlier turns reach the template", async () => {
    const message = await client.messages.create({
      model: "thinker",
      max_tokens: 400,
      system: [
        { type: "text", text: "Be brief." },
        { type: "text", text: "Be kind.", cache_control: { type: "ephemeral" } },
      ],
      tools: [WEATHER],
      messages: [
        { role: "user", content: "What is it like?" },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "I look.", signature: "luciole" },
            { type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Paris" } },
          ],
        },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "toolu_1", content: [{ type: "text", text: "18 degrees" }] },
            { type: "text", text: "Well?" },
          ],
        },
      ],
    });
    expect(message.content.at(-1)).toMatchObject({ type: "text", text: "It is warm." });
    expect(prompts.at(-1)).toMatch(
      /^.*\[system\]Be brief\.\n\nBe kind\..*\[tool\]18 degrees\[user\]Well\?\[assistant\]/s,
    );
  });
  test.each([[{ type: "any" } as const], [{ type: "tool", name: "weather" } as const]])(
    "tool_choice %j makes the model call",
    async (tool_choice) => {
      const message = await create("FORCED", { tools: [WEATHER], tool_choice });
      expect(message.content.at(-1)).toMatchObject({ type: "tool_use", name: "weather", input: { city: "Rome" } });
      expect(message.stop_reason).toBe("tool_use");
    },
  );
  test("tool_choice none shows the model no tools", async () => {
    await create("Without tools", { tools: [WEATHER], tool_choice: { type: "none" } });
    expect(prompts.at(-1)).toContain("Without tools");
    expect(prompts.at(-1)).not.toContain("Tells the weather");
  });
  test("stop_sequences end the answer and are named; max_tokens cuts it off", async () => {
    expect(await create("7*8?", { stop_sequences: ["STOP"] })).toMatchObject({
      content: [{ type: "thinking" }, { type: "text", text: "The answer is 56 🔥, " }],
      stop_reason: "stop_sequence",
      stop_sequence: "STOP",
    });
    const cut = await create("7*8?", { max_tokens: 7 });
    expect(cut).toMatchObject({ content: [{ type: "thinking", thinking: "7 times" }], stop_reason: "max_tokens" });
    expect(cut.usage.output_tokens).toBe(7);
  });
  test("thinking is bounded by its budget, switched off, and kept from the client", async () => {
    const bounded = await create("7*8?", { thinking: { type: "enabled", budget_tokens: 7 } });
    expect(bounded.content).toMatchObject([
      { type: "thinking", thinking: "7 times" },
      { type: "text", text: ANSWER },
    ]);
    const off = await create("7*8?", { thinking: { type: "disabled" } });
    expect(off.content).toMatchObject([{ type: "text", text: ANSWER }]);
    const hidden = await create("7*8?", {
      thinking: { type: "enabled", budget_tokens: 400, display: "omitted" },
    });
    expect(hidden.content).toMatchObject([
      { type: "thinking", thinking: "" },
      { type: "text", text: ANSWER },
    ]);
  });
  test("output_config.format holds the answer to a schema", async () => {
    const schema = {
      type: "object",
      properties: { sum: { type: "integer" } },
      required: ["sum"],
      additionalProperties: false,
    };
    const message = await create("JSON", { output_config: { format: { type: "json_schema", schema } } });
    expect(JSON.parse((message.content.at(-1) as Anthropic.TextBlock).text)).toEqual({ sum: 56 });
  });
  test("an assistant's message at the end is the beginning of the answer", async () => {
    await client.messages.create({
      model: "thinker",
      max_tokens: 5,
      messages: [
        { role: "user", content: "7*8?" },
        { role: "assistant", content: "It is" },
      ],
    });
    expect(prompts.at(-1)).toMatch(/\[assistant\]<think>\n<\/think>\n\nIt is$/);
  });
  test("count_tokens tells what the same conversation costs", async () => {
    const request = ask("What is the weather?", { tools: [WEATHER], system: "Be brief." });
    const { max_tokens: _, ...conversation } = request;
    const { input_tokens: counted } = await client.messages.countTokens(conversation as never);
    const { usage } = await client.messages.create({ ...request, stream: false });
    expect(counted).toBe(usage.input_tokens + (usage.cache_read_input_tokens ?? 0));
  });
  test("models are listed", async () => {
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(["thinker"]);
  });

  describe("what cannot be had", () => {
    const refusal = async (more: object) => {
      const error = await create("Hi", more).catch((each: unknown) => each);
      expect(error).toBeInstanceOf(APIError);
      const { status, error: told, requestID } = error as APIError;
      expect(requestID).toBeTruthy();
      return { status, ...(told as { error: { type: string; message: string } }).error };
    };
    test.each([
      [{ model: "claude" }, 404, "not_found_error", /"claude" is not served here; served: thinker/],
      [{ max_tokens: 0 }, 400, "invalid_request_error", /^max_tokens/],
      [{ temperature: 1.5 }, 400, "invalid_request_error", /^temperature/],
      [{ messages: [] }, 400, "invalid_request_error", /^messages/],
      [{ tool_choice: { type: "any" } }, 400, "invalid_request_error", /give at least one tool/],
      [
        { messages: [{ role: "user", content: "x".repeat(5000) }] },
        400,
        "invalid_request_error",
        /has 50\d\d tokens, but the context of thinker is 4096/,
      ],
      [
        { messages: [{ role: "user", content: [{ type: "image", source: {} }] }] },
        400,
        "invalid_request_error",
        /messages\[0\]\.content\[0\]: this model reads text alone, got a part of type image/,
      ],
    ])("%j", async (more, status, type, message) => {
      expect(await refusal(more)).toEqual({ status, type, message: expect.stringMatching(message) });
    });
    test("a path that is not there", async () => {
      const response = await fetch(`${server.url}/v1/messages/batches`, { method: "POST", body: "{}" });
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ type: "error", error: { type: "not_found_error" } });
    });
  });
});

describe("@ai-sdk/anthropic", () => {
  const model = () => createAnthropic({ baseURL: `${server.url}/v1`, apiKey: "any" })("thinker");
  test("text and thought, whole and streamed", async () => {
    const whole = await generateText({ model: model(), prompt: "7*8?", maxOutputTokens: 400 });
    expect(whole).toMatchObject({ text: ANSWER, reasoningText: THOUGHT, finishReason: "stop" });
    const stream = streamText({ model: model(), prompt: "7*8?", maxOutputTokens: 400 });
    let told = "";
    for await (const piece of stream.textStream) told += piece;
    expect([told, await stream.reasoningText]).toEqual([ANSWER, THOUGHT]);
    expect((await stream.usage).outputTokens).toBe(whole.usage.outputTokens);
  });
  test.each(["whole", "streamed"])("a tool is called and its result goes back with the thought, %s", async (way) => {
    const asked: unknown[] = [];
    const weather = tool({
      description: "Tells the weather",
      inputSchema: jsonSchema<{ city: string }>(WEATHER.input_schema),
      execute: async (input) => {
        asked.push(input);
        return "18 degrees";
      },
    });
    const options = { model: model(), prompt: "What is the weather?", tools: { weather }, stopWhen: stepCountIs(3) };
    const text = way === "whole" ? (await generateText(options)).text : await streamText(options).text;
    expect([text, asked]).toEqual(["It is warm.", [{ city: "Paris 🗼" }]]);
  });
  test("an object", async () => {
    const schema = jsonSchema<{ sum: number }>({
      type: "object",
      properties: { sum: { type: "integer" } },
      required: ["sum"],
      additionalProperties: false,
    });
    const { object } = await generateObject({
      model: createAnthropic({ baseURL: `${server.url}/v1`, apiKey: "any" })("thinker"),
      prompt: "JSON",
      schema,
      providerOptions: { anthropic: { structuredOutputMode: "outputFormat" } },
    });
    expect(object).toEqual({ sum: 56 });
  });
});
