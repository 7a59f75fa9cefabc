// Engines in threads of their own, on real models: what is sampled is what an engine in this thread samples, whatever
// runs beside it; this thread stays free; errors and ends come across; nothing is left of an engine that was closed.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeModelDirectory } from "../../src/checkpoint/index.js";
import { BackendError, ConfigError } from "../../src/errors.js";
import { connectEngine } from "../../src/inference/opening/engine-thread.js";
import { type EngineOpening, type OpenedEngine, openEngine } from "../../src/inference/opening/open-engine.js";
import type { EngineHandle } from "../../src/inference/runtime/engine-handle.js";
import type { GenerationRequest, TokenEvent } from "../../src/inference/runtime/request.js";
import { createModel } from "../../src/models/create.js";
import { parseHfConfig, toHfConfigJson } from "../../src/models/hf-config.js";
import { storedWeights } from "../../src/models/weights.js";
import { packageRoot } from "../../src/package-root.js";
import { Device, defaultDevice, setDefaultDevice } from "../../src/tensor/device.js";
import { createByteTokenizer } from "../../src/tokenizer/byte-tokenizer.js";
import { tokenizerFiles } from "../../src/tokenizer/tokenizer-files.js";
import { fastestBackend } from "./backends.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-thread-"));
afterAll(() => rmSync(folder, { recursive: true }));
const [backend] = fastestBackend;
const tokenizer = createByteTokenizer({ bos: "<s>", eos: "</s>", tags: ["<think>", "</think>"] });
const vocab = { vocab_size: tokenizer.vocabSize, max_position_embeddings: 1024, initializer_range: 0.2 };
const small = {
  ...vocab,
  model_type: "deepseek_v3",
  hidden_size: 64,
  intermediate_size: 96,
  moe_intermediate_size: 32,
  num_hidden_layers: 2,
  first_k_dense_replace: 1,
  num_attention_heads: 4,
  q_lora_rank: null,
  kv_lora_rank: 32,
  qk_nope_head_dim: 16,
  qk_rope_head_dim: 8,
  v_head_dim: 16,
  n_routed_experts: 4,
  num_experts_per_tok: 2,
  n_group: 1,
  topk_group: 1,
  num_nextn_predict_layers: 1,
};
const large = {
  ...vocab,
  model_type: "llama",
  hidden_size: 512,
  intermediate_size: 1408,
  num_hidden_layers: 4,
  num_attention_heads: 8,
  num_key_value_heads: 4,
};
const paths = { small: join(folder, "small"), large: join(folder, "large") };

beforeAll(async () => {
  setDefaultDevice(new Device(backend));
  for (const [path, shape] of [
    [paths.small, small],
    [paths.large, large],
  ] as const) {
    const config = parseHfConfig(shape);
    const model = createModel(config, { seed: 5 });
    const stored = await storedWeights(model.parameters);
    const weights = new Map([...stored].map(([name, tensor]) => [name, { dtype: "f32", ...tensor } as const]));
    const json = JSON.parse(JSON.stringify(toHfConfigJson(config)));
    await writeModelDirectory(path, { config: json, weights, files: tokenizerFiles(tokenizer) });
    model.dispose();
  }
}, 120_000);

const open = (path: string, options: EngineOpening = {}) => openEngine(path, { stepTokens: 96, ...options });
const inThread = { thread: { backend: backend.name as "native" | "reference" } };

/** Requests of every kind, the n-th always the same. */
function mixed(count: number): GenerationRequest[] {
  const kinds: readonly Partial<GenerationRequest>[] = [
    { sampling: { temperature: 0, topLogProbs: 2 } },
    { sampling: { temperature: 0.8, topK: 20, topP: 0.9, minP: 0.01 }, stop: ["zz", "q"] },
    { thinking: { startsInside: true, budget: 6 }, sampling: { temperature: 1 } },
    { thinking: { startsInside: true, unclosed: "close" }, stopIds: [tokenizer.eosId!, 65, 66, 67] },
    { sampling: { repetitionPenalty: 1.3, presencePenalty: 0.2, frequencyPenalty: 0.1 }, form: "tagged" },
    {
      sampling: {
        temperature: 0.5,
        logitBias: new Map([
          [97, 4],
          [98, -50],
        ]),
      },
      loop: false,
    },
    { schema: { type: "object", properties: { a: { enum: [1, 2] } }, required: ["a"] }, speculate: false },
    { events: false },
  ];
  return Array.from({ length: count }, (_, seed) => {
    const kind = kinds[seed % kinds.length];
    const length = 1 + ((seed * 37) % 150);
    return {
      prompt: Int32Array.from({ length }, (_, i) => (i < 70 ? i : (i * 7 + seed * 11) % 250)),
      maxNewTokens: 8 + (seed % 25),
      ...kind,
      sampling: { seed, ...kind.sampling },
    };
  });
}

