// The engine under load: thousands of requests, many cancelled at any moment, blocks scarce. After every step the books
// must balance.
import { beforeAll, describe, expect, test } from "vitest";
import { createReferenceBackend } from "../../backends/reference.js";
import { BackendError, ConfigError } from "../../errors.js";
import { Random } from "../../random.js";
import { Device, defaultDevice, setDefaultDevice } from "../../tensor/device.js";
import { BlockPool } from "./block-pool.js";
import { Engine, type EngineOptions } from "./engine.js";
import type { RunningRequest } from "./engine-handle.js";
import { type FakeOptions, FakeRunner } from "./fake-runner.fixture.js";
import type { GenerationRequest } from "./request.js";
import { Scheduler } from "./scheduler.js";
import { Sequence } from "./sequence.js";

beforeAll(() => setDefaultDevice(new Device(createReferenceBackend())));

const VOCAB = 12;
const setUp = (options: Partial<EngineOptions>, fake: FakeOptions = {}) => {
  const runner = new FakeRunner({ vocabSize: VOCAB, ...fake });
  return { runner, engine: new Engine({ runner, ...options }) };
};
const promptOf = (random: Random) =>
  Array.from({ length: 1 + random.below(12) }, (_, i) => (i < 6 ? i : random.below(VOCAB)));
const requestOf = (random: Random, more: Partial<GenerationRequest> = {}): GenerationRequest => ({
  prompt: promptOf(random),
  maxNewTokens: 1 + random.below(8),
  sampling: { seed: random.below(1000) },
  loop: false,
  ...more,
});

/** Every block is free or used by as many tables as its count says; no table has a block twice. */
function expectBalance(pool: BlockPool, sequences: readonly Sequence[]): void {
  const uses = new Int32Array(pool.numBlocks);
  for (const { blocks, numTokens, numComputed } of sequences) {
    expect(new Set(blocks).size).toBe(blocks.length);
    expect(blocks.length * pool.blockSize).toBeGreaterThanOrEqual(numComputed);
    expect(numComputed).toBeLessThanOrEqual(numTokens);
    for (const block of blocks) uses[block]++;
  }
  for (let block = 0; block < pool.numBlocks; block++)
    if (pool.referencesOf(block) !== uses[block])
      throw new Error(`block ${block}: ${pool.referencesOf(block)} counted, ${uses[block]} used`);
  expect(pool.numUsed).toBe(uses.reduce((count, n) => count + (n > 0 ? 1 : 0), 0));
}

describe("10,000 requests, most of them cancelled,", () => {
  test("leave no block used, no tensor alive and nobody waiting", async () => {
    const random = new Random(3);
    const { engine, runner } = setUp(
      { maxSequences: 12, maxStepTokens: 24, maxSpeculating: 6 },
      { numBlocks: 20, mtpAccuracy: 0.7 },
    );
    const before = defaultDevice().memory().liveBuffers;
    const open: RunningRequest[] = [];
    const reasons = new Map<string, number>();
    for (let i = 0; i < 10_000; i++) {
      const aborter = new AbortController();
      const signal = random.below(4) === 0 ? aborter.signal : undefined;
      const request = engine.submit(requestOf(random, { signal, events: random.below(2) === 0 }));
      void request.result.then(({ finishReason }) => reasons.set(finishReason, (reasons.get(finishReason) ?? 0) + 1));
      open.push(request);
      if (signal) setImmediate(() => aborter.abort());
      if (random.below(3) > 0) random.pick(open).cancel();
      if (random.below(8) === 0) await new Promise(setImmediate);
      if (open.length > 60) await open.shift()!.result;
    }
    await Promise.all(open.map((request) => request.result));
    expect([...reasons.values()].reduce((a, b) => a + b)).toBe(10_000);
    expect(reasons.get("cancelled")).toBeGreaterThan(3000);
    expect(reasons.get("length")).toBeGreaterThan(1000);
    expect(engine.stats()).toMatchObject({ running: 0, waiting: 0, blocksUsed: 0 });
    expect(engine.stats().preemptions).toBeGreaterThan(10);
    expect(runner.numSteps).toBeGreaterThan(1000);
    expect(defaultDevice().memory().liveBuffers).toBe(before);
  });
  test("free their blocks before cancel returns", async () => {
    const { engine, runner } = setUp({});
    const request = engine.submit(requestOf(new Random(1), { maxNewTokens: 100 }));
    await new Promise<void>((resolve) => (runner.onStep = (plan) => plan.positions[0] > 10 && resolve()));
    expect(engine.stats().blocksUsed).toBeGreaterThan(0);
    request.cancel();
    expect(engine.stats().blocksUsed).toBe(0);
    expect((await request.result).finishReason).toBe("cancelled");
  });
});

