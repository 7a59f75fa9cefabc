// Answers under a schema: every one parses and obeys, whatever the model would rather say; schemas that cannot be
// followed are refused by name.
import { beforeAll, describe, expect, test, vi } from "vitest";
import { createReferenceBackend } from "../../backends/reference.js";
import { ConfigError } from "../../errors.js";
import { Device, setDefaultDevice } from "../../tensor/device.js";
import { createByteTokenizer } from "../../tokenizer/byte-tokenizer.js";
import { createCharTokenizer } from "../../tokenizer/char-tokenizer.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import { AnswerGrammars, answerGrammars } from "./answer-grammar.js";
import { Engine, type EngineOptions } from "./engine.js";
import { FakeRunner, ScriptRunner } from "./fake-runner.fixture.js";
import type { GenerationRequest } from "./request.js";

beforeAll(() => setDefaultDevice(new Device(createReferenceBackend())));

const SPECIALS = { bos: "<s>", eos: "</s>", tags: ["<think>", "</think>"] };
const bytes = createByteTokenizer(SPECIALS);
const characters = createCharTokenizer(
  Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join(""),
  SPECIALS,
);
const SCHEMA = {
  type: "object",
  properties: {
    n: { type: "integer", minimum: 0, maximum: 99 },
    ok: { type: "boolean" },
    kind: { enum: ["a", "bc", "日"] },
  },
  required: ["n", "ok", "kind"],
};
function obeys(text: string): boolean {
  const value = JSON.parse(text);
  return (
    Object.keys(value).join() === "n,ok,kind" &&
    value.n >= 0 &&
    value.n <= 99 &&
    typeof value.ok === "boolean" &&
    SCHEMA.properties.kind.enum.includes(value.kind)
  );
}
const engineOf = (tokenizer: Tokenizer, options: Partial<EngineOptions> = {}) =>
  new Engine({
    runner: new FakeRunner({ vocabSize: tokenizer.vocabSize + 5, numBlocks: 2000, mtpAccuracy: 0.5 }),
    tokenizer,
    followSchemas: answerGrammars,
    ...options,
  });
const PROMPT = [40, 41, 42, 43, 44];
const requestOf = (tokenizer: Tokenizer, seed: number, more: Partial<GenerationRequest> = {}): GenerationRequest => ({
  prompt: PROMPT,
  maxNewTokens: 400,
  stopIds: [tokenizer.eosId!],
  sampling: { seed },
  schema: SCHEMA,
  loop: false,
  ...more,
});

