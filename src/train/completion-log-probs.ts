// How likely a model finds the tokens of completions, behind what comes before them. Knows no loss.
import type { LanguageModel } from "../models/language-model.js";
import { packShared } from "../nn/shared-prefixes.js";
import { tensor } from "../tensor/engine.js";
import { type HeadLogProbs, headLogProb } from "../tensor/ops/head.js";
import { gatherRows } from "../tensor/ops/rows.js";

/** Tokens as a model sees them, and which of them are the completion's; all others are context. */
export interface TokenSequence {
  readonly ids: Int32Array;
  /** Places in `ids` of the completion's tokens, rising, from 1 on. */
  readonly targets: Int32Array;
}

/**
 * Log-probabilities [C] of the completions' tokens, in order, under the model at this temperature, with entropies and,
 * `withMean`, mean logits. A prompt that several completions in a row answer is computed once.
 */
export function completionLogProbs(
  model: LanguageModel,
  samples: readonly TokenSequence[],
  temperature: number,
  {
    recomputeLayers = false,
    withMean = false,
  }: { readonly recomputeLayers?: boolean; readonly withMean?: boolean } = {},
): HeadLogProbs {
  const sequences = samples.map(({ ids, targets }) => ({
    ids: ids.subarray(0, ids.length - 1),
    prefixLength: model.takesCopies ? (targets[0] ?? 0) : 0,
  }));
  const { batch, rowOf } = packShared(sequences, model.device);
  const { hidden } = model.forward(batch, { recomputeLayers });
  const rows: number[] = [];
  const tokens: number[] = [];
  let at = 0;
  for (const { ids, targets } of samples) {
    for (const i of targets) {
      rows.push(rowOf[at + i - 1]);
      tokens.push(ids[i]);
    }
    at += ids.length - 1;
  }
  const i32 = (values: readonly number[]) => tensor(values, [values.length], "i32", model.device);
  return headLogProb(gatherRows(hidden, i32(rows)), model.head, i32(tokens), temperature, withMean);
}
