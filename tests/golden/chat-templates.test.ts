// Conversations through chat templates, most of them published, against what `transformers` makes of them.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DataError } from "../../src/errors.js";
import { type ChatMessage, ChatTemplate, createByteTokenizer, type Tokenizer } from "../../src/tokenizer/index.js";

interface Golden {
  readonly conversations: readonly {
    readonly name: string;
    readonly messages: ChatMessage[];
    readonly tools: object[] | null;
    readonly openAssistant: boolean;
  }[];
  readonly rendered: Readonly<
    Record<string, Readonly<Record<string, { readonly text?: string; readonly refused?: string }>>>
  >;
}

const folder = new URL("templates/", import.meta.url);
const { conversations, rendered }: Golden = JSON.parse(readFileSync(new URL("rendered.json", folder), "utf8"));
const plain = createByteTokenizer({ bos: "<｜begin▁of▁sentence｜>", eos: "<｜end▁of▁sentence｜>" });

/** A tokenizer with a template. */
const withTemplate = (chat_template: unknown): Tokenizer =>
  Object.assign(Object.create(plain), { config: { chat_template } });

describe.each(Object.keys(rendered))("%s", (name) => {
  const template = ChatTemplate.of(
    withTemplate(readFileSync(new URL(`${name}.jinja`, folder), "utf8")),
  ) as ChatTemplate;
  test.each(conversations.filter((each) => each.name !== "unknown role"))(
    "renders $name as transformers does",
    ({ name: which, messages, tools, openAssistant }) => {
      const render = () => template.render(messages, { openAssistant, tools: tools ?? undefined });
      const { text } = rendered[name][which];
      if (text === undefined) expect(render).toThrow(DataError);
      else expect(render()).toBe(text);
    },
  );
  test("does not lose a turn of a role the template passes over", () => {
    const { messages } = conversations.find((each) => each.name === "unknown role") as Golden["conversations"][number];
    const { text } = rendered[name]["unknown role"];
    if (text !== undefined) expect(text).not.toContain("Be brief.");
    expect(() => template.render(messages, { openAssistant: true })).toThrow(
      text === undefined ? DataError : /does not support the role "developer"/,
    );
  });
});