describe("the books balance", () => {
  test("after every step of a random run, and every sequence comes to its end", () => {
    const random = new Random(11);
    for (let round = 0; round < 30; round++) {
      const pool = new BlockPool({ numBlocks: 8 + random.below(12), blockSize: 4, splitPaths: round % 2 === 0 });
      const scheduler = new Scheduler<Sequence>(pool, { maxSequences: 6, maxStepTokens: 6 + random.below(20) });
      const ends = new Map<Sequence, number>();
      let numDone = 0;
      for (let step = 0; numDone < 60; step++) {
        expect(step).toBeLessThan(5000);
        while (ends.size < 60 && random.below(2) === 0) {
          const sequence = new Sequence(promptOf(random));
          ends.set(sequence, sequence.numTokens + 1 + random.below(15));
          scheduler.add(sequence);
        }
        const parts = scheduler.schedule();
        expectBalance(pool, scheduler.running);
        expect(parts.reduce((sum, { numTokens, numDrafts }) => sum + numTokens + numDrafts, 0)).toBeLessThanOrEqual(26);
        for (const { sequence, numTokens, numDrafts } of parts) {
          const isUpToDate = sequence.numPending === numTokens;
          sequence.numComputed += numTokens;
          if (isUpToDate) {
            const numTrue = random.below(numDrafts + 1);
            for (const id of [...sequence.drafts.slice(0, numTrue), random.below(VOCAB)])
              if (sequence.numTokens < ends.get(sequence)!) sequence.push(id);
            sequence.numComputed = Math.min(sequence.numComputed + numTrue, sequence.numTokens - 1);
            sequence.drafts = Array.from({ length: random.below(4) }, () => random.below(VOCAB)).slice(
              0,
              ends.get(sequence)! - sequence.numTokens,
            );
          }
          pool.register(sequence);
          if (sequence.numTokens === ends.get(sequence) || random.below(60) === 0) {
            scheduler.remove(sequence);
            numDone++;
          }
          expectBalance(pool, scheduler.running);
        }
      }
      expect(pool.numUsed).toBe(0);
    }
  });
});

