// An engine behind messages: what a request gives is what the engine gives, nothing is left of those that end, a
// reader that is behind holds up nobody, and errors cross with their class.
import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { MessageChannel } from "node:worker_threads";
import { beforeAll, describe, expect, test } from "vitest";
import { createReferenceBackend } from "../../backends/reference.js";
import { BackendError, ConfigError } from "../../errors.js";
import { Random } from "../../random.js";
import { Device, defaultDevice, setDefaultDevice } from "../../tensor/device.js";
import { createByteTokenizer } from "../../tokenizer/byte-tokenizer.js";
import { answerGrammars } from "./answer-grammar.js";
import { Engine, type EngineOptions } from "./engine.js";
import { EngineClient } from "./engine-client.js";
import type { EngineHandle } from "./engine-handle.js";
import type { EngineCall, EngineMessage } from "./engine-protocol.js";
import { EngineServer } from "./engine-server.js";
import { type FakeOptions, FakeRunner, ScriptRunner } from "./fake-runner.fixture.js";
import type { Completion, GenerationRequest, TokenEvent } from "./request.js";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

beforeAll(() => setDefaultDevice(new Device(createReferenceBackend())));

/** An engine and its client, with a channel between them that copies everything. */
function connect(engine: Engine) {
  const { port1, port2 } = new MessageChannel();
  const messages: EngineMessage[] = [];
  const busy: boolean[] = [];
  const server = new EngineServer(engine, (message) => port2.postMessage(message));
  const client = new EngineClient(engine.limits, {
    send: (call) => port1.postMessage(call),
    setBusy: (isBusy) => busy.push(isBusy),
    async close() {
      server.release();
      await engine.close();
      port1.close();
    },
  });
  port2.on("message", (call: Exclude<EngineCall, { kind: "close" }>) => server.receive(call));
  port1.on("message", (message: EngineMessage) => {
    messages.push(message);
    client.receive(message);
  });
  return { client, server, messages, busy };
}
const setUp = (options: Partial<EngineOptions> = {}, fake: FakeOptions = {}) => {
  const runner = new FakeRunner({ vocabSize: 12, ...fake });
  const engine = new Engine({ runner, ...options });
  return { runner, engine, ...connect(engine) };
};

/** What a person sees of a request. */
async function outcome(engine: EngineHandle, request: GenerationRequest) {
  const running = engine.submit(request);
  const events: TokenEvent[] = [];
  for await (const event of running) events.push(event);
  const { numPrefixHits: _, numDrafted: __, numAccepted: ___, ...completion } = await running.result;
  return { events, completion };
}

describe("200 requests of every kind", () => {
  const tokenizer = createByteTokenizer({ bos: "<s>", eos: "</s>", tags: ["<think>", "</think>"] });
  const script = [65, 66, ...tokenizer.encode("<think>so it is, so it is STOP</think>one two STOP three 🔥 four")];
  const kinds: readonly Partial<GenerationRequest>[] = [
    { sampling: { temperature: 0, topLogProbs: 3 } },
    { stop: ["STOP"], sampling: { temperature: 0 } },
    { thinking: { budget: 4 }, sampling: { temperature: 0 } },
    { thinking: { startsInside: true, unclosed: "close" }, stopIds: [tokenizer.encode("i")[0]] },
    { sampling: { temperature: 30, topK: 40, topP: 0.9, minP: 0.001, repetitionPenalty: 1.2, presencePenalty: 0.5 } },
    { sampling: { temperature: 5, frequencyPenalty: 1, logitBias: new Map([[70, 3]]) } },
    { form: "tagged", loop: { maxPeriod: 4, minRepeats: 3, minTokens: 6 } },
    { schema: { type: "object", properties: { a: { type: "boolean" } }, required: ["a"] }, speculate: false },
    { events: false },
  ];
  test("give the events and the results that they give without messages", async () => {
    const requests = Array.from({ length: 200 }, (_, seed): GenerationRequest => {
      const kind = kinds[seed % kinds.length];
      return {
        prompt: seed % 2 === 0 ? [65, 66] : Uint16Array.of(65, 66),
        maxNewTokens: 20 + (seed % 50),
        ...kind,
        sampling: { seed, ...kind.sampling },
      };
    });
    const make = () =>
      new Engine({ runner: new ScriptRunner(tokenizer.vocabSize, script), tokenizer, followSchemas: answerGrammars });
    const here = make();
    const { client } = connect(make());
    const expected = await Promise.all(requests.map((request) => outcome(here, request)));
    expect(await Promise.all(requests.map((request) => outcome(client, request)))).toEqual(expected);
    const reasons = expected.map(({ completion }) => completion.finishReason);
    expect(new Set(reasons)).toEqual(new Set(["stop", "length", "loop"]));
    await Promise.all([here.close(), client.close()]);
  });
  test("send the events of a step in one message", async () => {
    const { client, messages, runner } = setUp({ speculation: "none" });
    await Promise.all(
      Array.from({ length: 8 }, (_, seed) => outcome(client, { prompt: [1], maxNewTokens: 20, sampling: { seed } })),
    );
    // One more for each end, which comes after its result.
    const numEvents = messages.filter(({ kind }) => kind === "events").length;
    expect(numEvents).toBeLessThanOrEqual(runner.numSteps + 8);
    await client.close();
  });
});