async function outcome(engine: EngineHandle, request: GenerationRequest) {
  const running = engine.submit(request);
  const events: TokenEvent[] = [];
  for await (const event of running) events.push(event);
  // What was spared or foreseen hangs on what ran beside it.
  const { numPrefixHits: _, numDrafted: __, numAccepted: ___, ...completion } = await running.result;
  return { events, completion };
}
const outcomes = (engine: EngineHandle, requests: readonly GenerationRequest[]) =>
  Promise.all(requests.map((request) => outcome(engine, request)));
const using = async <T>(opened: OpenedEngine, body: (engine: EngineHandle) => Promise<T>): Promise<T> => {
  try {
    return await body(opened.engine);
  } finally {
    await opened.dispose();
  }
};

describe("tokens, log-probabilities and results", () => {
  test("of 200 mixed requests are those of an engine in this thread", async () => {
    const requests = mixed(200);
    const expected = await using(await open(paths.small), (engine) => outcomes(engine, requests));
    const thread = await using(await open(paths.small, inThread), async (engine) => {
      const results = await outcomes(engine, requests);
      expect(await engine.stats()).toMatchObject({ running: 0, waiting: 0, blocksUsed: 0 });
      return results;
    });
    expect(thread).toEqual(expected);
    expect(new Set(expected.map(({ completion }) => completion.finishReason)).size).toBeGreaterThan(1);
    expect(expected.some(({ completion }) => completion.stopText !== undefined)).toBe(true);
  });

  test.each([
    ["in this thread, beside one in this thread", {}, {}],
    ["in this thread, beside one in a thread", {}, inThread],
    ["in a thread, beside one in this thread", inThread, {}],
    ["in a thread, beside one in another thread", inThread, inThread],
  ] as const)("%s that is opened, works and closes meanwhile, are those alone", async (_, first, second) => {
    const requests = mixed(40);
    const expected = await using(await open(paths.small, first), (engine) => outcomes(engine, requests));
    const beside = await using(await open(paths.small, first), async (engine) => {
      let isOver = false;
      const running = outcomes(engine, requests).finally(() => (isOver = true));
      let numOpened = 0;
      do {
        await using(await open(paths.small, { ...second, cacheKind: "heads" }), (other) => outcomes(other, mixed(3)));
        numOpened++;
      } while (!isOver && numOpened < 5);
      return running;
    });
    expect(beside).toEqual(expected);
  });
});

test("a prefill of 512 tokens in a thread leaves this one its timers", async () => {
  await using(await open(paths.large, { ...inThread, stepTokens: 512 }), async (engine) => {
    const prompt = Int32Array.from({ length: 512 }, (_, i) => (i * 7) % 250);
    let numTicks = 0;
    const timer = setInterval(() => numTicks++, 1);
    const { steps } = await engine.stats();
    numTicks = 0;
    await engine.submit({ prompt, maxNewTokens: 1 }).result;
    clearInterval(timer);
    // In one step: an engine in this thread lets no timer fire between its beginning and its end.
    expect((await engine.stats()).steps - steps).toBe(1);
    expect(numTicks).toBeGreaterThan(4);
  });
});

