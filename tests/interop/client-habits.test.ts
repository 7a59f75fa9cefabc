// What programs that people point at a server of OpenAI's, Anthropic's or Ollama's form send, from their first look at
// it to the fields that no reference manual of a server has: Open WebUI, LibreChat, Continue, Cline, aider, LangChain,
// LiteLLM, Codex CLI and Claude Code, as their public sources write it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { MESSAGES_REQUEST } from "../../src/server/dialects/anthropic/messages-request.js";
import { CHAT_REQUEST as OLLAMA_CHAT_REQUEST } from "../../src/server/dialects/ollama/chat-request.js";
import { GENERATE_REQUEST } from "../../src/server/dialects/ollama/generate.js";
import { CHAT_REQUEST } from "../../src/server/dialects/openai/chat-request.js";
import { RESPONSES_REQUEST } from "../../src/server/dialects/openai/responses-request.js";
import { TEXT_REQUEST } from "../../src/server/dialects/openai/text-request.js";
import { templateHabits } from "../../src/server/models/template-habits.js";
import { ChatTemplate } from "../../src/tokenizer/index.js";
import { root } from "../e2e/command.js";
import { scriptTokenizer } from "./scripted-model.js";
import { PLAIN_TEMPLATE, scriptedServer, THINKING_TEMPLATE } from "./scripted-server.js";

const prompts: string[] = [];
/** What the last request gave to the model. */
const given = () => prompts.at(-1) ?? "";
let url: string;

const TOOLS_SHOWN = "{% if tools %}{{ tools | tojson }}<tool_call>{% endif %}";
const CALLS_SHOWN = "{% for c in m['tool_calls'] or [] %}<tool_call>{{ c | tojson }}</tool_call>{% endfor %}";
const TOOL_TEMPLATE = `${TOOLS_SHOWN}${THINKING_TEMPLATE.replace("{% endfor %}", `${CALLS_SHOWN}{% endfor %}`)}`;
/** As R1's distilled models have it: of several system messages the last one counts. */
const LAST_SYSTEM =
  "{% set ns = namespace(s='') %}{% for m in messages %}{% if m['role'] == 'system' %}" +
  "{% set ns.s = m['content'] %}{% endif %}{% endfor %}{{ ns.s }}" +
  "{% for m in messages %}{% if m['role'] != 'system' %}[{{ m['role'] }}]{{ m['content'] }}{% endif %}{% endfor %}[assistant]";
/** As Gemma 2 has it. */
const NO_SYSTEM =
  "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" +
  PLAIN_TEMPLATE;

beforeAll(async () => {
  const noted = (said: string) => (prompt: string) => {
    prompts.push(prompt);
    return said;
  };
  const server = await scriptedServer({
    "org/m": { template: TOOL_TEMPLATE, tags: ["<think>", "</think>"], says: noted("Hm.\n</think>\n\nYes.") },
    last: { template: LAST_SYSTEM, says: noted("Yes.") },
    none: { template: NO_SYSTEM, says: noted("Yes.") },
    json: { template: PLAIN_TEMPLATE, says: noted('{"a": 1}') },
  });
  url = server.url;
});
beforeEach(() => prompts.splice(0));

