// How likely a model finds the tokens of completions, behind their prompts. Knows no loss.
import type { LanguageModel } from "../models/language-model.js";
import { packSequences } from "../nn/batch.js";
import { tensor } from "../tensor/engine.js";
import { headLogProb } from "../tensor/ops/head.js";
import { gatherRows } from "../tensor/ops/rows.js";
import type { Tensor } from "../tensor/tensor.js";

/** Log-probabilities and entropies [C] of the completions' tokens, in order, under the model at this temperature. */
export function completionLogProbs(
  model: LanguageModel,
  samples: readonly { ids: Int32Array; promptLength: number }[],
  temperature: number,
  recomputeLayers = false,
): { logp: Tensor; entropy: Tensor } {
  const batch = packSequences(
    samples.map(({ ids }) => ids.subarray(0, ids.length - 1)),
    model.device,
  );
  const { hidden } = model.forward(batch, { recomputeLayers });
  const rows: number[] = [];
  const targets: number[] = [];
  let at = 0;
  for (const { ids, promptLength } of samples) {
    for (let i = promptLength; i < ids.length; i++) {
      rows.push(at + i - 1);
      targets.push(ids[i]);
    }
    at += ids.length - 1;
  }
  const i32 = (values: readonly number[]) => tensor(values, [values.length], "i32", model.device);
  return headLogProb(gatherRows(hidden, i32(rows)), model.head, i32(targets), temperature);
}
