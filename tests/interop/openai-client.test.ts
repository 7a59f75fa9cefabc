// OpenAI's own client against this server: chat completions whole and streamed, thoughts, stop, n, log-probabilities,
// schemas, usage, errors.
import OpenAI, { type APIError } from "openai";
import { beforeAll, describe, expect, test } from "vitest";
import { PLAIN_TEMPLATE, scriptedServer, THINKING_TEMPLATE } from "./scripted-server.js";

const THOUGHT = "7 times 8.\nThat is 56 🔥.";
const ANSWER = "The answer is 56 🔥, STOP and more.";
let client: OpenAI;

beforeAll(async () => {
  const server = await scriptedServer({
    thinker: {
      template: THINKING_TEMPLATE,
      tags: ["<think>", "</think>"],
      says: (prompt) =>
        prompt.includes("JSON") ? `Hm.\n</think>\n\n{"sum": 56}` : `${THOUGHT}\n</think>\n\n${ANSWER}`,
    },
    plain: { template: PLAIN_TEMPLATE, says: (prompt) => `You said ${prompt.length} characters.` },
  });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "any", maxRetries: 0 });
});

const ask = (content: string) => [{ role: "user" as const, content }];

describe("chat completions", () => {
  test("whole: thought and answer apart, usage with its details", async () => {
    const reply = await client.chat.completions.create({ model: "thinker", messages: ask("7*8?") });
    expect(reply.choices[0]).toMatchObject({
      index: 0,
      message: { role: "assistant", content: ANSWER, reasoning_content: THOUGHT },
      finish_reason: "stop",
    });
    const { usage } = reply;
    expect(usage?.completion_tokens_details?.reasoning_tokens).toBe(Buffer.from(`${THOUGHT}\n`).length);
    expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0));
  });
  test("streamed: one id, the role once, pieces that join to the whole, the reason last, then usage", async () => {
    const stream = await client.chat.completions.create({
      model: "thinker",
      messages: ask("7*8?"),
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta as Record<string, unknown>));
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(deltas[0]).toEqual({ role: "assistant", content: null, reasoning_content: "" });
    expect(deltas.slice(1).some((delta) => "role" in delta)).toBe(false);
    expect(deltas.map((delta) => delta.reasoning_content ?? "").join("")).toBe(THOUGHT);
    expect(deltas.map((delta) => delta.content ?? "").join("")).toBe(ANSWER);
    expect(chunks.at(-2)?.choices[0].finish_reason).toBe("stop");
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: expect.any(Number) } });
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
  });
  test("stop texts end the answer and are not part of it", async () => {
    const reply = await client.chat.completions.create({ model: "thinker", messages: ask("7*8?"), stop: ["STOP"] });
    expect(reply.choices[0]).toMatchObject({
      message: { content: "The answer is 56 🔥, " },
      finish_reason: "stop",
      stop_reason: "STOP",
    });
  });
  test("max_completion_tokens cuts off and says so", async () => {
    const reply = await client.chat.completions.create({
      model: "plain",
      messages: ask("Hello"),
      max_completion_tokens: 8,
    });
    expect(reply.choices[0]).toMatchObject({ message: { content: "You said" }, finish_reason: "length" });
    expect(reply.usage?.completion_tokens).toBe(8);
  });
  test("a thought is bounded by thinking.budget_tokens, and left out when thinking is disabled", async () => {
    const extra = (thinking: object) => ({ thinking }) as object;
    const budget = await client.chat.completions.create({
      model: "thinker",
      messages: ask("7*8?"),
      ...extra({ type: "enabled", budget_tokens: 7 }),
    });
    expect(budget.choices[0].message).toMatchObject({ reasoning_content: "7 times", content: ANSWER });
    const off = await client.chat.completions.create({
      model: "thinker",
      messages: ask("7*8?"),
      ...extra({ type: "disabled" }),
    });
    expect(off.choices[0].message).toMatchObject({ content: ANSWER });
    expect(off.choices[0].message).not.toHaveProperty("reasoning_content");
  });
  test("n gives so many choices, whole and streamed", async () => {
    const whole = await client.chat.completions.create({ model: "plain", messages: ask("Hi"), n: 3 });
    expect(whole.choices.map(({ index, message }) => [index, message.content?.slice(0, 8)])).toEqual(
      [0, 1, 2].map((index) => [index, "You said"]),
    );
    const stream = await client.chat.completions.create({ model: "plain", messages: ask("Hi"), n: 3, stream: true });
    const texts = ["", "", ""];
    for await (const { choices } of stream) for (const { index, delta } of choices) texts[index] += delta.content ?? "";
    expect(texts).toEqual(whole.choices.map(({ message }) => message.content));
  });
  test("log-probabilities tell each token of the answer with its bytes, and the likeliest beside it", async () => {
    const reply = await client.chat.completions.create({
      model: "plain",
      messages: ask("Hi"),
      logprobs: true,
      top_logprobs: 2,
      max_tokens: 3,
      temperature: 1,
    });
    const content = reply.choices[0].logprobs?.content ?? [];
    expect(content.map(({ token }) => token).join("")).toBe("You");
    expect(content[0]).toMatchObject({ bytes: [89], logprob: expect.closeTo(0) });
    expect(content[0].top_logprobs).toHaveLength(2);
  });
  test("an answer obeys a JSON schema behind the thought, whole, streamed and for every choice", async () => {
    const schema = {
      type: "object",
      properties: { sum: { type: "integer" } },
      required: ["sum"],
      additionalProperties: false,
    };
    const request = {
      model: "thinker",
      messages: ask("JSON, please"),
      response_format: { type: "json_schema", json_schema: { name: "sum", schema } },
      n: 2,
    } as const;
    const whole = await client.chat.completions.create(request);
    expect(whole.choices.map(({ message }) => JSON.parse(message.content ?? ""))).toEqual([{ sum: 56 }, { sum: 56 }]);
    const texts = ["", ""];
    for await (const { choices } of await client.chat.completions.create({ ...request, stream: true }))
      for (const { index, delta } of choices) texts[index] += delta.content ?? "";
    expect(texts.map((text) => JSON.parse(text))).toEqual([{ sum: 56 }, { sum: 56 }]);
  });
});

