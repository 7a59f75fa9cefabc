// How fast a model runs: rounds of random prompts through the engine, as requests would come. Knows clocks; chooses no
// models.
import type { Device } from "../../tensor/device.js";
import { Engine } from "./engine.js";
import type { PagedRunner } from "./paged-runner.js";

/** What is measured: one stream's new tokens, a prompt's, or the new tokens of many streams at once. */
export type InferenceKind = "decode" | "prefill" | "batch";

/** Streams that run at once, tokens of each prompt, and new tokens of each. */
export interface InferenceRound {
  readonly streams: number;
  readonly promptTokens: number;
  readonly newTokens: number;
}

/** One measured round. For `prefill` all of it counts, for the others what follows every stream's first token. */
export interface MeasuredRound {
  readonly tokens: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Arithmetic and traffic of the counted part, from the ops' own costs. */
  readonly flops: number;
  readonly bytes: number;
}

/** Tokens that a cache needs for a round, in whole blocks of each stream. */
export function roundCacheTokens({ streams, promptTokens, newTokens }: InferenceRound, blockTokens: number): number {
  return streams * (Math.ceil((promptTokens + newTokens) / blockTokens) + 1) * blockTokens;
}

/** Token ids without a pattern (a linear congruence): drafts and prefixes find nothing in them. */
export function randomPrompt(seed: number, length: number, vocabSize: number): number[] {
  let state = (seed + 1) * 7919;
  return Array.from({ length }, () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state % vocabSize;
  });
}

/**
 * Runs one round; `onCounting` is called when what counts begins. Without drafts and without the prefix cache: every
 * token is computed.
 */
export async function measureRound(
  runner: PagedRunner,
  kind: InferenceKind,
  { streams, promptTokens, newTokens }: InferenceRound,
  seed: number,
  onCounting: () => void = () => {},
): Promise<MeasuredRound> {
  const engine = new Engine({ runner, maxSequences: streams, prefixCache: false, speculation: "none" });
  let start = startOfCount(runner.device);
  let waiting = streams;
  let counted = 0;
  const begin = () => {
    start = startOfCount(runner.device);
    onCounting();
  };
  const stream = async (i: number) => {
    const prompt = randomPrompt(seed * streams + i, promptTokens, runner.vocabSize);
    let isFirst = true;
    for await (const _ of engine.submit({
      prompt,
      maxNewTokens: newTokens,
      sampling: { temperature: 0 },
      loop: false,
    })) {
      if (waiting === 0) counted++;
      if (isFirst && --waiting === 0 && kind !== "prefill") begin();
      isFirst = false;
    }
  };
  if (kind === "prefill") begin();
  await Promise.all(Array.from({ length: streams }, (_, i) => stream(i)));
  const end = startOfCount(runner.device);
  await engine.close();
  return {
    tokens: kind === "prefill" ? streams * promptTokens : counted,
    seconds: end.seconds - start.seconds,
    cpuSeconds: end.cpuSeconds - start.cpuSeconds,
    flops: end.flops - start.flops,
    bytes: end.bytes - start.bytes,
  };
}

function startOfCount({ meter }: Device): { seconds: number; cpuSeconds: number; flops: number; bytes: number } {
  const { user, system } = process.cpuUsage();
  return {
    seconds: performance.now() / 1000,
    cpuSeconds: (user + system) / 1e6,
    flops: meter.flops,
    bytes: meter.bytes,
  };
}
