// What a request's text says: stop texts, thinking and its bounds, loops, half characters. On a model that follows a
// script.
import { beforeEach, describe, expect, test } from "vitest";
import { createReferenceBackend } from "../../backends/reference.js";
import { Device, setDefaultDevice } from "../../tensor/device.js";
import { createByteTokenizer } from "../../tokenizer/byte-tokenizer.js";
import { createTokenizer } from "../../tokenizer/create-tokenizer.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import { Engine, type Speculation } from "./engine.js";
import { ScriptRunner } from "./fake-runner.fixture.js";
import type { Completion, GenerationRequest, TokenEvent } from "./request.js";

beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));

const bytes = createByteTokenizer({ bos: "<s>", eos: "</s>", tags: ["<think>", "</think>"] });
/** The same, but that it flags the tags as control tokens. */
const flaggedBytes = createTokenizer(
  { ...bytes.toJSON(), added_tokens: bytes.toJSON().added_tokens?.map((token) => ({ ...token, special: true })) },
  { eos_token: "</s>" },
);
/** The tags cut into bytes, as by a tokenizer that does not know them. */
const plainBytes = createByteTokenizer({ bos: "<s>", eos: "</s>" });
const PROMPT = [65, 66, 67];

interface Reply {
  readonly result: Completion;
  readonly events: readonly TokenEvent[];
}
/** What comes of a request when the model would say `text`. */
async function reply(
  text: string,
  request: Partial<GenerationRequest> = {},
  tokenizer: Tokenizer = bytes,
  speculation: Speculation = "lookup",
): Promise<Reply> {
  const script = [...PROMPT, ...tokenizer.encode(text)];
  const engine = new Engine({ runner: new ScriptRunner(tokenizer.vocabSize, script), tokenizer, speculation });
  const running = engine.submit({
    prompt: PROMPT,
    maxNewTokens: script.length - PROMPT.length,
    stopIds: [tokenizer.eosId!],
    sampling: { temperature: 0 },
    ...request,
  });
  const events: TokenEvent[] = [];
  for await (const event of running) events.push(event);
  const result = await running.result;
  expect(events.map((e) => e.text).join("")).toBe(result.text);
  expect(events.map((e) => e.id)).toEqual([...result.ids]);
  expect(engine.stats().blocksUsed).toBe(0);
  return { result, events };
}

describe("what a token belongs to", () => {
  const partsOf = async (text: string, tokenizer: Tokenizer) => {
    const { events } = await reply(text, {}, tokenizer);
    const parts: [string, string][] = [];
    for (const { part, id } of events) {
      const last = parts.at(-1);
      const said = tokenizer.decode([id]);
      if (last?.[0] === part) last[1] += said;
      else parts.push([part, said]);
    }
    return parts;
  };
  const withTools = (...tags: string[]) =>
    createByteTokenizer({ bos: "<s>", eos: "</s>", tags: ["<think>", "</think>", ...tags] });
  test("is a call of a tool between its tags, but not in the thought", async () => {
    expect(
      await partsOf(
        "<think>a <tool_call></think>b <tool_call>{}</tool_call> c",
        withTools("<tool_call>", "</tool_call>"),
      ),
    ).toEqual([
      ["thought", "<think>a <tool_call></think>"],
      ["answer", "b "],
      ["tool call", "<tool_call>{}</tool_call>"],
      ["answer", " c"],
    ]);
  });
  test("is a call to the end, where nothing closes it", async () => {
    expect(await partsOf("a[TOOL_CALLS][{}]", withTools("[TOOL_CALLS]"))).toEqual([
      ["answer", "a"],
      ["tool call", "[TOOL_CALLS][{}]"],
    ]);
  });
  test("is the answer, where the tags are no tokens", async () => {
    expect(await partsOf("<tool_call>{}</tool_call>", bytes)).toEqual([["answer", "<tool_call>{}</tool_call>"]]);
  });
});

describe("the text", () => {
  test("ends before a stop text that tokens cut, and no event shows a part of it", async () => {
    const { result, events } = await reply("one two STOP three", { stop: ["STOP"] });
    expect(result).toMatchObject({ text: "one two ", finishReason: "stop", stopText: "STOP" });
    expect(events.every((e) => !e.text.includes("S"))).toBe(true);
  });
  test("is whole when a stop text only began", async () => {
    expect((await reply("one STO", { stop: ["STOP"] })).result).toMatchObject({
      text: "one STO",
      finishReason: "length",
    });
  });
  test("has no half characters in any event", async () => {
    const { result, events } = await reply("naïve 🙂 日本</s>");
    expect(result).toMatchObject({ text: "naïve 🙂 日本", finishReason: "stop" });
    expect(events.every((e) => !e.text.includes("\uFFFD"))).toBe(true);
  });
  test("shows a character cut off by the end as U+FFFD", async () => {
    expect((await reply("a🙂", { maxNewTokens: 3 })).result.text).toBe("a\uFFFD");
  });
  test("does not have the stop token, the ids do", async () => {
    const { result } = await reply("ab</s>cd");
    expect(result).toMatchObject({ text: "ab", finishReason: "stop" });
    expect(result.ids.at(-1)).toBe(bytes.eosId);
  });
});

