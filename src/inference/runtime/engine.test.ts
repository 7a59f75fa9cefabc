// The engine's promises on a fake model: tokens that depend on the request alone, an end to every request, no block
// lost.
import { beforeEach, describe, expect, test } from "vitest";
import { createReferenceBackend } from "../../backends/reference.js";
import { Random } from "../../random.js";
import { Device, setDefaultDevice } from "../../tensor/device.js";
import { Engine, type EngineOptions } from "./engine.js";
import { type FakeOptions, FakeRunner } from "./fake-runner.fixture.js";
import type { Completion, GenerationRequest } from "./request.js";

beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));

const engineOf = (options: Partial<EngineOptions> = {}, fake: FakeOptions = {}) =>
  new Engine({ runner: new FakeRunner(fake), ...options });

/** Requests of mixed lengths and options; some share beginnings. */
function requestsOf(count: number, label = "requests"): GenerationRequest[] {
  const random = new Random(7).fork(label);
  const stems = Array.from({ length: 3 }, () => Array.from({ length: 13 }, () => random.below(37)));
  return Array.from({ length: count }, (_, i) => ({
    prompt: [
      ...random.pick(stems).slice(0, random.below(14)),
      ...Array.from({ length: 1 + random.below(20) }, () => random.below(37)),
    ],
    maxNewTokens: 1 + random.below(30),
    stopIds: [3],
    sampling: SAMPLINGS[i % SAMPLINGS.length](i),
  }));
}
const SAMPLINGS: readonly ((seed: number) => GenerationRequest["sampling"])[] = [
  () => ({ temperature: 0 }),
  (seed) => ({ temperature: 1, seed }),
  (seed) => ({ temperature: 0.7, topP: 0.9, topK: 20, seed }),
  (seed) => ({ temperature: 0.8, seed, repetitionPenalty: 1.3, presencePenalty: 0.2, frequencyPenalty: 0.1 }),
  (seed) => ({
    temperature: 1.2,
    minP: 0.1,
    seed,
    logitBias: new Map([
      [5, 2],
      [6, Number.NEGATIVE_INFINITY],
    ]),
    topLogProbs: 3,
  }),
];

/** What must not change, whatever runs beside a request. */
const tokensOf = (results: readonly Completion[]) =>
  results.map(({ ids, logProbs, finishReason }) => ({ ids: [...ids], logProbs: [...logProbs], finishReason }));

async function runAll(engine: Engine, requests: readonly GenerationRequest[]): Promise<ReturnType<typeof tokensOf>> {
  const results = await Promise.all(requests.map((request) => engine.submit(request).result));
  expect(engine.stats()).toMatchObject({ running: 0, waiting: 0, blocksUsed: 0 });
  return tokensOf(results);
}
async function oneByOne(engine: Engine, requests: readonly GenerationRequest[]): Promise<ReturnType<typeof tokensOf>> {
  const results: Completion[] = [];
  for (const request of requests) results.push(await engine.submit(request).result);
  return tokensOf(results);
}
/** Each request alone in a cold engine that does everything whole. */
async function alone(
  requests: readonly GenerationRequest[],
  fake: FakeOptions = {},
): Promise<ReturnType<typeof tokensOf>> {
  const all = requests.map((request) => runAll(engineOf({ speculation: "none", prefixCache: false }, fake), [request]));
  return (await Promise.all(all)).flat();
}

describe("a request's tokens are the same", () => {
  const requests = requestsOf(40);
  test("alone and in a batch", async () => {
    const engine = engineOf({ speculation: "none", prefixCache: false }, { numBlocks: 1000 });
    expect(await runAll(engine, requests)).toEqual(await alone(requests));
    expect(engine.stats().preemptions).toBe(0);
  });
  test("with adapters of their own, alone and beside each other, whatever prefixes they share", async () => {
    const names = ["first", "second", null, undefined] as const;
    const mixed = requests.map((request, i) => ({ ...request, adapter: names[i % names.length] }));
    const fake: FakeOptions = { adapters: ["first", "second"], numBlocks: 200 };
    const expected = await alone(mixed, fake);
    for (const options of [{}, { maxStepTokens: 16, maxSequences: 8 }, { prefixCache: false }] as const)
      expect(await runAll(engineOf(options, fake), mixed)).toEqual(expected);
    expect(await alone(requests)).toEqual(
      await alone(
        requests.map((each) => ({ ...each, adapter: null })),
        fake,
      ),
    );
    expect(await alone(requests, fake)).toEqual(
      await alone(
        requests.map((each) => ({ ...each, adapter: "first" })),
        fake,
      ),
    );
    const other = await alone(
      requests.map((each) => ({ ...each, adapter: "second" })),
      fake,
    );
    expect(other).not.toEqual(await alone(requests, fake));
  });
  test("with prompts whole and in pieces", async () => {
    for (const maxStepTokens of [4, 7, 23]) {
      const engine = engineOf({ speculation: "none", prefixCache: false, maxSequences: 4, maxStepTokens });
      expect(await runAll(engine, requests)).toEqual(await alone(requests));
    }
  });
  test("cold and with prefixes from the cache", async () => {
    const engine = engineOf({ speculation: "none" });
    expect(await oneByOne(engine, requests)).toEqual(await alone(requests));
    expect(engine.stats().prefixHitTokens).toBeGreaterThan(50);
    expect(await runAll(engine, requests)).toEqual(await alone(requests));
  });
  test("preempted and not", async () => {
    for (const prefixCache of [true, "prompts"] as const) {
      const engine = engineOf({ speculation: "none", maxSequences: 16, prefixCache }, { numBlocks: 24 });
      expect(await runAll(engine, requests)).toEqual(await alone(requests));
      expect(engine.stats().preemptions).toBeGreaterThan(3);
    }
  });
  test("with lookup drafts and without", async () => {
    const engine = engineOf({ speculation: "lookup", maxSpeculating: 64 }, { memory: 1 });
    expect(await runAll(engine, requests)).toEqual(await alone(requests, { memory: 1 }));
    expect(engine.stats().accepted).toBeGreaterThan(10);
  });
  test("with the model's own drafts and without", async () => {
    const engine = engineOf({ speculation: "mtp", maxSpeculating: 64, maxStepTokens: 70 }, { mtpAccuracy: 0.8 });
    expect(await runAll(engine, requests)).toEqual(await alone(requests));
    expect(engine.stats().accepted).toBeGreaterThan(20);
  });
  test("with everything at once, when prompt and generation paths agree in bits and when they differ", async () => {
    for (const pathsAgree of [true, false]) {
      const engine = engineOf(
        { maxSpeculating: 3, maxSequences: 9, maxStepTokens: 11 },
        { mtpAccuracy: 0.6, numBlocks: 20, pathsAgree },
      );
      expect(await runAll(engine, requests)).toEqual(await alone(requests, { pathsAgree }));
    }
  });
});
