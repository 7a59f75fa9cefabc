// What is measured of inference, for ours and for llama.cpp alike. Knows no clocks.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "./workload.js";

/** What is measured: one stream's tokens, a prompt's, or those of many streams at once. */
export type InferenceKind = "decode" | "prefill" | "batch";

/** Streams that run at once, tokens of each prompt, and new tokens of each. */
export interface InferenceRound {
  readonly streams: number;
  readonly promptTokens: number;
  readonly newTokens: number;
}

/** The one description of what is measured, which the peer reads too. */
export const inferenceWorkload = JSON.parse(readFileSync(join(packageRoot, "bench", "peers", "inference.json"), "utf8")) as Record<
  InferenceKind,
  InferenceRound
>;

/** Token ids without a pattern (a linear congruence), the same on both sides. */
export function randomPrompt(seed: number, length: number, vocabSize: number): number[] {
  let state = (seed + 1) * 7919;
  return Array.from({ length }, () => (state = (state * 1103515245 + 12345) % 2147483648) % vocabSize);
}
