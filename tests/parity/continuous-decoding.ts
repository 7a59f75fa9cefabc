// Feeds known sequences through prefill and decode as a sampler would, and gathers the logits. Knows no expected values.

import type { LanguageModel } from "../../src/models/language-model.js";
import { packSequences } from "../../src/nn/batch.js";
import type { CacheKind } from "../../src/nn/kv-cache.js";
import { scopeAsync, tensor } from "../../src/tensor/engine.js";
import { linear } from "../../src/tensor/ops/linear.js";
import type { Tensor } from "../../src/tensor/tensor.js";

/** How the sequences run: over how many cache rows, of which kind, and how much of each is its prompt. */
export interface DecodingPlan {
  readonly kind: CacheKind;
  /** Fewer rows than sequences: a row that has finished is refilled while the others go on. */
  readonly numSlots: number;
  readonly promptLengths: readonly number[];
}

interface Row {
  readonly sequence: number;
  readonly slot: number;
  position: number;
}

const i32 = (values: readonly number[]): Tensor => tensor(values, [values.length], "i32");

/** Logits f32 [T,V] of the packed sequences by one forward. */
export function forwardLogits(model: LanguageModel, sequences: readonly (readonly number[])[]): Promise<Float32Array> {
  return scopeAsync(async () => Float32Array.from(await headOf(model, model.forward(packSequences(sequences)).hidden).data()));
}

/** The same logits by prefill of each prompt and decoding of the rest, one token a step, rows entering and leaving. */
export async function decodedLogits(model: LanguageModel, sequences: readonly (readonly number[])[], plan: DecodingPlan): Promise<Float32Array> {
  const cache = model.createCache(plan.numSlots, Math.max(...sequences.map((s) => s.length)), plan.kind);
  const logits: number[][] = sequences.map(() => []);
  const waiting = sequences.map((_, i) => i);
  // The highest slots first, so that slot and row numbers differ.
  const freeSlots = Array.from({ length: plan.numSlots }, (_, i) => i);
  let rows: Row[] = [];

  const admit = async () => {
    const entering: Row[] = [];
    while (freeSlots.length && waiting.length) {
      const sequence = waiting.shift() as number;
      entering.push({ sequence, slot: freeSlots.pop() as number, position: plan.promptLengths[sequence] });
    }
    if (entering.length === 0) return;
    const prompts = entering.map(({ sequence, position }) => sequences[sequence].slice(0, position));
    await scopeAsync(async () => {
      const slots = i32(entering.flatMap(({ slot, position }) => Array<number>(position).fill(slot)));
      const values = await headOf(model, model.prefill(packSequences(prompts), cache, { slots })).data();
      let at = 0;
      for (const { sequence, position } of entering) logits[sequence].push(...values.slice(at, (at += position * model.vocabSize)));
    });
    rows.push(...entering);
  };
  const step = async () => {
    const active = rows.filter(({ sequence, position }) => position < sequences[sequence].length);
    for (const finished of rows.filter((row) => !active.includes(row))) freeSlots.push(finished.slot);
    rows = active;
    if (rows.length === 0) return;
    await scopeAsync(async () => {
      const positions = i32(rows.map((r) => r.position));
      const lengths = i32(rows.map((r) => r.position + 1));
      const ids = i32(rows.map((r) => sequences[r.sequence][r.position]));
      const values = await headOf(model, model.decode({ ids, positions, slots: i32(rows.map((r) => r.slot)), lengths }, cache)).data();
      rows.forEach((row, i) => {
        logits[row.sequence].push(...values.slice(i * model.vocabSize, (i + 1) * model.vocabSize));
        row.position++;
      });
    });
  };

  do {
    await admit();
    await step();
  } while (rows.length || waiting.length);
  cache.dispose();
  return Float32Array.from(logits.flat());
}

const headOf = (model: LanguageModel, hidden: Tensor): Tensor => linear(hidden, model.head, { dtype: "f32" });
