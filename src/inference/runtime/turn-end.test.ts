// Claims about the texts with which a model hands its turn over: found across tokens, in the thought too, and kept; and
// a turn that goes on from one before finds what that has computed.
import { beforeEach, expect, test } from "vitest";
import { createReferenceBackend } from "../../backends/reference.js";
import { Device, setDefaultDevice } from "../../tensor/device.js";
import { createByteTokenizer } from "../../tokenizer/byte-tokenizer.js";
import { Engine } from "./engine.js";
import { FakeRunner } from "./fake-runner.fixture.js";
import { TurnEnd } from "./turn-end.js";

const tokenizer = createByteTokenizer({ eos: "</s>", tags: ["<think>", "</think>"] });
beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));

/** The text up to and with what ended it. */
function until(text: string, ends: readonly string[]): { said: string; found?: string } {
  const turnEnd = new TurnEnd(tokenizer, ends);
  const ids = tokenizer.encode(text);
  const at = ids.findIndex((id) => turnEnd.push(id));
  return { said: tokenizer.decode(at < 0 ? ids : ids.subarray(0, at + 1)), found: turnEnd.found };
}

test("a turn ends with the first of the texts that is complete, wherever it stands", () => {
  expect(until("so <think>é 3*4</call> and", ["</call>", "é"])).toEqual({ said: "so <think>é", found: "é" });
  expect(until("</cal</call>l", ["</call>"])).toEqual({ said: "</cal</call>", found: "</call>" });
  expect(until("x</think>", ["</think>", "k>"])).toEqual({ said: "x</think>", found: "</think>" });
  expect(until("a</cal l>", ["</call>"])).toEqual({ said: "a</cal l>", found: undefined });
  expect(until("ab", ["b"])).toEqual({ said: "ab", found: "b" });
});

test("the engine ends a completion there, thought or not, and keeps the text", async () => {
  const runner = new FakeRunner({ vocabSize: tokenizer.vocabSize });
  const engine = new Engine({ runner, tokenizer, speculation: "none" });
  const request = { prompt: [1, 2, 3], maxNewTokens: 200, thinking: { startsInside: true }, loop: false } as const;
  const free = await engine.submit(request).result;
  const end = free.text.slice(40, 42);
  for (const events of [true, false]) {
    const { ids, text, finishReason, stopText, isThinkClosed } = await engine.submit({
      ...request,
      turnEnds: [end, "never said"],
      events,
    }).result;
    expect({ finishReason, stopText, isThinkClosed }).toEqual({
      ...{ finishReason: "stop", stopText: end, isThinkClosed: false },
    });
    expect(text).toBe(free.text.slice(0, free.text.indexOf(end) + 2));
    expect(ids).toEqual(free.ids.subarray(0, ids.length));
  }
  await engine.close();
});

test("a prompt that goes on from a completion computes what is new, and the block that is not full", async () => {
  const runner = new FakeRunner({ blockSize: 4, pathsAgree: true });
  const engine = new Engine({ runner, speculation: "none" });
  const { ids } = await engine.submit({ prompt: [1, 2, 3], maxNewTokens: 20, loop: false }).result;
  const prompt = [1, 2, 3, ...ids, 9, 9];
  const { numPrefixHits } = await engine.submit({ prompt, maxNewTokens: 1, loop: false }).result;
  // All but the newest token were computed: 22 of them, five full blocks.
  expect(numPrefixHits).toBe(20);
  await engine.close();
});