test("events of many requests at once are taken in order, and other work gets its turn in between", async () => {
  const limits = { vocabSize: 12, maxContext: 99, readsText: false, followsSchemas: false, adapters: [] };
  const client = new EngineClient(limits, { send() {}, setBusy() {}, close: async () => {} });
  const ids = Array.from({ length: 40 }, (_, id) => id);
  const read: number[] = [];
  const readers = ids.map(async (id) => {
    for await (const _ of client.submit({ prompt: [1] })) read.push(id);
  });
  let numReadBefore = 0;
  setImmediate(() => (numReadBefore = read.length));
  const event: TokenEvent = { id: 1, logProb: 0, pieces: [], text: "", part: "answer", isForced: false };
  client.receive({ kind: "events", requests: ids.map((id) => ({ id, events: [event], isLast: true })) });
  await Promise.all(readers);
  expect(read).toEqual(ids);
  expect(numReadBefore).toBeGreaterThan(0);
  expect(numReadBefore).toBeLessThan(ids.length / 2);
});

describe("10,000 requests, most of them cancelled,", () => {
  test("leave no block used, no tensor alive, nobody waiting and nobody listening", async () => {
    const random = new Random(3);
    const { client, server, engine, busy } = setUp(
      { maxSequences: 12, maxStepTokens: 24, maxSpeculating: 6 },
      { numBlocks: 20, mtpAccuracy: 0.7 },
    );
    const before = defaultDevice().memory().liveBuffers;
    const aborter = new AbortController();
    const open: { cancel(): void; result: Promise<Completion> }[] = [];
    const handles: WeakRef<object>[] = [];
    const reasons = new Map<string, number>();
    for (let i = 0; i < 10_000; i++) {
      const own = new AbortController();
      const signal = random.below(4) === 0 ? own.signal : random.below(8) === 0 ? aborter.signal : undefined;
      const request = client.submit({
        prompt: Array.from({ length: 1 + random.below(12) }, (_, at) => (at < 6 ? at : random.below(12))),
        maxNewTokens: 1 + random.below(8),
        sampling: { seed: random.below(1000) },
        loop: false,
        signal,
        events: random.below(2) === 0,
      });
      void request.result.then(({ finishReason }) => reasons.set(finishReason, (reasons.get(finishReason) ?? 0) + 1));
      open.push(request);
      handles.push(new WeakRef(request.result));
      if (signal === own.signal) setImmediate(() => own.abort());
      if (random.below(3) > 0) random.pick(open).cancel();
      if (random.below(5) === 0) for await (const _ of request) if (random.below(3) === 0) break;
      if (open.length > 60) await open.shift()!.result;
    }
    await Promise.all(open.map((request) => request.result));
    await expect.poll(() => busy.at(-1)).toBe(false);
    expect([...reasons.values()].reduce((a, b) => a + b)).toBe(10_000);
    expect(reasons.get("cancelled")).toBeGreaterThan(3000);
    expect(reasons.get("length")).toBeGreaterThan(1000);
    expect(await client.stats()).toMatchObject({ running: 0, waiting: 0, blocksUsed: 0 });
    expect(engine.stats()).toEqual(await client.stats());
    expect(defaultDevice().memory().liveBuffers).toBe(before);
    expect(getEventListeners(aborter.signal, "abort")).toEqual([]);
    expect([openIn(client, "requests"), openIn(client, "questions"), openIn(server, "served")]).toEqual([0, 0, 0]);
    open.length = 0;
    await new Promise(setImmediate);
    collectGarbage();
    expect(handles.filter((handle) => handle.deref()).length).toBeLessThan(10);
    await client.close();
  });
  const openIn = (owner: object, name: string) =>
    (owner as unknown as Readonly<Record<string, ReadonlyMap<number, unknown>>>)[name].size;
});

