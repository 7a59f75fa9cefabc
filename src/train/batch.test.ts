// Sequences as training batches, number by number: what each depth reads, where its rows come from, what it predicts.
import { beforeEach, describe, expect, test } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { scopeAsync } from "../tensor/engine.js";
import type { Tensor } from "../tensor/tensor.js";
import { makeTrainBatch, type TrainSequence } from "./batch.js";

beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));

const sequences: TrainSequence[] = [
  { ids: [10, 11, 12, 13, 14] },
  { ids: [20, 21] },
  { ids: [30, 31, 32] },
  { ids: [40, 41, 42, 43], learnFrom: 3 },
];

describe("a training batch of sequences of 5, 2, 3 and 4 tokens", () => {
  test("reads every token but the last and predicts the next, weighted where it is learned", async () => {
    const { ids, positions, cuSeqlens, targets, weights } = await numbersAt(0);
    expect(ids).toEqual([10, 11, 12, 13, 20, 30, 31, 40, 41, 42]);
    expect(positions).toEqual([0, 1, 2, 3, 0, 0, 1, 0, 1, 2]);
    expect(cuSeqlens).toEqual([0, 4, 5, 7, 10]);
    expect(targets).toEqual([11, 12, 13, 14, 21, 31, 32, 41, 42, 43]);
    expect(weights).toEqual([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0, 0, 0.5]);
  });

  test("at depth 1 leaves out each sequence's last row, and the sequence of 2 with its only one", async () => {
    expect(await numbersAt(1)).toEqual({
      rows: [0, 1, 2, 5, 7, 8],
      ids: [11, 12, 13, 31, 41, 42],
      positions: [0, 1, 2, 0, 0, 1],
      cuSeqlens: [0, 3, 4, 6],
      targets: [12, 13, 14, 32, 42, 43],
      weights: [0.5, 0.5, 0.5, 0.5, 0, 0.5],
    });
  });

  test("at depth 2 takes its rows from depth 1's", async () => {
    expect(await numbersAt(2)).toEqual({
      rows: [0, 1, 4],
      ids: [12, 13, 42],
      positions: [0, 1, 0],
      cuSeqlens: [0, 2, 3],
      targets: [13, 14, 43],
      weights: [0.5, 0.5, 0.5],
    });
  });

  test("has no depth at which no row is left", async () => {
    expect(await numDepths(sequences, 3)).toBe(3);
    expect(await numDepths(sequences, 9)).toBe(3);
    expect(await numDepths([{ ids: [1, 2] }], 2)).toBe(0);
  });
});

const numDepths = (of: readonly TrainSequence[], numMtp: number): Promise<number> =>
  scopeAsync(async () => makeTrainBatch(of, numMtp, 1).mtp.length);

/** The numbers of depth k (0: the main model) of a step with 2 targets. */
function numbersAt(k: number): Promise<Record<string, number[]>> {
  return scopeAsync(async () => {
    const { inputs, targets, weights, mtp } = makeTrainBatch(sequences, 2, 2);
    const { batch, ...others } = k === 0 ? { batch: inputs, targets, weights } : mtp[k - 1];
    const { numTokens, copies: _, ...packed } = batch;
    expect(numTokens).toBe(batch.ids.size);
    const tensors: [string, Tensor][] = Object.entries({ ...packed, ...others });
    return Object.fromEntries(
      await Promise.all(tensors.map(async ([name, t]) => [name, Array.from(await t.data())] as const)),
    );
  });
}
