// Chat templates beyond the published ones: several by name, those that refuse, and the begin token that must not come
// twice.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DataError } from "../errors.js";
import { createByteTokenizer } from "./byte-tokenizer.js";
import { type ChatMessage, ChatTemplate, encodePrompt } from "./chat-template.js";
import type { Tokenizer } from "./tokenizer.js";
import { loadTokenizer, saveTokenizer } from "./tokenizer-files.js";

const plain = createByteTokenizer({ bos: "<b>", eos: "<e>" });
const withTemplate = (chat_template: unknown): Tokenizer =>
  Object.assign(Object.create(plain), { config: { chat_template } });
const render = (source: unknown, messages: readonly ChatMessage[], tools?: object[]) =>
  ChatTemplate.of(withTemplate(source))?.render(messages, { openAssistant: true, tools });
const ASK: ChatMessage[] = [{ role: "user", content: "hi" }];

test("a tokenizer without a template has none", () => {
  for (const source of [undefined, null, [], [{ name: "default" }], 3])
    expect(ChatTemplate.of(withTemplate(source))).toBeUndefined();
});
test("of several templates tools take their own", () => {
  const sources = [
    { name: "default", template: "plain {{ messages[0].content }}" },
    { name: "tool_use", template: "tools {{ tools | length }}" },
  ];
  expect(render(sources, ASK)).toBe("plain hi");
  expect(render(sources, ASK, [{}, {}])).toBe("tools 2");
  expect(() => render(sources.slice(1), ASK)).toThrow(/chat templates tool_use, but none named default/);
});
test("a template that refuses, or cannot be read, is one line", () => {
  const refusing = "{% if messages[0].role != 'system' %}{{ raise_exception('Only\n with a system') }}{% endif %}";
  expect(() => render(refusing, ASK)).toThrow(
    new DataError("the model's chat template refuses this conversation: Only with a system"),
  );
  expect(() => render("{% for %}", ASK)).toThrow(/^the model's chat template cannot be read: .+$/);
});
test("a turn whose role the template passes over is an error, not lost", () => {
  const users = "{% for m in messages %}{% if m.role in ['user', 'tool'] %}{{ m.content }}{% endif %}{% endfor %}";
  expect(render(users, [...ASK, { role: "tool", content: "!" }])).toBe("hi!");
  expect(() => render(users, [{ role: "system", content: "x" }, ...ASK])).toThrow(/does not support the role "system"/);
});
test("a prompt has one begin token, whoever writes it", () => {
  for (const text of ["<b>hi", "hi"]) expect([...encodePrompt(plain, text)]).toEqual([256, 104, 105]);
  expect([...encodePrompt(createByteTokenizer(), "hi")]).toEqual([104, 105]);
});
test("a template in a file of its own counts before the one in tokenizer_config.json", () => {
  const folder = mkdtempSync(join(tmpdir(), "luciole-template-"));
  saveTokenizer(plain, folder);
  writeFileSync(
    join(folder, "tokenizer_config.json"),
    JSON.stringify({ bos_token: "<b>", eos_token: "<e>", chat_template: "config" }),
  );
  const rendered = () => ChatTemplate.of(loadTokenizer(folder))?.render(ASK, { openAssistant: true });
  expect(rendered()).toBe("config");
  writeFileSync(join(folder, "chat_template.jinja"), "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}");
  expect(rendered()).toBe("<b>hi<e>");
  rmSync(folder, { recursive: true });
});