describe.each(["without messages", "through messages"])("a reader that is behind, %s,", (way) => {
  const longest = 4000;
  const setUpReaders = () => {
    const { client, engine, runner } = setUp({ maxSequences: 2, speculation: "none" }, { numBlocks: 2048 });
    return { runner, engine, handle: way === "without messages" ? engine : client };
  };
  /** Runs until nothing moves any more. */
  const settle = async (runner: FakeRunner) => {
    for (let numSteps = -1; numSteps !== runner.numSteps; ) {
      numSteps = runner.numSteps;
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    }
  };

  test("has a bounded number of tokens waiting, and gets the same ones when it reads on", async () => {
    const { runner, engine, handle } = setUpReaders();
    const request = { prompt: [1], maxNewTokens: longest, loop: false } as const;
    const expected = await outcome(engine, request);
    const running = handle.submit(request);
    const reader = running[Symbol.asyncIterator]();
    const events = [(await reader.next()).value as TokenEvent];
    const { generatedTokens } = engine.stats();
    await settle(runner);
    const { generatedTokens: then, running: numRunning, blocksUsed } = engine.stats();
    expect(then - generatedTokens).toBeLessThan(1024 + 256 + 64);
    expect([numRunning, blocksUsed]).toEqual([0, 0]);
    for (let next = await reader.next(); !next.done; next = await reader.next()) events.push(next.value);
    expect(events).toEqual(expected.events);
    expect([...(await running.result).ids]).toEqual([...expected.completion.ids]);
    await handle.close();
  });
  test("holds up nobody: not those that run, nor those that wait for its place", async () => {
    const { runner, handle } = setUpReaders();
    const stuck = [1, 2].map((seed) =>
      handle.submit({ prompt: [1], maxNewTokens: longest, loop: false, sampling: { seed } }),
    );
    for (const each of stuck) await each[Symbol.asyncIterator]().next();
    await settle(runner);
    const others = Array.from({ length: 5 }, (_, seed) =>
      outcome(handle, { prompt: [2], maxNewTokens: 50, loop: false, sampling: { seed } }),
    );
    for (const { completion } of await Promise.all(others)) expect(completion.ids.length).toBe(50);
    for (const each of stuck) each.cancel();
    for (const each of stuck) expect((await each.result).finishReason).toBe("cancelled");
    expect(await handle.stats()).toMatchObject({ running: 0, waiting: 0, blocksUsed: 0 });
    await handle.close();
  });
  test("that awaits the result alone is never waited for", async () => {
    const { handle } = setUpReaders();
    const running = handle.submit({ prompt: [1], maxNewTokens: longest, loop: false });
    expect((await running.result).ids.length).toBe(longest);
    let numEvents = 0;
    for await (const _ of running) numEvents++;
    expect(numEvents).toBe(longest);
    await handle.close();
  });
});

describe("errors", () => {
  test("of a step cross with their class and message", async () => {
    const { client, runner } = setUp();
    runner.onStep = () => {
      throw new BackendError("out of memory: the system refused 7 MiB");
    };
    const running = client.submit({ prompt: [1], maxNewTokens: 5 });
    const read = async () => {
      for await (const _ of running);
    };
    await expect(read()).rejects.toThrow(new BackendError("out of memory: the system refused 7 MiB"));
    const error = await running.result.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BackendError);
    runner.onStep = undefined;
    expect((await client.submit({ prompt: [1], maxNewTokens: 5 }).result).ids.length).toBe(5);
    await client.close();
  });
  test("of a request that cannot be met are thrown at once, without a message", async () => {
    const { client, messages } = setUp();
    expect(() => client.submit({ prompt: [99] })).toThrow(ConfigError);
    expect(() => client.submit({ prompt: [1], maxNewTokens: 300 })).toThrow(/the context is 256/);
    expect(() => client.submit({ prompt: [1], stop: ["x"] })).toThrow(/need an engine with a tokenizer/);
    expect(messages).toEqual([]);
    await client.close();
    expect(() => client.submit({ prompt: [1] })).toThrow(/closed/);
  });
  test("what cannot be copied is refused in one line", async () => {
    const tokenizer = createByteTokenizer();
    const { client } = connect(
      new Engine({ runner: new ScriptRunner(tokenizer.vocabSize, [1]), tokenizer, followSchemas: answerGrammars }),
    );
    expect(() => client.submit({ prompt: [1], schema: { type: () => {} } })).toThrow(/^request: it cannot be sent/);
    expect((await client.stats()).running).toBe(0);
    await client.close();
  });
  test("end everything when the engine is gone, what comes later too", async () => {
    const { client, runner, busy } = setUp();
    const gone = new BackendError("the engine's thread has ended");
    const running = client.submit({ prompt: [1], maxNewTokens: 200, loop: false });
    const reading = (async () => {
      for await (const _ of running) if (runner.numSteps > 3) client.fail(gone);
    })();
    await expect(running.result).rejects.toBe(gone);
    await expect(reading).rejects.toBe(gone);
    await expect(client.stats()).rejects.toBe(gone);
    expect(() => client.submit({ prompt: [1] })).toThrow(gone);
    expect(busy.at(-1)).toBe(false);
    await client.close();
  });
  test("a request aborted before it was submitted never runs", async () => {
    const { client, runner } = setUp();
    const { finishReason } = await client.submit({ prompt: [1], signal: AbortSignal.abort() }).result;
    expect([finishReason, runner.numSteps]).toEqual(["cancelled", 0]);
    await client.close();
  });
  test("close cancels what runs", async () => {
    const { client } = setUp();
    const running = client.submit({ prompt: [1], maxNewTokens: 200, loop: false });
    for await (const _ of running) {
      void client.close();
    }
    expect((await running.result).finishReason).toBe("cancelled");
  });
});