async function send(method: string, path: string, body?: object, headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(`${url}${path}`, { method, headers, body: body && JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, text, body: text.startsWith("{") ? JSON.parse(text) : undefined };
}
const post = (path: string, body: object, headers?: Readonly<Record<string, string>>) =>
  send("POST", path, body, headers);
const user = (content: unknown) => ({ role: "user", content });
const chat = (body: object) => post("/v1/chat/completions", { messages: [user("Hi")], ...body });

describe("a first look", () => {
  test.each([
    ["Claude Code", "HEAD", "/"],
    ["Ollama's command line", "HEAD", "/"],
    ["Open WebUI with an empty key", "GET", "/v1/models", { authorization: "Bearer " }],
    ["Open WebUI", "GET", "/api/tags"],
    ["Continue", "GET", "/models"],
    ["Codex CLI", "GET", "/v1/models?client_version=0.99.0"],
    ["a probe", "HEAD", "/v1/models"],
    ["a probe", "GET", "/v1/models/"],
    ["OpenAI's client, by a name with a slash", "GET", "/v1/models/org%2Fm"],
  ])("%s: %s %s", async (_, method, path, headers?: Readonly<Record<string, string>>) => {
    expect((await send(method, path, undefined, headers)).status).toBe(200);
  });
  test("Anthropic's client lists models in Anthropic's form, under either address", async () => {
    for (const baseURL of [url, `${url}/anthropic`]) {
      const client = new Anthropic({ baseURL, apiKey: "any", maxRetries: 0 });
      const listed = [];
      for await (const model of client.models.list({ limit: 1000 })) listed.push(model);
      expect(listed.map(({ id, type, display_name: name }) => [id, type, name])[0]).toEqual([
        "org/m",
        "model",
        "org/m",
      ]);
      const { created_at: created } = await client.models.retrieve("org/m");
      expect(Date.now() - Date.parse(created)).toBeLessThan(600_000);
      await expect(client.models.retrieve("other")).rejects.toMatchObject({
        status: 404,
        error: { type: "error", error: { type: "not_found_error" } },
      });
    }
    expect((await send("GET", "/v1/models")).body).toMatchObject({
      object: "list",
      data: [{ object: "model" }, {}, {}, {}],
    });
  });
});

/** A function and a tool that only its maker can run. */
const LOOK = { name: "look", description: "Looks.", parameters: { type: "object", properties: {} } };
const WRITE = { ...LOOK, name: "write" };
const chatTool = (tool: object) => ({ type: "function", function: { strict: true, ...tool } });

describe("Claude Code", () => {
  const headers = {
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27",
    "x-app": "cli",
  };
  const cached = { cache_control: { type: "ephemeral", ttl: "1h" } };
  const conversation = {
    model: "org/m",
    system: ["You help.", "Rules.", "Place."].map((text) => ({ type: "text", text, ...cached })),
    messages: [
      user([
        { type: "text", text: "<system-reminder>x</system-reminder>" },
        { type: "text", text: "Look.", ...cached },
      ]),
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "I look.", signature: "s" },
          { type: "tool_use", id: "toolu_1", name: "look", input: {}, ...cached },
        ],
      },
      user([{ type: "tool_result", tool_use_id: "toolu_1", content: [{ type: "text", text: "18" }], is_error: false }]),
    ],
    tools: [
      { name: "look", description: "Looks.", input_schema: LOOK.parameters, eager_input_streaming: true, ...cached },
      { type: "web_search_20250305", name: "web_search", max_uses: 8 },
    ],
  };
  test("a turn with blocks, betas and tools", async () => {
    const { status, text } = await post(
      "/v1/messages?beta=true",
      {
        ...conversation,
        ...{ max_tokens: 32000, temperature: 1, stream: true, metadata: { user_id: "u" } },
        ...{ thinking: { type: "enabled", budget_tokens: 31999 }, output_config: { effort: "high" } },
        context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
        tool_choice: { type: "auto", disable_parallel_tool_use: true },
      },
      headers,
    );
    expect([status, text.match(/event: message_stop/g)?.length]).toEqual([200, 1]);
    for (const part of ["You help.", "Rules.", "Place.", "system-reminder", "Look.", "18"])
      expect(given()).toContain(part);
    expect(given()).not.toContain("web_search");
  });
  test("documents that are text are read, others are refused", async () => {
    const document = (source: object) => ({ type: "document", title: "notes.txt", source, ...cached });
    const ask = (block: object) =>
      post("/v1/messages", {
        model: "org/m",
        max_tokens: 9,
        messages: [user([block, { type: "text", text: "Sum up." }])],
      });
    expect((await ask(document({ type: "text", media_type: "text/plain", data: "Buy milk." }))).status).toBe(200);
    expect(given()).toContain("notes.txt\n\nBuy milk.\n\nSum up.");
    await ask(document({ type: "content", content: [{ type: "text", text: "Sell milk." }] }));
    expect(given()).toContain("notes.txt\n\nSell milk.\n\nSum up.");
    const refused = await ask(document({ type: "base64", media_type: "application/pdf", data: "AAAA" }));
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining("type document")]);
  });
  test("its question for the quota, and counting of what it sends", async () => {
    const quota = { model: "org/m", max_tokens: 1, messages: [user("quota")], metadata: { user_id: "u" } };
    expect((await post("/v1/messages?beta=true", quota, headers)).body.stop_reason).toBe("max_tokens");
    const counted = await post("/v1/messages/count_tokens?beta=true", conversation, headers);
    expect(counted.body.input_tokens).toBeGreaterThan(100);
  });
});

