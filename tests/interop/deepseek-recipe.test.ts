// Where DeepSeek's own conversions (PyPI deepseek-recipe 0.2.0, MIT) and this server once differed. What is expected is
// what that package gives; `bench/peers/deepseek-recipe` holds the two against each other over thousands of cases.
import { beforeAll, describe, expect, test } from "vitest";
import { scriptedServer } from "./scripted-server.js";

/** Thinks unless told not to, and writes calls in a form of its own, which needs arguments as an object. */
const TEMPLATE =
  "{% for m in messages %}[{{ m.role }}|{{ m.reasoning_content }}]{{ m.content }}" +
  "{% for c in m.tool_calls or [] %}<call {{ c.function.name }}{% for k, v in c.function.arguments | items %} {{ k }}={{ v }}" +
  "{% endfor %}>{% endfor %}{% endfor %}{% if tools %}{{ tools | tojson }}<tool_call>{% endif %}" +
  "{{ '#' + reasoning_effort if reasoning_effort }}" +
  "[assistant]{% if thinking is defined and not thinking %}</think>{% else %}<think>{% endif %}";

let url: string;
let said = "Hm.</think>Yes.";
const prompts: string[] = [];

beforeAll(async () => {
  const says = (prompt: string) => {
    prompts.push(prompt);
    return said;
  };
  ({ url } = await scriptedServer({ m: { template: TEMPLATE, tags: ["<think>", "</think>"], says } }));
});

let numAsked = 0;
async function post(path: string, body: object, reply = "Hm.</think>Yes.") {
  said = reply;
  const response = await fetch(`${url}${path}`, { method: "POST", body: JSON.stringify({ model: "m", ...body }) });
  return { status: response.status, body: JSON.parse(await response.text()) };
}
const user = (content: unknown) => ({ role: "user", content });
/** What the model was given for the messages. */
async function promptOf(path: string, body: object): Promise<string> {
  const { status, body: told } = await post(path, body);
  expect([status, told]).toEqual([200, expect.anything()]);
  return prompts.at(-1) as string;
}
const chat = (messages: readonly object[], more: object = {}) =>
  promptOf("/v1/chat/completions", { messages, ...more });

describe("a reply", () => {
  const replyTo = async (reply: string, more: object = {}) => {
    const { body } = await post("/v1/chat/completions", { messages: [user(`no. ${numAsked++}`)], ...more }, reply);
    const { content, reasoning_content: thought, tool_calls: calls } = body.choices[0].message;
    return { thought, content, ...(calls && { calls: calls.length }) };
  };
  const TOOLS = { tools: [{ type: "function", function: { name: "look", parameters: { type: "object" } } }] };
  const CALL = '<tool_call>\n{"name": "look", "arguments": {}}\n</tool_call>';

  test.each([
    [
      "line breaks between thought and answer are left out, other blanks stay",
      "\n\n Hm. \n\n</think>\n\n  code\n",
      " Hm. ",
      "  code\n",
    ],
    ["a thought that is cut off keeps its end", "\nHm.\n", "Hm.\n", ""],
  ])("%s", async (_, reply, thought, content) => {
    const cut = reply.includes("</think>") ? {} : { max_tokens: reply.length };
    expect(await replyTo(reply, cut)).toEqual({ thought, content });
  });
  test("line breaks before calls are left out", async () => {
    const told = await replyTo(`Hm.</think>\n\nI look. \n\n${CALL}`, TOOLS);
    expect(told).toEqual({ thought: "Hm.", content: "I look. ", calls: 1 });
  });
  test("one that goes on with a given thought keeps the line breaks it begins with", async () => {
    const begun = { role: "assistant", content: "", reasoning_content: "Let me see." };
    const messages = [user("x"), begun];
    expect(await replyTo("\n\nSo.\n</think>\nYes.", { messages })).toEqual({ thought: "\n\nSo.", content: "Yes." });
  });
});

