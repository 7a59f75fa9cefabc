// A conversation with a model that says what it is told to: what is asked, what is told of the reply, what is kept.
import { expect, test } from "vitest";
import { ConfigError, DataError } from "../../errors.js";
import { createByteTokenizer } from "../../tokenizer/byte-tokenizer.js";
import { createTokenizer } from "../../tokenizer/create-tokenizer.js";
import { ActiveRequest } from "../runtime/active-request.js";
import type { FinishReason } from "../runtime/request.js";
import { type ChatEvent, type ChatModel, type ChatSampling, ChatSession } from "./chat-session.js";
import { chatStyle } from "./chat-style.js";

const TEMPLATE =
  "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{% if '</think>' in m.content %}{{ " +
  "m.content.split('</think>')[-1] }}{% else %}{{ m.content }}{% endif %}" +
  "{% endfor %}{% if add_generation_prompt %}[assistant]<think>\n{% endif %}";
const plain = createByteTokenizer({ bos: "<b>" });
/** Its template leaves the thinking to the model. */
const unopened = createTokenizer(plain.toJSON(), {
  bos_token: "<b>",
  chat_template: TEMPLATE.replace("<think>\n", ""),
});
const chatty = createTokenizer(plain.toJSON(), { bos_token: "<b>", chat_template: TEMPLATE });

/** Says the replies in turn, byte by byte, and keeps what it was asked. */
class ScriptedModel implements ChatModel {
  readonly maxPositions = 200;
  readonly asked: string[] = [];
  readonly samplings: (ChatSampling & { readonly maxNewTokens: number })[] = [];

  constructor(private readonly replies: readonly { readonly text: string; readonly end?: FinishReason }[]) {}

  reply({ prompt, form, sampling, maxNewTokens }: Parameters<ChatModel["reply"]>[0]) {
    const { text, end = "stop" } = this.replies[this.asked.length];
    this.asked.push(prompt.text);
    this.samplings.push({ ...sampling, maxNewTokens });
    const request = { prompt: prompt.ids, form, thinking: { startsInside: prompt.startsInside } };
    const said = new ActiveRequest(request, Number.POSITIVE_INFINITY, plain, { onLeave() {} });
    for (const id of plain.encode(text)) said.take(id, 0);
    said.finish(end);
    return { result: said.result, [Symbol.asyncIterator]: () => said.events[Symbol.asyncIterator]() };
  }
}

async function ask(
  session: ChatSession,
  question: string,
  sampling: ChatSampling = {},
): Promise<Extract<ChatEvent, { kind: "end" }>> {
  let end: ChatEvent | undefined;
  for await (const event of session.ask(question, sampling)) end = event;
  return end as Extract<ChatEvent, { kind: "end" }>;
}

test("thinking and answer are told apart, counted, and the thinking stays out of the next prompt", async () => {
  const model = new ScriptedModel([{ text: "so so</think>\n\nyes" }, { text: "</think>no" }]);
  const session = new ChatSession(model, chatStyle(chatty, null));
  session.system = "Be brief.";
  const { thinking, answer, figures } = await ask(session, "a?");
  expect({ thinking, answer }).toEqual({ thinking: "so so", answer: "\n\nyes" });
  expect(figures).toMatchObject({ numTokens: 18, numThinking: 13, finishReason: "stop" });
  await ask(session, "b?");
  expect(model.asked).toEqual([
    "<b>[system]Be brief.[user]a?[assistant]<think>\n",
    "<b>[system]Be brief.[user]a?[assistant]\n\nyes[user]b?[assistant]<think>\n",
  ]);
  expect(session.totals).toMatchObject({ numReplies: 2, numTokens: 28 });
});

test("every reply has a seed of its own, and at most what the context leaves", async () => {
  const model = new ScriptedModel([{ text: "</think>a" }, { text: "</think>a" }, { text: "</think>a" }]);
  const session = new ChatSession(model, chatStyle(chatty, null));
  await ask(session, "a?", { seed: 5 });
  await ask(session, "a?", { seed: 5, maxTokens: 7 });
  const seeds = model.samplings.map(({ seed }) => seed);
  expect(seeds).toEqual([5, 6]);
  expect(model.samplings.map(({ maxNewTokens }) => maxNewTokens)).toEqual([
    200 - plain.encode(model.asked[0]).length,
    7,
  ]);
});