describe("Codex CLI", () => {
  const message = (role: string, text: string) => ({ type: "message", role, content: [{ type: "input_text", text }] });
  const turn = {
    instructions: "You are a coding agent.",
    tools: [
      { type: "function", strict: false, ...LOOK },
      { type: "custom", name: "apply_patch", format: { type: "grammar", syntax: "lark", definition: "start: x" } },
      { type: "namespace", name: "agents", tools: [{ type: "function", name: "close_agent" }] },
      { type: "web_search", external_web_access: false },
    ],
    ...{ tool_choice: "auto", parallel_tool_calls: false, store: false, stream: true, prompt_cache_key: "k" },
    ...{ reasoning: { effort: "medium", summary: "auto" }, include: ["reasoning.encrypted_content"] },
    ...{ text: { verbosity: "medium" }, service_tier: "auto", client_metadata: { x: "y" } },
  };
  const opening = [
    message("developer", "Permissions."),
    message("developer", "Skills."),
    message("user", "<environment_context/>"),
    message("user", "Go"),
  ];
  test.each(["org/m", "last", "none"])("its instructions and those of the developer reach %s", async (model) => {
    const { status, text } = await post("/v1/responses", { model, ...turn, tools: [], input: opening });
    expect(status, text).toBe(200);
    expect(text).toContain("response.completed");
    for (const part of ["You are a coding agent.", "Permissions.", "Skills.", "environment_context", "Go"])
      expect(given()).toContain(part);
  });
  test("a later turn, with calls of functions and of tools that are its own", async () => {
    const input = [
      ...opening,
      { type: "reasoning", id: "rs_1", summary: [], content: null, encrypted_content: "abc" },
      { type: "function_call", name: "look", arguments: "{}", call_id: "c1" },
      { type: "function_call_output", call_id: "c1", output: [{ type: "input_text", text: "eighteen" }] },
      { type: "custom_tool_call", status: "completed", call_id: "c2", name: "apply_patch", input: "*** Begin Patch" },
      { type: "custom_tool_call_output", call_id: "c2", output: "Done!" },
      message("user", "And now?"),
    ];
    const { status, text } = await post("/v1/responses", { model: "org/m", ...turn, input });
    expect(status, text).toBe(200);
    for (const part of ["eighteen", "*** Begin Patch", "Done!", "And now?"]) expect(given()).toContain(part);
  });
  test("the same at the root, where other servers have it too", async () => {
    const made = (await post("/responses", { input: "Hi" })).body;
    const next = await post("/v1/responses", { input: "And?", previous_response_id: made.id });
    expect([made.object, next.status]).toEqual(["response", 200]);
  });
});

test.each([
  ["deepseek-r1", "first"],
  ["deepseek-r1-0528", "anywhere"],
  ["deepseek-v3", "anywhere"],
  ["gemma-2", "none"],
  ["gemma-3", "first"],
])("the published template of %s writes each system message: %s", (name, place) => {
  const template = readFileSync(join(root, "tests", "golden", "templates", `${name}.jinja`), "utf8");
  expect(templateHabits(ChatTemplate.of(scriptTokenizer({ template }))).systems).toBe(place);
});

describe("clients of OpenAI's responses", () => {
  const client = () => new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries: 0 });
  test("count tokens before they ask", async () => {
    const asked = { model: "org/m", input: "Hi", instructions: "Be kind." };
    const counted = await client().responses.inputTokens.count(asked);
    const made = await client().responses.create(asked);
    expect(counted).toEqual({ object: "response.input_tokens", input_tokens: made.usage?.input_tokens });
  });
  test("name items of stored responses in place of sending them; others' items are not there", async () => {
    const made = (await post("/v1/responses", { input: "Hi" })).body;
    const named = made.output.map(({ id }: { id: string }) => ({ type: "item_reference", id }));
    const next = await post("/v1/responses", { input: [user("Hi"), ...named, user("And?")] });
    expect(next.status, next.text).toBe(200);
    expect(given()).toContain("[assistant]Yes.[user]And?");
    const kept = await post("/v1/responses", { input: "Why?", previous_response_id: next.body.id });
    expect(kept.status).toBe(200);
    expect(given()).toContain("Yes.[user]And?[assistant]Yes.[user]Why?");
    const unknown = await post("/v1/responses", { input: [{ type: "item_reference", id: "msg_x" }] });
    expect([unknown.status, unknown.body.error.message]).toEqual([404, expect.stringContaining("msg_x")]);
    await send("DELETE", `/v1/responses/${made.id}`);
    expect((await post("/v1/responses", { input: [...named, user("And?")] })).status).toBe(404);
  });
  test.each([
    [{ conversation: "conv_1" }, "conversation"],
    [{ prompt: { id: "pmpt_1" } }, "prompt"],
  ])("%j stands for what is not here, and is refused", async (fields, param) => {
    const { status, body } = await post("/v1/responses", { input: "Hi", ...fields });
    expect([status, body.error.param]).toEqual([400, param]);
  });
});