test.each([
  ["bytes", bytes],
  ["characters", characters],
])("many answers to one prompt, over %s, all obey", async (_, tokenizer) => {
  const engine = engineOf(tokenizer);
  const running = Array.from({ length: 8 }, (_r, seed) => engine.submit(requestOf(tokenizer, seed)));
  for (const request of running) {
    let text = "";
    for await (const event of request) text += event.text;
    const { finishReason } = await request.result;
    expect(finishReason).toBe("stop");
    expect(obeys(text)).toBe(true);
  }
});
test("the schema binds the answer, not the thinking", async () => {
  const engine = engineOf(bytes);
  const thinking = { startsInside: true, budget: 20 };
  const { text, numThinking } = await engine.submit(requestOf(bytes, 5, { thinking })).result;
  const [thought, answer] = text.split("</think>");
  expect(numThinking).toBeGreaterThan(0);
  expect(() => JSON.parse(thought)).toThrow();
  expect(obeys(answer)).toBe(true);
});
describe("behind a thought", () => {
  const allows = (mask: Int32Array, id: number) => ((mask[id >> 5] >>> (id & 31)) & 1) === 1;
  const [blank, newline, open, end] = [32, 10, 123, bytes.eosId!];

  test("blanks and newlines may come first, up to a bound, and nothing else", async () => {
    const grammars = new AnswerGrammars(bytes, bytes.vocabSize);
    const rules = await grammars.constrain(SCHEMA, [end], undefined, true);
    for (let i = 0; i < 20; i++) {
      const mask = await rules.mask();
      expect([newline, blank, open].map((id) => allows(mask, id))).toEqual([true, true, true]);
      expect(Array.from({ length: bytes.vocabSize }, (_, id) => id).filter((id) => allows(mask, id))).toHaveLength(5);
      expect(rules.accept(i % 2 === 0 ? newline : blank)).toBe(true);
    }
    const last = await rules.mask();
    expect([newline, blank, open].map((id) => allows(last, id))).toEqual([false, false, true]);
    for (const id of bytes.encode('{"n": 1, "ok": true, "kind": "日"}')) expect(rules.accept(id)).toBe(true);
    expect(allows(await rules.mask(), end)).toBe(true);
    rules.dispose();
    const plain = await grammars.constrain(SCHEMA, [end]);
    expect(allows(await plain.mask(), newline)).toBe(false);
    grammars.dispose();
  });
  test("the model's own blank lines are kept, to the id", async () => {
    const script = bytes.encode('hm</think>\n\n{"n": 7, "ok": true, "kind": "a"}');
    const runner = new ScriptRunner(bytes.vocabSize, [...PROMPT, ...script, end]);
    const engine = engineOf(bytes, { runner, speculation: "none" });
    const sampling = { temperature: 0 };
    const thinking = { startsInside: true };
    const { ids, finishReason } = await engine.submit(requestOf(bytes, 1, { sampling, thinking })).result;
    expect([[...ids], finishReason]).toEqual([[...script, end], "stop"]);
  });
});
test("drafts change nothing, and some come true", async () => {
  const [drafting, plain] = [engineOf(bytes, { speculation: "lookup" }), engineOf(bytes, { speculation: "none" })];
  let numAccepted = 0;
  for (let seed = 0; seed < 6; seed++) {
    const request = requestOf(bytes, seed, {
      prompt: bytes.encode(' {"n":1,"ok":false,"kind":"bc"} {"n":17,"ok":true,"kind":"a"}'),
    });
    const [a, b] = [await drafting.submit(request).result, await plain.submit(request).result];
    expect([...a.ids]).toEqual([...b.ids]);
    numAccepted += a.numAccepted;
  }
  expect(numAccepted).toBeGreaterThan(10);
});
test("without a stop token the answer ends itself", async () => {
  const { text, finishReason } = await engineOf(bytes).submit(requestOf(bytes, 1, { stopIds: [] })).result;
  expect(finishReason).toBe("stop");
  expect(obeys(text)).toBe(true);
});
test("cancelled while its schema is compiled, a request just ends", async () => {
  const engine = engineOf(bytes);
  const running = engine.submit(requestOf(bytes, 1));
  running.cancel();
  expect((await running.result).finishReason).toBe("cancelled");
  expect((await engine.submit(requestOf(bytes, 1)).result).finishReason).toBe("stop");
});
test("cancelled while its mask is made, which then fails, a request ends by itself and no other with it", async () => {
  const constrain = vi.spyOn(AnswerGrammars.prototype, "constrain");
  const engine = engineOf(bytes);
  let cancel = () => {};
  constrain.mockResolvedValueOnce({
    isComplete: false,
    mask: async () => {
      cancel();
      throw new Error("the matcher is gone");
    },
    accept: () => true,
    rollback: () => {},
    dispose: () => {},
  });
  const failing = engine.submit(requestOf(bytes, 1));
  cancel = () => failing.cancel();
  const other = engine.submit(requestOf(bytes, 2, { schema: undefined, maxNewTokens: 40, stopIds: [] }));
  constrain.mockRestore();
  expect((await failing.result).finishReason).toBe("cancelled");
  expect((await other.result).finishReason).toBe("length");
});

test.each([
  [{ items: [{ type: "boolean" }, { const: "a" }], minItems: 2, maxItems: 2 }, /^\[\s*(true|false)\s*,\s*"a"\s*\]$/],
  [{ items: [{ const: 1 }], additionalItems: false, minItems: 1 }, /^\[\s*1\s*\]$/],
  [{ items: [{ const: 1 }], additionalItems: { const: 2 }, minItems: 2, maxItems: 3 }, /^\[\s*1\s*(,\s*2\s*){1,2}\]$/],
])(
  "places of a list in the form of older drafts, which zod-to-json-schema writes, hold it: %j",
  async (given, form) => {
    for (let seed = 0; seed < 4; seed++) {
      const schema = { type: "array", ...given };
      const { text, finishReason } = await engineOf(bytes).submit(requestOf(bytes, seed, { schema })).result;
      expect(finishReason).toBe("stop");
      expect(text).toMatch(form);
    }
  },
);

