// The peer's side of the comparison of inference: llama.cpp through node-llama-cpp, the rounds of inference.json on the
// line protocol of bench/stepper.ts.
// Usage: node serve.mjs FILE.gguf decode|prefill|batch VARIANT THREADS      (VARIANT: plain or flash, with flash
// attention). LLAMA_ENTRY: another copy of node-llama-cpp's entry, as bench/llama-build.ts makes one.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { LLAMA_ENTRY: copy } = process.env;
const { getLlama } = await import(copy ? pathToFileURL(copy).href : "node-llama-cpp");
const [path, kind, variant, threads] = process.argv.slice(2);
const { streams, promptTokens, newTokens } = JSON.parse(
  readFileSync(new URL("../inference.json", import.meta.url), "utf8"),
)[kind];
const peakRssBytes = () => process.resourceUsage().maxRSS * 1024;
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** As randomPrompt of bench/inference/runtime/measure.ts. */
function randomPrompt(seed, length, vocabSize) {
  let state = (seed + 1) * 7919;
  return Array.from({ length }, () => (state = (state * 1103515245 + 12345) % 2147483648) % vocabSize);
}

const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: Number(threads) });
const importedRssBytes = peakRssBytes();
const loadingMs = performance.now();
const model = await llama.loadModel({ modelPath: path });
const context = await model.createContext({
  sequences: streams,
  contextSize: Math.max(256, promptTokens + newTokens + 8),
  batchSize: 512,
  threads: Number(threads),
  flashAttention: variant === "flash",
});
const sequences = Array.from({ length: streams }, () => context.getSequence());
const vocabSize = model.fileInfo.metadata.tokenizer.ggml.tokens.length;

async function prefill(seed) {
  const tokens = randomPrompt(seed, promptTokens, vocabSize);
  const [startedMs, startedCpu] = [performance.now(), process.cpuUsage()];
  await sequences[0].evaluateWithoutGeneratingNewTokens(tokens);
  return { since: startedMs, cpu: startedCpu, tokens: promptTokens };
}

async function decode(seed) {
  let waiting = streams;
  let counted = 0;
  let began;
  const stream = async (sequence, i) => {
    let left = newTokens;
    const options = { temperature: 0, yieldEogToken: true };
    for await (const _ of sequence.evaluate(randomPrompt(seed * streams + i, promptTokens, vocabSize), options)) {
      if (waiting === 0) counted++;
      if (left === newTokens && --waiting === 0) began = { since: performance.now(), cpu: process.cpuUsage() };
      if (--left === 0) break;
    }
  };
  await Promise.all(sequences.map(stream));
  return { ...began, tokens: counted };
}

say({ facts: { loadSeconds: (performance.now() - loadingMs) / 1000, rssBytes: process.memoryUsage().rss } });
let seed = 0;
for await (const _ of createInterface(process.stdin)) {
  const { since, cpu, tokens } = await (kind === "prefill" ? prefill : decode)(seed++);
  const { user, system } = process.cpuUsage(cpu);
  say({ seconds: (performance.now() - since) / 1000, cpuSeconds: (user + system) / 1e6, tokens });
  for (const sequence of sequences) await sequence.clearHistory();
}
say({ peakRssBytes: peakRssBytes(), importedRssBytes });
await llama.dispose();