describe("prefixes", () => {
  test("of the same beginning are computed once, also when all requests come at once", async () => {
    const { engine, runner } = setUp({ maxStepTokens: 64, speculation: "none" });
    const prompt = Array.from({ length: 41 }, (_, i) => i % VOCAB);
    await Promise.all(
      Array.from({ length: 8 }, (_, seed) => engine.submit({ prompt, maxNewTokens: 1, sampling: { seed } }).result),
    );
    expect(runner.numTokens).toBe(41 + 7);
    expect(engine.stats().prefixHitTokens).toBe(7 * 40);
  });
  test("freed least recently are reused first, and ends before beginnings", async () => {
    const { engine } = setUp({ speculation: "none" }, { numBlocks: 12 });
    const ask = async (first: number) => {
      const { numPrefixHits } = await engine.submit({ prompt: [first, ...new Array(16).fill(1)], maxNewTokens: 1 })
        .result;
      return numPrefixHits;
    };
    expect([await ask(2), await ask(3), await ask(2)]).toEqual([0, 0, 16]);
    expect(await ask(4)).toBe(0); // takes what 3 had, from its end
    expect(await ask(2)).toBe(16);
    expect(await ask(3)).toBeLessThan(16);
  });
  test("of generated tokens serve later prompts only where both paths give the same bits", async () => {
    for (const pathsAgree of [true, false]) {
      const { engine } = setUp({ speculation: "none" }, { pathsAgree });
      const first = await engine.submit({ prompt: [1, 2, 3], maxNewTokens: 20 }).result;
      const second = await engine.submit({ prompt: [1, 2, 3, ...first.ids], maxNewTokens: 1 }).result;
      expect(second.numPrefixHits).toBe(pathsAgree ? 20 : 0);
    }
  });
  test("of prompts alone are found where that is asked for", async () => {
    const { engine } = setUp({ speculation: "none", prefixCache: "prompts" }, { pathsAgree: true });
    const prompt = new Array(9).fill(1);
    const { ids } = await engine.submit({ prompt, maxNewTokens: 20 }).result;
    expect((await engine.submit({ prompt: [...prompt, ...ids], maxNewTokens: 1 }).result).numPrefixHits).toBe(8);
  });
  test("are forgotten when the weights change", async () => {
    const { engine } = setUp({});
    const prompt = new Array(20).fill(1);
    await engine.submit({ prompt, maxNewTokens: 1 }).result;
    engine.forgetPrefixes();
    expect((await engine.submit({ prompt, maxNewTokens: 1 }).result).numPrefixHits).toBe(0);
  });
});