test("a reply without an answer is forgotten with its question; one cut off in its answer is kept", async () => {
  const session = new ChatSession(
    new ScriptedModel([
      { text: "hm", end: "cancelled" },
      { text: "</think>ye", end: "cancelled" },
    ]),
    chatStyle(chatty, null),
  );
  expect((await ask(session, "a?")).figures.finishReason).toBe("cancelled");
  expect(session.messages).toEqual([]);
  await ask(session, "b?");
  expect(session.messages).toEqual([
    { role: "user", content: "b?" },
    { role: "assistant", content: "ye" },
  ]);
});

test("a conversation longer than the context is an error with both numbers", async () => {
  const session = new ChatSession(new ScriptedModel([{ text: "</think>a" }]), chatStyle(chatty, null));
  await expect(ask(session, "x".repeat(300))).rejects.toThrow(
    new ConfigError("the prompt has 326 tokens, the model's context is 200; shorten it"),
  );
  await ask(session, "a?");
  await expect(ask(session, "x".repeat(300))).rejects.toThrow(/or start over with \/clear/);
});

test("a model trained on single questions remembers none and takes no system prompt", async () => {
  const model = new ScriptedModel([{ text: "<think>t</think><answer>1</answer>" }, { text: "2" }]);
  const session = new ChatSession(model, chatStyle(plain, "compact"));
  expect(await ask(session, "3 7 = 10")).toMatchObject({ thinking: "t", answer: "1" });
  await ask(session, "1 2 = 3");
  expect(model.asked).toEqual(["Q:3 7=10\nA:", "Q:1 2=3\nA:"]);
  session.system = "x";
  await expect(ask(session, "?")).rejects.toThrow(/no chat template, so it cannot use a system prompt/);
});

test("a model without any template goes on with what is typed", async () => {
  const style = chatStyle(plain, null);
  expect([style.kind, style.prompt([{ role: "user", content: "Once " }]).text]).toEqual(["text", "Once "]);
  expect(chatStyle(chatty, null).kind).toBe("conversation");
  expect(chatStyle(chatty, null, { raw: true }).prompt([{ role: "user", content: "Once " }]).text).toBe("Once ");
});

test("a saved conversation goes on, and what is none is refused", async () => {
  const model = new ScriptedModel([{ text: "t</think>yes" }, { text: "</think>a" }]);
  const session = new ChatSession(model, chatStyle(chatty, null));
  session.system = "S";
  await ask(session, "a?");
  const saved = JSON.parse(JSON.stringify(session.save()));
  const other = new ChatSession(model, chatStyle(chatty, null));
  other.load(saved);
  expect(other.save()).toEqual(saved);
  for (const bad of [null, 3, {}, { messages: [{ role: "user" }] }, { messages: [], system: 3 }])
    expect(() => other.load(bad)).toThrow(DataError);
});

test("a reply with nothing but a closing tag was thinking up to it, and the events say so when it comes", async () => {
  const session = new ChatSession(new ScriptedModel([{ text: "so so</think>yes" }]), chatStyle(unopened, null));
  const told = { thought: "", answer: "" };
  const kinds: string[] = [];
  for await (const event of session.ask("a?", {})) {
    if (event.kind !== kinds.at(-1)) kinds.push(event.kind);
    if (event.kind === "piece") told[event.part] += event.text;
    if (event.kind === "recast") Object.assign(told, { thought: told.answer, answer: "" });
    if (event.kind === "end")
      expect(event).toMatchObject({ thinking: "so so", answer: "yes", figures: { numThinking: 13 } });
  }
  expect({ told, kinds }).toEqual({
    told: { thought: "so so", answer: "yes" },
    kinds: ["piece", "recast", "piece", "end"],
  });
});
