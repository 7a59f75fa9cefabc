// What a teacher says of texts: of every token that is to be learnt, its likeliest tokens with their log-probabilities,
// and that of all others together. Knows not where that is kept.
import { exp, log } from "../elementary.js";
import type { LanguageModel } from "../models/language-model.js";
import { packSequences } from "../nn/batch.js";
import { keep, scope, tensor } from "../tensor/engine.js";
import { gatherRows } from "../tensor/ops/rows.js";
import { topLogProbs } from "../tensor/ops/sampling.js";
import { noGrad } from "../tensor/tape.js";
import { countTargets, type TrainSequence } from "../train/batch.js";
import { splitMicroBatches, yieldOrStop } from "../train/step.js";

/** What a teacher says of the targets of a sequence, one after the other. */
export interface SoftTargets {
  /** Its likeliest tokens, [targets, k]. */
  readonly tokens: Int32Array;
  /** Their log-probabilities and that of all other tokens together, [targets, k+1]. */
  readonly logProbs: Float32Array;
}

/** A sequence with what a teacher says of its targets. */
export interface TaughtSequence extends TrainSequence {
  readonly soft: SoftTargets;
}

/**
 * A smaller probability of all other tokens counts as this: what is left of 1 has no more digits in f32, and a reverse
 * divergence would make much of nothing.
 */
const LEAST_REST = 1e-6;
/** Logits on the device at a time. */
const MAX_LOGITS = 1 << 24;

/** How a teacher is asked. */
export interface AskOptions {
  /** Likeliest tokens that are told of each target. */
  readonly k: number;
  /** Its logits are divided by this. */
  readonly temperature: number;
  readonly microBatchTokens: number;
  readonly signal?: AbortSignal;
}

/** What a model says of the targets of sequences. Throws Interrupted when `signal` fires. */
export async function softTargets(
  model: LanguageModel,
  sequences: readonly TrainSequence[],
  { k, temperature, microBatchTokens, signal }: AskOptions,
): Promise<SoftTargets[]> {
  const all: SoftTargets[] = [];
  for (const micro of splitMicroBatches(sequences, microBatchTokens)) {
    const hidden = keep(scope(() => noGrad(() => hiddenOf(model, micro))));
    try {
      const numRows = hidden.shape[0];
      const [tokens, logProbs] = [new Int32Array(numRows * k), new Float32Array(numRows * (k + 1))];
      const perChunk = Math.max(1, Math.floor(MAX_LOGITS / model.vocabSize));
      for (let from = 0; from < numRows; from += perChunk) {
        const count = Math.min(perChunk, numRows - from);
        const { ids, logp } = scope(() => keep(noGrad(() => likeliest(model, hidden, from, count, k, temperature))));
        tokens.set((await ids.data()) as Int32Array, from * k);
        withRest((await logp.data()) as Float32Array, k, logProbs.subarray(from * (k + 1)));
        for (const each of [ids, logp]) each.dispose();
        await yieldOrStop(signal);
      }
      let at = 0;
      for (const sequence of micro) {
        const end = at + countTargets([sequence]);
        all.push({ tokens: tokens.slice(at * k, end * k), logProbs: logProbs.slice(at * (k + 1), end * (k + 1)) });
        at = end;
      }
    } finally {
      hidden.dispose();
    }
  }
  return all;
}

/** The states [C,d] before the targets. */
function hiddenOf(model: LanguageModel, sequences: readonly TrainSequence[]) {
  const batch = packSequences(
    sequences.map(({ ids }) => Int32Array.from(ids).subarray(0, -1)),
    model.device,
  );
  const rows: number[] = [];
  let at = 0;
  for (const { ids, learnFrom = 1 } of sequences) {
    for (let i = Math.max(1, learnFrom); i < ids.length; i++) rows.push(at + i - 1);
    at += ids.length - 1;
  }
  return gatherRows(model.forward(batch).hidden, tensor(rows, [rows.length], "i32", model.device));
}

function likeliest(
  model: LanguageModel,
  hidden: Parameters<typeof gatherRows>[0],
  from: number,
  count: number,
  k: number,
  temperature: number,
) {
  const numbers = (of: (i: number) => number) => Array.from({ length: count }, (_, i) => of(i));
  const rows = tensor(
    numbers((i) => from + i),
    [count],
    "i32",
    model.device,
  );
  const logits = model.logits(gatherRows(hidden, rows));
  const places = tensor(
    numbers((i) => i),
    [count],
    "i32",
    model.device,
  );
  const temperatures = tensor(
    numbers(() => temperature),
    [count],
    "f32",
    model.device,
  );
  return topLogProbs(logits, places, temperatures, k);
}

/** Puts behind the log-probabilities of each row that of all other tokens. */
function withRest(logp: Float32Array, k: number, into: Float32Array): void {
  for (let row = 0; row * k < logp.length; row++) {
    const own = logp.subarray(row * k, (row + 1) * k);
    into.set(own, row * (k + 1));
    const told = own.reduce((sum, each) => sum + exp(each), 0);
    into[row * (k + 1) + k] = log(Math.max(1 - told, LEAST_REST));
  }
}