describe("parts of a message are paragraphs", () => {
  const parts = (type: string) => ["a", "b"].map((text) => ({ type, text }));
  test("of users and assistants in chats", async () => {
    const prompt = await chat([user(parts("text")), { role: "assistant", content: parts("text") }, user("c")]);
    expect(prompt).toContain("[user|]a\n\nb[assistant|]a\n\nb[user|]c");
  });
  test("of thoughts and texts in Anthropic's messages", async () => {
    const thinking = ["s", "t"].map((each) => ({ type: "thinking", thinking: each, signature: "x" }));
    const messages = [user("x"), { role: "assistant", content: [...thinking, ...parts("text")] }, user("c")];
    const prompt = await promptOf("/v1/messages", { max_tokens: 9, messages });
    expect(prompt).toContain("[assistant|s\n\nt]a\n\nb[user|]c");
  });
  test("items that an assistant made in a row are one turn, whatever their order", async () => {
    const said = (text: string) => ({ type: "message", role: "assistant", content: [{ type: "output_text", text }] });
    const call = { type: "function_call", call_id: "1", name: "look", arguments: '{"at":"x"}' };
    const output = { type: "function_call_output", call_id: "1", output: parts("input_text") };
    const input = [user(parts("input_text")), said("a"), call, said("b"), output, user("c")];
    const prompt = await promptOf("/v1/responses", { input });
    expect(prompt).toContain("[user|]a\n\nb[assistant|]a\n\nb<call look at=x>[tool|]a\n\nb[user|]c");
  });
});

describe("calls in earlier turns", () => {
  const call = (id: string, given: string) => ({ id, type: "function", function: { name: "look", arguments: given } });
  const result = (id: string) => ({ role: "tool", tool_call_id: id, content: `of ${id}` });
  const turn = (...calls: object[]) => ({ role: "assistant", content: null, tool_calls: calls });

  test("results stand in the order of the calls, as templates show no ids", async () => {
    const calls = turn(call("b", '{"at":1}'), call("a", '{"at":2}'));
    const prompt = await chat([user("x"), calls, result("a"), result("b"), user("y")]);
    expect(prompt).toContain("<call look at=1><call look at=2>[tool|]of b[tool|]of a[user|]y");
  });
  test("results of unknown calls stay where they are", async () => {
    const prompt = await chat([
      user("x"),
      turn(call("b", "{}"), call("a", "{}")),
      result("z"),
      result("a"),
      result("b"),
    ]);
    expect(prompt).toContain("[tool|]of z[tool|]of a[tool|]of b");
  });
  test("arguments that are no JSON, as where an answer was cut off, go to the model as they are", async () => {
    expect(await chat([user("x"), turn(call("a", '{"at":')), result("a")])).toContain(
      'look malformed_arguments={"at":>',
    );
  });
});

describe("thinking", () => {
  test("the switch counts more than the effort `none`", async () => {
    const prompt = await chat([user("x")], { thinking: { type: "enabled" }, reasoning_effort: "none" });
    expect(prompt).toMatch(/\[user\|\]x\[assistant\]<think>$/);
  });
  test("`ultra` is an effort", async () => {
    expect(await chat([user("x")], { reasoning_effort: "ultra" })).toContain("#ultra");
  });
  test.each([
    ["a thought and an answer", { content: "It", reasoning_content: "Hm" }, {}, "<think>Hm</think>It"],
    ["an answer", { content: "It" }, {}, "<think></think>It"],
    ["a thought that is not wanted", { content: "It", reasoning_content: "Hm" }, { type: "disabled" }, "</think>It"],
  ])("a reply that begins with %s has the template's own spacing", async (_, begun, thinking, end) => {
    const more = "type" in thinking ? { thinking } : {};
    const prompt = await chat([user("x"), { role: "assistant", prefix: true, ...begun }], more);
    expect(prompt.endsWith(`[assistant]${end}`)).toBe(true);
  });
});