describe("clients of chat completions", () => {
  test.each([
    ["OpenAI's fields", { store: true, metadata: { a: "b" }, service_tier: "auto", user: "u", verbosity: "low" }],
    ["null for what is left out", { stop: null, tools: null, tool_choice: null, response_format: null, n: null }],
    ["LangChain", { n: 1, parallel_tool_calls: false, tools: [chatTool(LOOK)], tool_choice: "auto", stop: [] }],
    ["Cline", { temperature: 0, stream_options: { include_usage: true }, stream: true, reasoning_effort: "medium" }],
    ["LibreChat", { presence_penalty: 0, frequency_penalty: 0, top_p: 1, user: "u", tools: [] }],
    ["OpenRouter's clients", { reasoning: { effort: "high", summary: "auto" }, include_reasoning: true }],
    ["aider", { temperature: 0, max_tokens: null, extra_headers: {}, prompt_cache_key: "k" }],
  ])("%s", async (_, fields) => {
    const { status, text } = await chat(fields);
    expect(status, text).toBe(200);
  });
  test("history of another model: refusals, null contents, empty lists of calls, names", async () => {
    const messages = [
      { role: "system", content: [{ type: "text", text: "Be kind.", cache_control: { type: "ephemeral" } }] },
      { ...user("Hi"), name: "ada" },
      { role: "assistant", content: [{ type: "refusal", refusal: "I cannot." }], tool_calls: [], refusal: null },
      user("Look"),
      { role: "assistant", content: null, function_call: null, audio: null, tool_calls: [call("c1", "look")] },
      { role: "tool", tool_call_id: "c1", content: [{ type: "text", text: "18" }] },
    ];
    const { status, text } = await chat({ messages });
    expect(status, text).toBe(200);
    for (const part of ["Be kind.", "I cannot.", "look", "18"]) expect(given()).toContain(part);
  });
  const call = (id: string, name: string) => ({ id, type: "function", function: { name, arguments: "{}" } });
  test("tools that may be called, of those that are there", async () => {
    const tools = [chatTool(LOOK), chatTool(WRITE)];
    const allowed = (mode: string, name: string) => ({
      type: "allowed_tools",
      allowed_tools: { mode, tools: [{ type: "function", function: { name } }] },
    });
    expect((await chat({ tools, tool_choice: allowed("auto", "write") })).status).toBe(200);
    expect([given().includes('"look"'), given().includes('"write"')]).toEqual([false, true]);
    const { body } = await chat({ tools, tool_choice: allowed("required", "write") });
    expect(body.choices[0].message.tool_calls[0].function.name).toBe("write");
    expect((await chat({ tools, tool_choice: allowed("auto", "other") })).body.error.param).toBe("tool_choice");
    for (const choice of [{ type: "allowed_tools", mode: "auto", tools: "x" }, { type: "allowed_tools" }, {}, 3])
      expect((await post("/v1/responses", { input: "Hi", tool_choice: choice })).body.error).toMatchObject({
        type: "invalid_request_error",
        param: expect.stringMatching(/^tool_choice/),
      });
    const flat = tools.map(({ function: { strict, ...rest } }) => ({ type: "function", ...rest }));
    const choice = { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "write" }] };
    const { output } = (await post("/v1/responses", { input: "Hi", tools: flat, tool_choice: choice })).body;
    expect(output.at(-1)).toMatchObject({ type: "function_call", name: "write" });
  });
  test.each([
    [{ reasoning: { effort: "high" } }, "Hm."],
    [{ reasoning: { max_tokens: 1 } }, "H"],
    [{ reasoning: { enabled: false } }, undefined],
    [{ reasoning: { effort: "none" } }, undefined],
    [{ enable_thinking: false }, undefined],
  ])("%j bounds the thought: %s", async (fields, thought) => {
    const { message } = (await chat(fields)).body.choices[0];
    expect([message.reasoning_content, message.content]).toEqual([thought, "Yes."]);
  });
  test.each([{ reasoning: { exclude: true } }, { include_reasoning: false }])(
    "%j keeps the thought back",
    async (fields) => {
      const { body } = await chat({ ...fields, logprobs: true });
      const [{ message, logprobs }] = body.choices;
      expect([message.content, message.reasoning_content, logprobs.reasoning_content]).toEqual([
        "Yes.",
        undefined,
        undefined,
      ]);
      expect(body.usage.completion_tokens_details.reasoning_tokens).toBe(4);
      const { text } = await chat({ ...fields, logprobs: true, stream: true });
      const chunks = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => JSON.parse(data).choices[0]);
      expect(chunks.map(({ delta }) => delta.content ?? "").join("")).toBe("Yes.");
      expect(chunks[0].delta).toEqual({ role: "assistant", content: "" });
      expect(text).not.toContain("reasoning_content");
    },
  );
  test("continue_final_message says whether the last message goes on", async () => {
    const messages = [user("Hi"), { role: "assistant", content: "Ye" }];
    await chat({ model: "json", messages, continue_final_message: true, add_generation_prompt: false });
    expect(given()).toMatch(/\[assistant\]Ye$/);
    await chat({ model: "json", messages, continue_final_message: false });
    expect(given()).toMatch(/\[assistant\]Ye\[assistant\]$/);
    const both = await chat({ messages, continue_final_message: true, add_generation_prompt: true });
    const none = await chat({ continue_final_message: true });
    expect([both.body.error.param, none.body.error.param]).toEqual([
      "continue_final_message",
      "continue_final_message",
    ]);
  });
  test.each(["json_schema", "guided_json"])("a schema by the name of %s holds the answer", async (name) => {
    const { body } = await chat({ model: "json", [name]: { const: "42" } });
    expect(body.choices[0].message.content).toBe('"42"');
  });
  test.each(["grammar", "guided_regex", "guided_choice", "guided_grammar", "structured_outputs"])(
    "%s would bind the answer in a way that is not here, and is refused",
    async (name) => {
      expect((await chat({ [name]: "x" })).body.error).toMatchObject({ param: name, code: "unsupported_value" });
      expect((await post("/v1/completions", { prompt: "x", [name]: "x" })).body.error).toMatchObject({ param: name });
    },
  );
});

