// Claim: over a cache of latents a decode step with 32K tokens of context takes at most 1.6 times the one with 1K. Each model alone, cut to
// some of its layers, all of full size; the cache holds zeros, which costs what any numbers cost.
import { openForInference } from "../src/inference/open-for-inference.js";
import { type PagedRunner, runnerOf } from "../src/inference/paged-runner.js";
import { scopeAsync, trimMemory, useBackend } from "../src/tensor/engine.js";
import { nativeBackend } from "./ceilings.js";
import { type Claim, type Line, median } from "./claim.js";

const CASES = [
  { path: "random:v2-lite:layers=6@q8_0", cacheType: "bf16" },
  { path: "random:v2-lite:layers=6@q8_0", cacheType: "fp8-latent" },
  { path: "random:v3:layers=4@e4m3", cacheType: "fp8-latent" },
] as const;
const [SHORT, LONG] = [1024, 32768];
const ROUNDS = 9;

export const context: Claim = async ({ threads, log, quick }) => {
  useBackend(nativeBackend(threads));
  const lines: Line[] = [];
  for (const { path, cacheType } of quick ? CASES.slice(0, 2) : CASES) {
    const opened = await openForInference(path, { cacheTokens: LONG + 64, cacheType });
    const { model, plan } = opened;
    const runner = runnerOf(opened);
    const short: number[] = [];
    const long: number[] = [];
    for (let i = 0; i <= ROUNDS; i++) {
      const seconds = [await decodeSeconds(runner, SHORT), await decodeSeconds(runner, LONG)];
      if (i === 0) continue;
      short.push(seconds[0]);
      long.push(seconds[1]);
    }
    runner.dispose();
    model.dispose();
    trimMemory();
    const [ours, reached] = [1000 * median(long), median(long) / median(short)];
    const note = `${(1000 * median(short)).toFixed(1)} ms with 1K tokens; cache ${plan.cachePerToken} bytes a token`;
    lines.push({ claim: "context", what: `${path}, ${cacheType}: a step at 32K / at 1K`, unit: "ms", ours, reached, target: { atMost: 1.6 }, note });
    log(`${path} ${cacheType}: ${reached.toFixed(2)}`);
  }
  return lines;
};

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