describe.each([
  ["as tokens", bytes],
  ["flagged as special", flaggedBytes],
  ["as text", plainBytes],
])("thinking with tags %s", (_, tokenizer) => {
  const inside = { startsInside: true };
  test("is told apart, and stop texts in it do not count", async () => {
    const { result, events } = await reply("a STOP b</think>yes STOP", { thinking: inside, stop: ["STOP"] }, tokenizer);
    expect(result).toMatchObject({ text: "a STOP b</think>yes ", stopText: "STOP", isThinkClosed: true });
    const numThinking = tokenizer.encode("a STOP b</think>").length;
    expect(events.map((e) => e.part)).toEqual(events.map((_e, i) => (i < numThinking ? "thought" : "answer")));
  });
  test("can be opened by the completion itself", async () => {
    expect((await reply("<think>hm</think>yes</s>", {}, tokenizer)).result).toMatchObject({
      text: "<think>hm</think>yes",
      isThinkClosed: true,
    });
  });
  test("is closed by force when its budget is spent, and the answer follows", async () => {
    const { result, events } = await reply(
      "0123456789abcdefghijklmnop",
      { thinking: { ...inside, budget: 4 } },
      tokenizer,
    );
    const close = tokenizer.encode("</think>");
    expect(result.text).toBe(`0123</think>${"0123456789abcdefghijklmnop".slice(4 + close.length)}`);
    expect(result).toMatchObject({ numThinking: 4, isThinkClosed: true });
    expect(events.filter((e) => e.isForced).map((e) => e.id)).toEqual([...close]);
  });
  test("with a budget of nothing is closed before the first token", async () => {
    const { result } = await reply("0123456789abc", { thinking: { ...inside, budget: 0 } }, tokenizer);
    expect(result.text.startsWith("</think>")).toBe(true);
    expect(result.numThinking).toBe(0);
  });
  test("that a stop token leaves unclosed ends the request, or is closed in its place", async () => {
    expect((await reply("hm</s>", { thinking: inside }, tokenizer)).result).toMatchObject({
      text: "hm",
      finishReason: "stop",
      isThinkClosed: false,
      numThinking: 2,
    });
    const { result } = await reply(
      "hm</s>0123456789abc</s>",
      { thinking: { ...inside, unclosed: "close" } },
      tokenizer,
    );
    expect(result.text.startsWith("hm</think>")).toBe(true);
    expect(result).toMatchObject({ isThinkClosed: true, finishReason: "stop" });
    expect([...result.ids].filter((id) => id === tokenizer.eosId).length).toBe(1);
  });
  test("that goes round in circles is closed; an answer that does is ended", async () => {
    const loop = { maxPeriod: 8, minRepeats: 3, minTokens: 12 };
    const thinking = await reply(`${"abcd".repeat(3)}efghijklmnopq</s>`, { thinking: inside, loop }, tokenizer);
    expect(thinking.result.text.startsWith("abcdabcdabcd</think>")).toBe(true);
    expect(thinking.result.finishReason).toBe("stop");
    expect((await reply(`so ${"abcd".repeat(9)}`, { loop }, tokenizer)).result).toMatchObject({
      text: "so abcdabcdabcd",
      finishReason: "loop",
    });
    expect((await reply(`so ${"abcd".repeat(9)}`, { loop: false }, tokenizer)).result.finishReason).toBe("length");
  });
});

test("all of it is the same with drafts and without", async () => {
  const requests: readonly (readonly [string, Partial<GenerationRequest>])[] = [
    ["abcabcabcabc STOP abc", { stop: ["STOP"] }],
    ["abcabcabcabcabcabcabc</think>yes yes yes yes", { thinking: { startsInside: true, budget: 10 } }],
    ["abcdabcdabcdabcd</s>abcdabcdabcd</s>", { thinking: { startsInside: true, unclosed: "close" } }],
    ["xyxyxyxyxyxyxyxyxyxy", { loop: { maxPeriod: 4, minRepeats: 3, minTokens: 9 } }],
  ];
  for (const [text, request] of requests) {
    const [drafted, plain] = [await reply(text, request), await reply(text, request, bytes, "none")];
    expect(drafted.result.numAccepted).toBeGreaterThan(0);
    expect(drafted.events).toEqual(plain.events);
    expect({ ...drafted.result, numDrafted: 0, numAccepted: 0 }).toEqual({
      ...plain.result,
      numDrafted: 0,
      numAccepted: 0,
    });
  }
});