describe("a schema that cannot be followed", () => {
  test.each([
    [{ type: "objct" }, /schema\.type: expected one of object, .*got "objct"/],
    [{ type: "object", properties: { a: { type: 5 } } }, /schema\.properties\.a\.type/],
    [{ $ref: "#/$defs/none" }, /schema\.\$ref: expected a place in this schema/],
    [{ type: "string", pattern: "(" }, /schema\.pattern: expected a regular expression/],
    [{ enum: [] }, /schema\.enum: expected a list of at least one value/],
    [{ type: "array", items: [{ type: "objct" }] }, /schema\.items\[0\]\.type: expected one of/],
    [{ type: "array", items: { type: "integer", multipleOf: 5 } }, /schema\.items\.multipleOf.*cannot be enforced/],
    [{ anyOf: [{ type: "string" }], properties: {} }, /anyOf and properties cannot be enforced together/],
    [{ type: "integer", minimum: 5, maximum: 1 }, /the grammar engine does not accept it: .*[Mm]inimum/],
    [{ $ref: "#" }, /no token is allowed next/],
    [false, /false allows no answer/],
  ])("%j is refused with its reason, and the next request is served", async (schema, message) => {
    const engine = engineOf(bytes);
    const error = await engine.submit(requestOf(bytes, 1, { schema })).result.catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain("\n");
    expect((await engine.submit(requestOf(bytes, 1)).result).finishReason).toBe("stop");
    expect(engine.stats().blocksUsed).toBe(0);
  });
});
test("what a schema leaves open is open, not empty", async () => {
  const schema = { type: "object", properties: { a: { type: "array", minItems: 2, maxItems: 2 } }, required: ["a"] };
  const answers: unknown[] = [];
  const engine = engineOf(bytes);
  for (let seed = 0; seed < 4; seed++) {
    const { text, finishReason } = await engine.submit(
      requestOf(bytes, seed, { schema, maxNewTokens: 2000, sampling: { seed, temperature: 0.5 } }),
    ).result;
    if (finishReason === "stop") answers.push(JSON.parse(text).a.length);
  }
  expect(answers.length).toBeGreaterThan(0);
  expect(new Set(answers)).toEqual(new Set([2]));
});

describe("a schema that is too large", () => {
  const optional = (count: number) => ({
    type: "object",
    properties: Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, { type: "string" }])),
  });
  const budget = { compileMs: 400, replyMs: 5000, maxMemoryBytes: 1 << 30 };

  test("is given up within its time, while other requests go on", async () => {
    const grammars = new AnswerGrammars(bytes, bytes.vocabSize, budget);
    let numTurns = 0;
    const turns = setInterval(() => numTurns++, 10);
    const started = performance.now();
    await expect(grammars.constrain(optional(3000), [257])).rejects.toThrow(
      /schema: it takes more than 0\.4 s to compile; simplify it/,
    );
    clearInterval(turns);
    expect(performance.now() - started).toBeLessThan(30_000);
    expect(numTurns).toBeGreaterThan(10);
    const sound = new AnswerGrammars(bytes, bytes.vocabSize);
    (await sound.constrain(SCHEMA, [257])).dispose();
    sound.dispose();
  });
  test("is refused at once by its length, and by its depth", async () => {
    const grammars = new AnswerGrammars(bytes, bytes.vocabSize);
    const many = { enum: Array.from({ length: 200_000 }, (_, i) => `member ${i}`) };
    await expect(grammars.constrain(many, [257])).rejects.toThrow(
      /the maximum length is 1048576 characters of JSON, got \d+/,
    );
    let deep: object = { type: "string" };
    for (let i = 0; i < 50_000; i++) deep = { type: "array", items: deep };
    await expect(grammars.constrain(deep, [257])).rejects.toThrow(ConfigError);
  });
  test("does not outlive its memory", async () => {
    const grammars = new AnswerGrammars(bytes, bytes.vocabSize, {
      ...budget,
      compileMs: 60_000,
      maxMemoryBytes: 20 << 20,
    });
    await expect(grammars.constrain(optional(1500), [257])).rejects.toThrow(
      /schema: the grammar engine (does not accept it|failed)/,
    );
  });
  test("stops being compiled when its request is cancelled", async () => {
    const engine = engineOf(bytes);
    const running = engine.submit(requestOf(bytes, 1, { schema: optional(3000) }));
    await new Promise((resolve) => setTimeout(resolve, 300));
    running.cancel();
    expect((await running.result).finishReason).toBe("cancelled");
    const started = performance.now();
    expect((await engine.submit(requestOf(bytes, 1)).result).finishReason).toBe("stop");
    expect(performance.now() - started).toBeLessThan(20_000);
    await engine.close();
  });
});

test("an engine that follows no schema refuses one, with the mend", () => {
  const engine = engineOf(bytes, { followSchemas: undefined });
  expect(() => engine.submit(requestOf(bytes, 1))).toThrow(
    "request: this engine follows no schema: create it with followSchemas: answerGrammars",
  );
});