describe("a request", () => {
  test.each([
    [{ prompt: [] }, /at least one token/],
    [{ prompt: new Array(300).fill(1) }, /the prompt has 300 tokens, but the context is 256/],
    [{ prompt: [1, 2], maxNewTokens: 255 }, /2 \+ 255 = 257 positions, but the context is 256/],
    [{ prompt: [1, 99] }, /token ids range from 0 to 11, got 99/],
    [{ prompt: [1], maxNewTokens: 1.5 }, /maxNewTokens must be a whole number/],
    [{ prompt: [1], sampling: { temperature: -1 } }, /temperature must be a number of at least 0 .*, got -1/],
    [{ prompt: [1], sampling: { topP: 0 } }, /topP/],
    [{ prompt: [1], sampling: { logitBias: new Map([[50, 1]]) } }, /logitBias: token ids/],
    [{ prompt: [1], stop: ["x"] }, /need an engine with a tokenizer/],
    [null, /request: expected an object, got null/],
    [{}, /prompt must be a list of token ids, got nothing/],
    [{ prompt: null }, /prompt must be a list of token ids, got null/],
    [{ prompt: "hi" }, /prompt must be a list of token ids, got "hi"/],
    [{ prompt: [1, null] }, /prompt: token ids range from 0 to 11, got null/],
    [
      { prompt: [1], sampling: { temperature: 1e300 } },
      /temperature must be a number .* that fits into a 32-bit float, got 1e\+300/,
    ],
    [{ prompt: [1], sampling: { temperature: "1" } }, /temperature must be a number .*, got "1"/],
    [{ prompt: [1], sampling: { temperature: Number.NaN } }, /temperature must be .*, got NaN/],
    [{ prompt: [1], sampling: { repetitionPenalty: 1e-300 } }, /repetitionPenalty must be a number above 0/],
    [
      { prompt: [1], sampling: { logitBias: { 5: 1 } } },
      /logitBias must be a Map of token ids to numbers, got \{"5":1\}/,
    ],
    [
      { prompt: [1], sampling: { logitBias: new Map([[5, "1"]]) } },
      /the bias of token 5 must be a finite number or -Infinity, got "1"/,
    ],
    [{ prompt: [1], sampling: { temprature: 1 } }, /unknown option temprature, did you mean "temperature"\?/],
    [{ prompt: [1], sampling: 3 }, /sampling must be an object, got 3/],
    [
      { prompt: [1], loop: { maxPeriod: -1, minRepeats: 2, minTokens: 4 } },
      /loop: maxPeriod must be a whole number from 1 to 65536, got -1/,
    ],
    [{ prompt: [1], loop: { maxPeriod: 4 } }, /loop: minRepeats must be a whole number of at least 2, got nothing/],
    [{ prompt: [1], stop: "x" }, /stop must be a list of non-empty strings/],
    [{ prompt: [1], stopIds: 3 }, /stopIds must be a list of token ids, got 3/],
    [{ prompt: [1], thinking: { budget: "4" } }, /thinking: budget must be a number of at least 0, got "4"/],
    [{ prompt: [1], signal: {} }, /signal must be an AbortSignal/],
    [{ prompt: [1], maxTokens: 5 }, /request: unknown option maxTokens/],
    [{ prompt: [1], schema: null }, /schema must be a JSON schema, got null/],
  ] as const)("%j that cannot be met is refused with what was expected and what came", (request, message) => {
    const { engine } = setUp({});
    const submit = () => engine.submit(request as unknown as GenerationRequest);
    expect(submit).toThrow(ConfigError);
    expect(submit).toThrow(message);
    expect(engine.stats()).toMatchObject({ running: 0, waiting: 0, blocksUsed: 0, promptTokens: 0 });
  });
  test("that keeps more tokens than there are keeps all", async () => {
    const { engine } = setUp({ speculation: "none" });
    const [all, more] = [0, Number.MAX_SAFE_INTEGER].map(
      (topK) => engine.submit({ prompt: [1], maxNewTokens: 9, sampling: { topK, seed: 3 } }).result,
    );
    expect([...(await more).ids]).toEqual([...(await all).ids]);
  });
  test("of as many tokens as the context holds is served whole", async () => {
    const { engine } = setUp({}, { numBlocks: 5 });
    const { ids, finishReason } = await engine.submit({ prompt: [1, 2, 3], loop: false }).result;
    expect([ids.length, finishReason]).toEqual([17, "length"]);
  });
  test("whose reader leaves the loop is cancelled; one aborted before it was submitted never runs", async () => {
    const { engine, runner } = setUp({});
    const request = engine.submit({ prompt: [1], maxNewTokens: 50 });
    for await (const event of request) if (event.id >= 0) break;
    expect(engine.stats().blocksUsed).toBe(0);
    expect((await request.result).finishReason).toBe("cancelled");
    const { numSteps } = runner;
    expect((await engine.submit({ prompt: [1], signal: AbortSignal.abort() }).result).finishReason).toBe("cancelled");
    expect(runner.numSteps).toBe(numSteps);
  });
  test("whose step the model fails hears of it, and the next one is served", async () => {
    const { engine, runner } = setUp({});
    runner.onStep = () => {
      throw new BackendError("out of memory");
    };
    const request = engine.submit({ prompt: [1], maxNewTokens: 5 });
    const read = async () => {
      for await (const _ of request);
    };
    await expect(read()).rejects.toThrow("out of memory");
    await expect(request.result).rejects.toThrow("out of memory");
    runner.onStep = undefined;
    expect((await engine.submit({ prompt: [1], maxNewTokens: 5 }).result).ids.length).toBe(5);
    expect(engine.stats().blocksUsed).toBe(0);
  });
  test("is cancelled by close, and none is taken after it", async () => {
    const { engine } = setUp({});
    const request = engine.submit({ prompt: [1], maxNewTokens: 200 });
    await new Promise(setImmediate);
    await engine.close();
    expect((await request.result).finishReason).toBe("cancelled");
    expect(() => engine.submit({ prompt: [1] })).toThrow(/closed/);
  });
});