describe("opening", () => {
  test("tells its progress and gives what an engine in this thread gives", async () => {
    const progress: number[] = [];
    const here = await open(paths.small);
    const there = await open(paths.small, {
      ...inThread,
      onProgress: (loaded, total) => progress.push(loaded / total),
    });
    const facts = ({ engine, tokenizer: text, ...rest }: OpenedEngine) =>
      JSON.parse(JSON.stringify({ ...rest, limits: engine.limits, vocab: text?.vocabSize }));
    const { model: _, files: __, directory: ___, ...expected } = facts(here);
    expect(facts(there)).toMatchObject({ label: expected.label, plan: expected.plan, use: expected.use });
    expect(facts(there)).toMatchObject({ limits: expected.limits, vocab: expected.vocab, stopIds: expected.stopIds });
    expect(progress.at(-1)).toBe(1);
    await Promise.all([here.dispose(), there.dispose()]);
  });
  test("that fails there says so as it would here", async () => {
    for (const where of [{}, inThread]) {
      await expect(open(join(folder, "none"), where)).rejects.toThrow(ConfigError);
      const huge = open(paths.small, { ...where, cacheTokens: 2 ** 40 });
      await expect(huge).rejects.toThrow(BackendError);
      await expect(huge).rejects.toThrow(/small/);
      await expect(open(paths.small, { ...where, maxSequences: 0 })).rejects.toThrow(/maxSequences/);
    }
    await expect(open(paths.small, { ...inThread, device: defaultDevice() })).rejects.toThrow(/leave out device/);
  });
  test("ends with its signal", async () => {
    const aborter = new AbortController();
    const opening = open(paths.large, { ...inThread, signal: aborter.signal });
    setTimeout(() => aborter.abort(new Error("not wanted any more")), 20);
    await expect(opening).rejects.toThrow("not wanted any more");
  });
});

describe("a thread", () => {
  /** What six rounds add to this process's memory after the first two. A model that stayed would be 40 MiB each time. */
  async function growthMiB(round: () => Promise<void>): Promise<number> {
    const rss = async () => {
      await round();
      return process.memoryUsage().rss / 2 ** 20;
    };
    await rss();
    const before = await rss();
    for (let i = 0; i < 5; i++) await rss();
    return (await rss()) - before;
  }
  test("that is closed has given its memory back", async () => {
    const growth = await growthMiB(async () =>
      using(await open(paths.large, inThread), async (engine) => {
        await engine.submit({ prompt: [1], maxNewTokens: 1 }).result;
      }),
    );
    expect(growth).toBeLessThan(150);
  });
  test("that is ended while it opens has too", async () => {
    const growth = await growthMiB(async () => {
      const aborter = new AbortController();
      const onProgress = (loaded: number, total: number) => loaded > 0.8 * total && aborter.abort(new Error("enough"));
      await expect(open(paths.large, { ...inThread, onProgress, signal: aborter.signal })).rejects.toThrow("enough");
      await new Promise((resolve) => setTimeout(resolve, 200));
    });
    expect(growth).toBeLessThan(150);
  });

  /** A thread that opens as an engine does, and does `onCall` at the first call. */
  const fake = (onCall: string) =>
    connectEngine(
      new Worker(
        `const { parentPort } = require("node:worker_threads");
         parentPort.on("message", (call) => { ${onCall} });
         const limits = { vocabSize: 9, maxContext: 99, readsText: false };
         parentPort.postMessage({ kind: "opened", limits, facts: {} });`,
        { eval: true, stderr: true },
      ),
    );
  test.each([
    ["exits", "process.exit(3)", /^the engine's thread has ended \(exit code 3\); open the model again$/],
    [
      "crashes",
      "throw new Error('no such\\nthing')",
      /^the engine's thread has ended \(no such\); open the model again$/,
    ],
  ])("that %s ends all its requests with one line, and takes no more", async (_, onCall, message) => {
    const { engine } = await fake(onCall);
    const requests = [1, 2, 3].map(() => engine.submit({ prompt: [1] }));
    const reading = (async () => {
      for await (const _event of requests[0]);
    })();
    await expect(reading).rejects.toThrow(message);
    for (const { result } of requests) {
      await expect(result).rejects.toThrow(BackendError);
      await expect(result).rejects.toThrow(message);
    }
    expect(() => engine.submit({ prompt: [1] })).toThrow(message);
    await engine.close();
  });
  test("that dies while it opens says so", async () => {
    const dying = new Worker("process.exit(4)", { eval: true });
    await expect(connectEngine(dying)).rejects.toThrow(/exit code 4/);
  });

  test("does not keep the process alive while it has nothing to do, and does while it has", async () => {
    const library = pathToFileURL(join(packageRoot(), "dist/src/inference/index.js")).href;
    const [path, options] = [paths.small, inThread].map((each) => JSON.stringify(each));
    const program = `
      import { openEngine } from "${library}";
      const { engine } = await openEngine(${path}, ${options});
      const { result } = engine.submit({ prompt: [1, 2], maxNewTokens: 5, loop: false });
      result.then(({ ids }) => console.log(ids.length));`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
    expect(stdout.trim()).toBe("5");
  });
});
