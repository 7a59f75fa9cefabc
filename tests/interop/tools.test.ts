// Tools through OpenAI's client: the three ways that models write calls, read from their tokens; forced calls whose
// arguments obey their schema; calls and results of earlier turns as the template has them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import OpenAI from "openai";
import { beforeAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../src/package-root.js";
import { scriptedServer } from "./scripted-server.js";

const golden = (name: string) => readFileSync(join(packageRoot(), "tests", "golden", "templates", name), "utf8");
const QWEN =
  "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content or '' }}" +
  '{% for c in m.tool_calls or [] %}<tool_call>\n{"name": "{{ c.function.name }}", "arguments": ' +
  "{{ c.function.arguments | tojson }}}\n</tool_call>{% endfor %}<|im_end|>\n{% endfor %}" +
  "{% if tools %}# Tools: {{ tools | tojson }}{% endif %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
const LLAMA =
  "{% for m in messages %}[{{ m.role }}]{{ m.content or '' }}{% endfor %}" +
  "{% if tools %}python_tag {{ tools | tojson }}{% endif %}[assistant]";
const DEEPSEEK_TAGS = [
  ...["<think>", "</think>", "<｜User｜>", "<｜Assistant｜>", "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"],
  ...["<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>"],
];
const PARIS = '{"city": "Paris 🗼"}';
const FORCED = `[{"name": "weather", "arguments": ${PARIS}}]`;
const MODELS = {
  deepseek: {
    template: golden("deepseek-r1-0528.jinja"),
    tags: DEEPSEEK_TAGS,
    call:
      "<think>\nI must look.\n</think>\n\nOne moment.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n" +
      `\`\`\`json\n${PARIS}\n\`\`\`<｜tool▁call▁end｜><｜tool▁calls▁end｜>`,
    forced: `<think>\nI must look.\n</think>${FORCED}`,
  },
  qwen: {
    template: QWEN,
    tags: ["<|im_start|>", "<|im_end|>", "<think>", "</think>", "<tool_call>", "</tool_call>"],
    call: `One moment.\n<tool_call>\n{"name": "weather", "arguments": ${PARIS}}\n</tool_call>`,
    forced: FORCED,
  },
  llama: { template: LLAMA, tags: [], call: `{"name": "weather", "parameters": ${PARIS}}`, forced: FORCED },
};
type Name = keyof typeof MODELS;

const TOOLS: OpenAI.ChatCompletionTool[] = [
  {
    type: "function",
    function: {
      name: "weather",
      description: "Tells the weather",
      parameters: {
        type: "object",
        properties: { city: { $ref: "#/$defs/city" } },
        required: ["city"],
        additionalProperties: false,
        $defs: { city: { type: "string", maxLength: 10 } },
      },
    },
  },
  { type: "function", function: { name: "time" } },
];

const prompts: string[] = [];
let client: OpenAI;
beforeAll(async () => {
  const scripts = Object.entries(MODELS).map(([name, { template, tags, call, forced }]) => [
    name,
    {
      template,
      tags,
      says(prompt: string) {
        prompts.push(prompt);
        return prompt.includes("FORCED") ? forced : prompt.includes("18 degrees") ? "It is warm." : call;
      },
    },
  ]);
  const server = await scriptedServer(Object.fromEntries(scripts));
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "any", maxRetries: 0 });
});

const user = (content: string) => ({ role: "user" as const, content });

