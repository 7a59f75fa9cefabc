// Our side of the comparison with llama.cpp, in a process of its own: `node inference-child.js FILE.gguf
// decode|prefill|batch THREADS`. Speaks the line protocol of stepper.ts, as bench/peers/llama-cpp/serve.mjs does.
import { createInterface } from "node:readline";
import { createNativeBackend } from "../src/backends/native/backend.js";
import { openForInference, runnerOf } from "../src/inference/opening/open-for-inference.js";
import { type InferenceKind, measureRound, roundCacheTokens } from "../src/inference/runtime/measure.js";
import { Device, setDefaultDevice } from "../src/tensor/device.js";
import { BLOCK_TOKENS } from "../src/tensor/ops/paged-layout.js";
import { inferenceRounds } from "./inference-workload.js";

const peakRssBytes = () => process.resourceUsage().maxRSS * 1024;
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

const [path, kind, threads] = process.argv.slice(2);
setDefaultDevice(new Device(createNativeBackend({ threads: Number(threads) })));
const importedRssBytes = peakRssBytes();
const round = inferenceRounds[kind as InferenceKind];
const startedMs = performance.now();
const opened = await openForInference(path, { cacheTokens: roundCacheTokens(round, BLOCK_TOKENS) });
const runner = runnerOf(opened);
const { plan, model } = opened;
say({
  facts: {
    loadSeconds: (performance.now() - startedMs) / 1000,
    weightBytes: plan.weights + plan.mapped,
    cacheBytes: plan.cache,
  },
});
let seed = 0;
for await (const _ of createInterface(process.stdin)) {
  const measured = await measureRound(runner, kind as InferenceKind, round, seed++, () => model.device.startProfile());
  const profile = [...model.device.stopProfile()].map(([op, { calls, seconds, flops }]) => ({
    op,
    calls,
    seconds,
    flops,
  }));
  say({ ...measured, profile });
}
say({ peakRssBytes: peakRssBytes(), importedRssBytes });
