// Our side of the comparison with llama.cpp, in a process of its own: `node inference-child.js FILE.gguf decode|prefill|batch THREADS`.
// Speaks the line protocol of stepper.ts, as bench/peers/llama-serve.mjs does; both take what they measure from inference-workload.ts.
import { createInterface } from "node:readline";
import { Engine } from "../src/inference/engine.js";
import { openForInference } from "../src/inference/open-for-inference.js";
import { PagedRunner } from "../src/inference/paged-runner.js";
import { createNativeBackend } from "../src/tensor/backends/native/backend.js";
import { startProfile, stopProfile, useBackend } from "../src/tensor/engine.js";
import { type InferenceKind, inferenceWorkload, randomPrompt } from "./inference-workload.js";
import type { StepResult } from "./stepper.js";

const peakRssBytes = () => process.resourceUsage().maxRSS * 1024;
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

const [path, kind, threads] = process.argv.slice(2);
useBackend(createNativeBackend({ threads: Number(threads) }));
const importedRssBytes = peakRssBytes();
const { streams, promptTokens, newTokens } = inferenceWorkload[kind as InferenceKind];
const loadingMs = performance.now();
const { model, use } = await openForInference(path, { cacheTokens: streams * (Math.ceil((promptTokens + newTokens) / 64) + 1) * 64 });
const runner = new PagedRunner(model, use);
const engine = new Engine({ runner, maxSequences: streams, prefixCache: false, speculation: "none" });

/** One round: all prompts together; counted is what comes after every stream has its first token, or for `prefill` what comes before. */
async function round(seed: number): Promise<StepResult> {
  const startedMs = performance.now();
  const startedCpu = process.cpuUsage();
  let [beganMs, beganCpu] = [startedMs, startedCpu];
  let waiting = streams;
  let counted = 0;
  const stream = async (i: number) => {
    let isFirst = true;
    const prompt = randomPrompt(seed * streams + i, promptTokens, runner.vocabSize);
    for await (const _ of engine.submit({ prompt, maxNewTokens: newTokens, sampling: { temperature: 0 }, loop: false })) {
      if (waiting === 0) counted++;
      if (isFirst && --waiting === 0 && kind !== "prefill") {
        [beganMs, beganCpu] = [performance.now(), process.cpuUsage()];
        startProfile();
      }
      isFirst = false;
    }
  };
  if (kind === "prefill") startProfile();
  await Promise.all(Array.from({ length: streams }, (_, i) => stream(i)));
  const { user, system } = process.cpuUsage(beganCpu);
  const profile = [...stopProfile()].map(([op, { calls, seconds, flops }]) => ({ op, calls, seconds, flops }));
  const tokens = kind === "prefill" ? streams * promptTokens : counted;
  return { seconds: (performance.now() - beganMs) / 1000, cpuSeconds: (user + system) / 1e6, tokens, profile };
}

say({ facts: { loadSeconds: (performance.now() - loadingMs) / 1000, rssBytes: process.memoryUsage().rss } });
let seed = 0;
for await (const _ of createInterface(process.stdin)) say(await round(seed++));
say({ peakRssBytes: peakRssBytes(), importedRssBytes });
