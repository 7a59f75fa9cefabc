// Claim: over a cache of latents a decode step with 32K tokens of context takes at most 1.6 times the one with 1K. The whole models do not fit everywhere:
// each is timed with one layer and with some more, and as its layers read alike (a dense one as much as the chosen experts of another), a step of all
// of them is one layer's time with the head and so many times what a further layer adds. The cache holds zeros, which costs what any numbers cost.
import { openForInference } from "../src/inference/open-for-inference.js";
import { type PagedRunner, runnerOf } from "../src/inference/paged-runner.js";
import { scopeAsync, trimMemory, useBackend } from "../src/tensor/engine.js";
import { nativeBackend } from "./ceilings.js";
import { type Claim, type Line, median } from "./claim.js";

interface Case {
  readonly shape: string;
  readonly weights: string;
  readonly cacheType: "bf16" | "fp8-latent";
  /** Of the released model, and of the deeper of the two that are timed. */
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
  useBackend(nativeBackend(threads));
  const lines: Line[] = [];
  for (const which of quick ? CASES.slice(0, 2) : CASES) {
    const line = await contextLine(which);
    lines.push(line);
    log(`${line.what}: ${line.reached?.toFixed(2)}`);
  }
  return lines;
};

async function contextLine({ shape, weights, cacheType, allLayers, layers }: Case): Promise<Line> {
  const one = await timed(`random:${shape}:layers=1@${weights}`, cacheType);
  const some = await timed(`random:${shape}:layers=${layers}@${weights}`, cacheType);
  const further = (allLayers - 1) / (layers - 1);
  const [short, long, perToken] = (["short", "long", "bytesPerToken"] as const).map((what) => one[what] + (some[what] - one[what]) * further);
  const pair = (depth: Timed) => `${depth.short.toFixed(1)} and ${depth.long.toFixed(1)} ms`;
  return {
    claim: "context",
    what: `${shape} ${weights}, ${cacheType}: a step at 32K / at 1K`,
    unit: "ms",
    ours: long,
    reached: long / short,
    target: { atMost: 1.6 },
    note: `all ${allLayers} layers, at 1K ${short.toFixed(0)} ms; timed with 1 layer ${pair(one)}, with ${layers} ${pair(some)}; cache ${perToken.toFixed(0)} bytes a token`,
  };
}

/** Milliseconds of a step at both lengths, medians of rounds in turn. */
interface Timed {
  readonly short: number;
  readonly long: number;
  readonly bytesPerToken: number;
}

async function timed(path: string, cacheType: Case["cacheType"]): Promise<Timed> {
  const opened = await openForInference(path, { cacheTokens: LONG + 64, cacheType });
  const runner = runnerOf(opened);
  const [short, long]: number[][] = [[], []];
  for (let i = 0; i <= ROUNDS; i++) {
    const times = [await decodeSeconds(runner, SHORT), await decodeSeconds(runner, LONG)];
    if (i === 0) continue;
    short.push(1000 * times[0]);
    long.push(1000 * times[1]);
  }
  runner.dispose();
  opened.model.dispose();
  trimMemory();
  return { short: median(short), long: median(long), bytesPerToken: opened.plan.cachePerToken };
}

/** One decode step of one sequence that sees `length` tokens. */
async function decodeSeconds(runner: PagedRunner, length: number): Promise<number> {
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
  return (performance.now() - started) / 1000;
}
