// OpenAI's responses through its own client: items whole and as events, going on from an earlier response, calls of
// functions; and completions of texts.
import OpenAI from "openai";
import { beforeAll, describe, expect, test } from "vitest";
import { PLAIN_TEMPLATE, scriptedServer, THINKING_TEMPLATE } from "./scripted-server.js";

const prompts: string[] = [];
let client: OpenAI;
beforeAll(async () => {
  const noted = (says: (prompt: string) => string) => (prompt: string) => {
    prompts.push(prompt);
    return says(prompt);
  };
  const server = await scriptedServer({
    thinker: {
      template: THINKING_TEMPLATE,
      tags: ["<think>", "</think>"],
      says: noted((prompt) => (prompt.includes("Bye") ? "So.\n</think>\n\nBye too." : "Hm.\n</think>\n\nHello 🔥!")),
    },
    caller: {
      template: `${PLAIN_TEMPLATE}{# <tool_call> #}`,
      says: noted((prompt) =>
        prompt.includes("18") ? "Warm." : '<tool_call>{"name": "weather", "arguments": {"city": "Paris"}}</tool_call>',
      ),
    },
    writer: { template: PLAIN_TEMPLATE, says: noted((prompt) => `${prompt.slice(-4)} and so on <think> STOP on`) },
  });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "any", maxRetries: 0 });
});

describe("responses", () => {
  test("whole: a reasoning item and a message, with usage", async () => {
    const made = await client.responses.create({ model: "thinker", input: "Hi", instructions: "Be kind." });
    expect(made).toMatchObject({
      object: "response",
      status: "completed",
      output_text: "Hello 🔥!",
      output: [
        { type: "reasoning", content: [{ type: "reasoning_text", text: "Hm." }] },
        { type: "message", role: "assistant", status: "completed" },
      ],
    });
    expect(made.usage?.output_tokens_details.reasoning_tokens).toBe(4);
    expect(prompts.at(-1)).toContain("[system]Be kind.[user]Hi");
  });
  test("streamed: events in order, numbered through, whose pieces join to the items", async () => {
    const events: { readonly type: string; readonly sequence_number: number; readonly delta?: string }[] = [];
    for await (const event of await client.responses.create({ model: "thinker", input: "Hi", stream: true }))
      events.push(event as (typeof events)[number]);
    expect(events.map(({ sequence_number: number }) => number)).toEqual(events.map((_, i) => i));
    const kinds = events.map(({ type }) => type).filter((type, i, all) => type !== all[i - 1]);
    expect(kinds).toEqual([
      ...["response.created", "response.in_progress"],
      ...["response.output_item.added", "response.content_part.added", "response.reasoning_text.delta"],
      ...["response.reasoning_text.done", "response.content_part.done", "response.output_item.done"],
      ...["response.output_item.added", "response.content_part.added", "response.output_text.delta"],
      ...["response.output_text.done", "response.content_part.done", "response.output_item.done"],
      "response.completed",
    ]);
    const joined = (type: string) =>
      events
        .filter((event) => event.type === type)
        .map(({ delta }) => delta)
        .join("");
    expect([joined("response.reasoning_text.delta"), joined("response.output_text.delta")]).toEqual([
      "Hm.",
      "Hello 🔥!",
    ]);
  });
  test("previous_response_id goes on from a conversation, until it is deleted", async () => {
    const first = await client.responses.create({ model: "thinker", input: "Hi" });
    const next = await client.responses.create({ model: "thinker", input: "Bye", previous_response_id: first.id });
    expect(next.output_text).toBe("Bye too.");
    expect(prompts.at(-1)).toContain("[user]Hi[assistant]Hello 🔥![user]Bye");
    expect(await client.responses.retrieve(first.id)).toMatchObject({ id: first.id, status: "completed" });
    await client.responses.delete(first.id);
    const again = client.responses.create({ model: "thinker", input: "Bye", previous_response_id: first.id });
    await expect(again).rejects.toMatchObject({ status: 404, code: "previous_response_not_found" });
  });
  test("calls of functions come as items; their results go in; other kinds of tools are let be", async () => {
    const tools = [
      { type: "web_search" as const },
      { type: "function" as const, name: "weather", parameters: { type: "object" }, strict: false },
    ];
    const input = [{ role: "user" as const, content: "Paris?" }];
    const made = await client.responses.create({ model: "caller", input, tools });
    const [call] = made.output;
    expect(call).toMatchObject({ type: "function_call", name: "weather", arguments: '{"city": "Paris"}' });
    const result = {
      type: "function_call_output" as const,
      call_id: (call as { call_id: string }).call_id,
      output: "18",
    };
    const next = await client.responses.create({ model: "caller", input: [...input, call as never, result], tools });
    expect(next.output_text).toBe("Warm.");
    const kept = await client.responses.create({
      model: "caller",
      input: [result],
      tools,
      previous_response_id: made.id,
    });
    expect(kept.output_text).toBe("Warm.");
  });
  test("one that is cut off is incomplete, and says why", async () => {
    const made = await client.responses.create({ model: "thinker", input: "Hi", max_output_tokens: 16 });
    expect(made).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } });
  });
  test("the answer obeys text.format", async () => {
    const schema = {
      type: "object",
      properties: { a: { type: "boolean" } },
      required: ["a"],
      additionalProperties: false,
    };
    const format = { type: "json_schema" as const, name: "a", schema };
    const made = await client.responses.create({ model: "thinker", input: "Hi", text: { format } });
    expect(Object.keys(JSON.parse(made.output_text))).toEqual(["a"]);
  });
});

describe("completions of texts", () => {
  test("go on with the text as it stands, tags and all", async () => {
    const { choices, usage } = await client.completions.create({ model: "writer", prompt: "abcd", max_tokens: 100 });
    expect(choices[0]).toMatchObject({ text: "abcd and so on <think> STOP on", finish_reason: "stop" });
    expect(usage?.prompt_tokens).toBe(5); // with the begin token
    expect(prompts.at(-1)).toBe("<|begin|>abcd");
  });
  test("several prompts, stop, echo, streamed as whole", async () => {
    const request = { model: "writer", prompt: ["abcd", "wxyz"], stop: "STOP", echo: true, max_tokens: 100 };
    const whole = await client.completions.create(request);
    const texts = ["", ""];
    for await (const { choices } of await client.completions.create({ ...request, stream: true }))
      for (const { index, text } of choices) texts[index] += text;
    expect(texts).toEqual(["abcdabcd and so on <think> ", "wxyzwxyz and so on <think> "]);
    expect(whole.choices.map(({ text }) => text)).toEqual(texts);
  });
  test("token ids are taken as they are, and log-probabilities tell where tokens stand", async () => {
    const { choices } = await client.completions.create({
      model: "writer",
      prompt: [97, 98, 99, 100],
      logprobs: 1,
      max_tokens: 3,
    });
    expect(choices[0].text).toBe("abc");
    expect(choices[0].logprobs).toMatchObject({ tokens: ["a", "b", "c"], text_offset: [0, 1, 2] });
    await expect(client.completions.create({ model: "writer", prompt: [99999] })).rejects.toMatchObject({
      status: 400,
      param: "prompt",
    });
  });
});