describe("what cannot be had is refused with its reason", () => {
  const refusal = (request: object) =>
    client.chat.completions
      .create({ model: "plain", messages: ask("Hi"), ...request } as OpenAI.ChatCompletionCreateParams)
      .then(
        () => "answered",
        (error: APIError) => ({
          status: error.status,
          code: error.code,
          param: error.param,
          message: error.message,
        }),
      );
  test("an unknown model by the names of those served", async () => {
    expect(await refusal({ model: "gpt-4o" })).toMatchObject({
      status: 404,
      code: "model_not_found",
      message: expect.stringContaining("served: thinker, plain"),
    });
  });
  test("a prompt beyond the context with both numbers", async () => {
    expect(await refusal({ messages: ask("x".repeat(5000)) })).toMatchObject({
      status: 400,
      code: "context_length_exceeded",
      message: expect.stringMatching(/has 50\d\d tokens, but the context of plain is 4096 tokens/),
    });
  });
  test("a schema that cannot be followed by the place of the trouble", async () => {
    const schema = { type: "object", properties: { a: { type: "nothing" } } };
    const response_format = { type: "json_schema", json_schema: { name: "x", schema } };
    expect(await refusal({ response_format })).toMatchObject({
      status: 400,
      message: expect.stringContaining("schema.properties.a.type"),
    });
  });
  test.each([
    [{ temperature: 2.5 }, "temperature"],
    [{ top_p: -0.1 }, "top_p"],
    [{ n: 0 }, "n"],
    [{ max_tokens: 0 }, "max_tokens"],
    [{ presence_penalty: 3 }, "presence_penalty"],
    [{ logit_bias: { a: 1 } }, "logit_bias.a"],
    [{ top_logprobs: 3 }, "top_logprobs"],
    [{ messages: [] }, "messages"],
    [{ messages: [{ role: "robot", content: "x" }] }, "messages[0].role"],
    [{ messages: [{ role: "user", content: [{ type: "image_url", image_url: {} }] }] }, "messages[0].content[0]"],
    [{ tool_choice: "required" }, "tool_choice"],
  ])("%j by its field", async (request, param) => {
    expect(await refusal(request)).toMatchObject({ status: 400, param });
  });
  test("embeddings, which are not made here", async () => {
    await expect(client.embeddings.create({ model: "plain", input: "x" })).rejects.toMatchObject({
      status: 404,
      code: "not_offered",
    });
  });
});

test("models are listed, and described one by one", async () => {
  expect((await client.models.list()).data.map(({ id }) => id)).toEqual(["thinker", "plain"]);
  expect(await client.models.retrieve("plain")).toMatchObject({ id: "plain", object: "model" });
});
