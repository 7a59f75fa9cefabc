// Claim: over a cache of latents a decode step with 32K tokens of context takes at most 1.6 times the one with 1K. The
// whole models do not fit everywhere: each is timed with some of its layers, all of full size, and a step of all layers
// is the output head, timed by itself, and so many times one layer (a dense one reads as much as the chosen experts of
// another). The cache is filled with zeros, which costs what any numbers cost.
import { openForInference, runnerOf } from "../src/inference/opening/open-for-inference.js";
import type { PagedRunner } from "../src/inference/runtime/paged-runner.js";
import type { LanguageModel } from "../src/models/language-model.js";
import { Device, defaultDevice, setDefaultDevice } from "../src/tensor/device.js";
import { scopeAsync } from "../src/tensor/engine.js";
import { fillInPlace, zeros } from "../src/tensor/ops/elementwise.js";
import { nativeBackend } from "./ceilings.js";
import { type Claim, type Line, median } from "./claim.js";

interface Case {
  readonly shape: string;
  readonly weights: string;
  readonly cacheType: "bf16" | "fp8-latent";
  /** Of the released model, and of what is timed. */
  readonly allLayers: number;
  readonly layers: number;
}

const CASES: readonly Case[] = [
  { shape: "v2-lite", weights: "q8_0", cacheType: "bf16", allLayers: 27, layers: 9 },
  { shape: "v2-lite", weights: "q8_0", cacheType: "fp8-latent", allLayers: 27, layers: 9 },
  { shape: "v3", weights: "e4m3", cacheType: "fp8-latent", allLayers: 61, layers: 4 },
];
const [SHORT, LONG] = [1024, 32768];
const ROUNDS = 9;

export const context: Claim = async ({ threads, log, quick }) => {
  setDefaultDevice(new Device(nativeBackend(threads)));
  const lines: Line[] = [];
  for (const which of quick ? CASES.slice(0, 2) : CASES) {
    const line = await contextLine(which);
    lines.push(line);
    log(`${line.what}: ${line.reached?.toFixed(2)}`);
  }
  return lines;
};

async function contextLine({ shape, weights, cacheType, allLayers, layers }: Case): Promise<Line> {
  const opened = await openForInference(`random:${shape}:layers=${layers}@${weights}`, {
    cacheTokens: LONG + 64,
    cacheType,
  });
  const { model, plan } = opened;
  const runner = runnerOf(opened);
  for (const { keys, values } of runner.cache.layers)
    for (const entries of [keys, values]) if (entries) fillInPlace(entries, 0);
  const rounds: { short: number; long: number }[] = [];
  for (let i = 0; i <= ROUNDS; i++) {
    const [short, long, head] = [await decodeMs(runner, SHORT), await decodeMs(runner, LONG), await headMs(model)];
    const whole = (step: number) => head + ((step - head) * allLayers) / layers;
    if (i > 0) rounds.push({ short: whole(short), long: whole(long) });
  }
  runner.dispose();
  model.dispose();
  defaultDevice().trim();
  const ours = median(rounds.map(({ long }) => long));
  return {
    claim: "context",
    what: `${shape} ${weights}, ${cacheType}: a step at 32K / at 1K`,
    unit: "ms",
    ours,
    reached: median(rounds.map(({ short, long }) => long / short)),
    target: { atMost: 1.6 },
    note:
      `${allLayers} layers from ${layers}; ${median(rounds.map(({ short }) => short)).toFixed(0)} ms at 1K; ` +
      `cache ${(plan.cachePerToken * allLayers) / layers} bytes a token`,
  };
}

/** The output head alone, for one token. */
async function headMs(model: LanguageModel): Promise<number> {
  const started = performance.now();
  await scopeAsync(async () => void (await model.logits(zeros([1, model.config.hidden_size], "bf16")).data()));
  return performance.now() - started;
}

/** One decode step of one sequence that sees `length` tokens. */
async function decodeMs(runner: PagedRunner, length: number): Promise<number> {
  const { blockSize } = runner;
  const maxBlocks = Math.ceil(length / blockSize);
  const last = length - 1;
  const plan = {
    ids: Int32Array.of(1),
    positions: Int32Array.of(last),
    blockIds: Int32Array.of(Math.floor(last / blockSize)),
    blockOffsets: Int32Array.of(last % blockSize),
    blockTables: Int32Array.from({ length: maxBlocks }, (_, i) => i),
    maxBlocks,
    cuQueries: Int32Array.of(0, 1),
    contextLengths: Int32Array.of(length),
    numPrefill: 0,
    logitRows: Int32Array.of(0),
  };
  const started = performance.now();
  await scopeAsync(async () => void (await runner.step(plan).data()));
  return performance.now() - started;
}