describe("images", () => {
  const data = "data:image/png;base64,AAAA";
  test.each([
    ["/v1/chat/completions", { messages: [user([{ type: "image_url", image_url: { url: data } }])] }, "messages[0]"],
    ["/v1/responses", { input: [user([{ type: "input_image", image_url: data }])] }, "input[0]"],
  ])("%s refuses them by their place", async (path, body, place) => {
    const { status, body: told } = await post(path, body);
    expect([status, told.error.param]).toEqual([400, expect.stringContaining(place)]);
  });
  test("/v1/messages too, also in what a tool gives", async () => {
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } };
    const result = { type: "tool_result", tool_use_id: "t", content: [image] };
    for (const content of [[image], [result]]) {
      const { status, text } = await post("/v1/messages", { model: "org/m", max_tokens: 9, messages: [user(content)] });
      expect([status, text]).toEqual([400, expect.stringContaining("type image")]);
    }
  });
});

test("null counts as left out, in every field that may be left out", async () => {
  const asked = { model: "org/m", messages: [user("Hi")], prompt: "Hi", input: "Hi", max_tokens: 9, stream: false };
  const bodies: [path: string, schema: { shape: object }, needed: (keyof typeof asked)[]][] = [
    ["/v1/chat/completions", CHAT_REQUEST, ["messages"]],
    ["/v1/completions", TEXT_REQUEST, ["prompt"]],
    ["/v1/responses", RESPONSES_REQUEST, ["input"]],
    ["/v1/messages", MESSAGES_REQUEST, ["model", "messages", "max_tokens"]],
    ["/api/chat", OLLAMA_CHAT_REQUEST, ["model", "messages", "stream"]],
    ["/api/generate", GENERATE_REQUEST, ["model", "prompt", "stream"]],
  ];
  for (const [path, { shape }, needed] of bodies) {
    const nulls = Object.fromEntries(Object.keys(shape).map((name) => [name, null]));
    const { status, text } = await post(path, {
      ...nulls,
      ...Object.fromEntries(needed.map((key) => [key, asked[key]])),
    });
    expect(status, `${path}: ${text}`).toBe(200);
  }
});

test("a body that is compressed is refused for that", async () => {
  const { status, body } = await post("/v1/chat/completions", { messages: [] }, { "content-encoding": "zstd" });
  expect([status, body.error.message]).toEqual([400, expect.stringContaining("zstd")]);
});