describe.each(Object.keys(MODELS) as Name[])("%s", (model) => {
  const text = model === "llama" ? null : "One moment.";
  test("a call is read from the model's own tokens, whole", async () => {
    const { choices } = await client.chat.completions.create({ model, messages: [user("Paris?")], tools: TOOLS });
    const { message, finish_reason: reason } = choices[0];
    expect({ reason, content: message.content }).toEqual({ reason: "tool_calls", content: text });
    expect(message.tool_calls).toEqual([
      { id: expect.stringMatching(/^call_/), type: "function", function: { name: "weather", arguments: PARIS } },
    ]);
    if (model === "deepseek") expect(message).toMatchObject({ reasoning_content: "I must look." });
    expect(prompts.at(-1)).toContain("Tells the weather");
  });
  test("streamed: name and id once, then the arguments in fragments", async () => {
    const messages = [user("Paris?")];
    const deltas = [];
    for await (const { choices } of await client.chat.completions.create({
      model,
      messages,
      tools: TOOLS,
      stream: true,
    }))
      deltas.push(...(choices[0].delta.tool_calls ?? []));
    expect(deltas[0]).toEqual({
      index: 0,
      id: expect.stringMatching(/^call_/),
      type: "function",
      function: { name: "weather", arguments: "" },
    });
    expect(deltas.slice(1).every((delta) => delta.id === undefined && delta.function?.name === undefined)).toBe(true);
    expect(deltas.length).toBeGreaterThan(5);
    expect(deltas.map((delta) => delta.function?.arguments).join("")).toBe(PARIS);
  });
  test.each(["required", { type: "function", function: { name: "weather" } }] as const)(
    "tool_choice %j holds the answer to a call of the schema",
    async (tool_choice) => {
      const messages = [user("FORCED")];
      // Without chance: the grammar takes away what the script would say, and leaves several tokens alike.
      const asked = { model, messages, tools: TOOLS, tool_choice, temperature: 0 };
      const { choices } = await client.chat.completions.create(asked);
      expect(choices[0]).toMatchObject({ finish_reason: "tool_calls", message: { content: null } });
      expect(choices[0].message.tool_calls).toMatchObject([{ function: { name: "weather", arguments: PARIS } }]);
    },
  );
  test("tool_choice none tells the model of no tool, and reads none", async () => {
    const messages = [user("FORCED")];
    const { choices } = await client.chat.completions.create({ model, messages, tools: TOOLS, tool_choice: "none" });
    expect(choices[0].message).toMatchObject({ content: FORCED });
    expect(prompts.at(-1)).not.toContain("Tells the weather");
  });
  test("an earlier call and its result stand in the prompt as the template writes them", async () => {
    const call = { id: "call_1", type: "function" as const, function: { name: "weather", arguments: PARIS } };
    const reply = await client.chat.completions.create({
      model,
      messages: [
        user("Paris?"),
        { role: "assistant", content: null, tool_calls: [call] },
        { role: "tool", tool_call_id: "call_1", content: "18 degrees" },
      ],
      tools: TOOLS,
    });
    expect(reply.choices[0].message.content).toBe("It is warm.");
    if (model === "qwen") expect(prompts.at(-1)).toContain(`"arguments": ${PARIS}}`);
    if (model === "deepseek") expect(prompts.at(-1)).toContain(`weather\n\`\`\`json\n${PARIS}\n\`\`\``);
  });
});

test("arguments that the schema does not allow are not made: a city is cut at ten characters", async () => {
  const long = `[{"name": "weather", "arguments": {"city": "Llanfairpwllgwyngyll"}}]`;
  const server = await scriptedServer({ one: { ...MODELS.qwen, says: () => long } });
  const own = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "any", maxRetries: 0 });
  const request = { model: "one", messages: [user("Go")], tools: TOOLS, temperature: 0, max_tokens: 200 };
  const { choices } = await own.chat.completions.create({ ...request, tool_choice: "required" });
  const [call] = choices[0].message.tool_calls ?? [];
  expect(call).toMatchObject({ function: { name: "weather" } });
  const { city } = JSON.parse((call as { function: { arguments: string } }).function.arguments);
  expect(city).toBe("Llanfairpw");
});

describe("a template that knows no tools", () => {
  const CHATML =
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}" +
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
  const STRICT = "{% for m in messages %}{{ raise_exception('no') if m['role'] == 'tool' }}{% endfor %}";
  const call = (id: string) => ({ id, type: "function" as const, function: { name: "weather", arguments: PARIS } });
  const WRITTEN = `<tool_call>\n{"name": "weather", "arguments": ${PARIS}}\n</tool_call>`;
  test.each([
    ["writes any role", CHATML, "tool"],
    ["refuses the role of results", STRICT + CHATML, "user"],
  ])("that %s sees earlier calls as the model writes them, and their results", async (_, template, role) => {
    const seen: string[] = [];
    const says = (prompt: string) => {
      seen.push(prompt);
      return "It is warm.";
    };
    const server = await scriptedServer({ one: { template, says } });
    const own = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "any", maxRetries: 0 });
    const reply = await own.chat.completions.create({
      model: "one",
      messages: [
        user("Paris?"),
        { role: "assistant", content: "I look.", tool_calls: [call("call_1"), call("call_2")] },
        { role: "tool", tool_call_id: "call_1", content: "18 degrees" },
      ],
      tools: TOOLS,
    });
    expect(reply.choices[0].message.content).toBe("It is warm.");
    expect(seen.at(-1)).toContain(
      `<|im_start|>assistant\nI look.\n${WRITTEN}\n${WRITTEN}<|im_end|>\n<|im_start|>${role}\n18 degrees<|im_end|>`,
    );
  });
});
