// Fields without which clients that check replies against published schemas (Open Responses, Anthropic's and OpenAI's
// OpenAPI documents, as PyPI llm-comply 0.5.0 has them) refuse a reply; and a form of request that llama.cpp's suite
// has.
import { beforeAll, expect, test } from "vitest";
import { scriptedServer, THINKING_TEMPLATE } from "./scripted-server.js";

let url: string;
const CALL = '[{"name":"look","arguments":{}}]';
beforeAll(async () => {
  const says = (prompt: string) => `Hm.\n</think>\n\n${prompt.includes("call") ? CALL : "Yes."}`;
  ({ url } = await scriptedServer({ m: { template: THINKING_TEMPLATE, tags: ["<think>", "</think>"], says } }));
});

async function post(path: string, body: object): Promise<string> {
  const response = await fetch(`${url}${path}`, { method: "POST", body: JSON.stringify({ model: "m", ...body }) });
  return response.text();
}
const asked = (content: string) => ({ messages: [{ role: "user", content }] });

test("a response tells how it was sampled, in numbers, and what was left out of its tools", async () => {
  const tools = [{ type: "function", name: "look" }];
  const reasoning = { effort: "low", summary: "auto" };
  const more = { tools, reasoning, presence_penalty: 0.5, prompt_cache_key: "k" };
  const [bare, full] = [{}, more].map((each) => post("/v1/responses", { input: "x", ...each }));
  expect(JSON.parse(await bare)).toMatchObject({
    ...{ temperature: 1, top_p: 1, presence_penalty: 0, frequency_penalty: 0 },
    ...{ safety_identifier: null, prompt_cache_key: null, reasoning: { effort: null, summary: null } },
  });
  expect(JSON.parse(await full)).toMatchObject({
    ...{ presence_penalty: 0.5, prompt_cache_key: "k", reasoning },
    tools: [{ type: "function", name: "look", description: null, parameters: null, strict: false }],
  });
  expect(await post("/v1/responses", { input: "x", presence_penalty: 3 })).toContain("presence_penalty");
});

const ENDING = { stop_details: null, container: null };
const USAGE = { cache_creation: null, server_tool_use: null, service_tier: "standard", inference_geo: null };
const TOOL = { tools: [{ name: "look", input_schema: { type: "object" } }], tool_choice: { type: "any" } };

test("a message of Anthropic's form tells what it has nothing of", async () => {
  const whole = JSON.parse(await post("/v1/messages", { max_tokens: 99, ...asked("x") }));
  expect(whole).toMatchObject({ ...ENDING, usage: USAGE, content: [{}, { type: "text", citations: [] }] });
  const called = JSON.parse(await post("/v1/messages", { max_tokens: 99, ...asked("call"), ...TOOL }));
  expect(called.content.at(-1)).toMatchObject({ type: "tool_use", caller: { type: "direct" } });
});

test("and so do its events", async () => {
  const text = await post("/v1/messages", { max_tokens: 99, stream: true, ...asked("x") });
  const events = [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data));
  const of = (kind: string) => events.filter(({ type }) => type === kind);
  expect(of("message_start")[0].message).toMatchObject({ ...ENDING, usage: USAGE });
  expect(of("content_block_start").at(-1).content_block).toEqual({ type: "text", text: "", citations: [] });
  expect(of("message_delta")[0]).toMatchObject({ delta: ENDING, usage: { server_tool_use: null } });
});

test("a schema beside json_object, as llama.cpp's clients give it, holds the answer", async () => {
  const reply = (schema: unknown) =>
    post("/v1/chat/completions", { ...asked("x"), response_format: { type: "json_object", schema } });
  expect(JSON.parse(JSON.parse(await reply({ const: "42" })).choices[0].message.content)).toBe("42");
  expect(await reply({ type: "hiccup" })).toContain("invalid_request_error");
});

test("a chat message has its annotations", async () => {
  const { choices } = JSON.parse(await post("/v1/chat/completions", asked("x")));
  expect(choices[0].message).toMatchObject({ refusal: null, annotations: [] });
});
