// The logits of known sequences by one forward, which is what training computes and what steps over a cache are held
// against.
import type { LanguageModel } from "../../src/models/language-model.js";
import { packSequences } from "../../src/nn/batch.js";
import { scopeAsync } from "../../src/tensor/engine.js";

/** Logits f32 [T,V] of the packed sequences by one forward. */
export function forwardLogits(model: LanguageModel, sequences: readonly (readonly number[])[]): Promise<Float32Array> {
  return scopeAsync(async () => {
    const { hidden } = model.forward(packSequences(sequences));
    return Float32Array.from(await model.logits(hidden).data());
  });
}
