// Sequences with what a teacher says of them, which lies in a file: each is read when it is asked for, so that memory
// holds none of it. Knows no teacher.
import { closeSync, existsSync, openSync, readSync, renameSync, statSync, writeSync } from "node:fs";
import { DataError } from "../errors.js";
import { countTargets, type TrainSequence } from "../train/batch.js";
import type { SequenceList } from "../train/sequence-list.js";
import type { ExampleList } from "../train/shuffled-sequences.js";
import type { SoftTargets, TaughtSequence } from "./soft-targets.js";

const NUMBER_BYTES = 4;
/** Of a target: k tokens, and k+1 log-probabilities. */
const bytesPerTarget = (k: number): number => (2 * k + 1) * NUMBER_BYTES;

/** Whether the file holds what is said of so many targets. */
export const holdsTargets = (path: string, numTargets: number, k: number): boolean =>
  existsSync(path) && statSync(path).size === numTargets * bytesPerTarget(k);

/** Writes what is said of sequences, in their order, as it comes; the file is there when all of it is. */
export async function writeTargets(path: string, batches: AsyncIterable<readonly SoftTargets[]>): Promise<void> {
  const partial = `${path}.partial`;
  const descriptor = openSync(partial, "w");
  try {
    for await (const batch of batches)
      for (const { tokens, logProbs } of batch) {
        writeAll(descriptor, tokens);
        writeAll(descriptor, logProbs);
      }
  } finally {
    closeSync(descriptor);
  }
  renameSync(partial, path);
}

function writeAll(descriptor: number, { buffer, byteOffset, byteLength }: Int32Array | Float32Array): void {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}

/** The first `length` sequences of a list, each with its part of the file. */
export class TaughtSequences implements ExampleList<TaughtSequence> {
  private readonly starts: Float64Array;

  constructor(
    readonly path: string,
    private readonly list: SequenceList,
    /** Tokens that are told of each target. */
    readonly k: number,
    readonly length = list.length,
  ) {
    this.starts = new Float64Array(length);
    for (let i = 1; i < length; i++) this.starts[i] = this.starts[i - 1] + countTargets([list.at(i - 1)]);
  }

  /** Targets of all of them. */
  get numTargets(): number {
    return this.length === 0 ? 0 : this.starts[this.length - 1] + countTargets([this.list.at(this.length - 1)]);
  }

  /** Some of the sequences, without what is said of them. */
  sequences(from: number, count: number): TrainSequence[] {
    return Array.from({ length: count }, (_, i) => this.list.at(from + i));
  }

  at(index: number): TaughtSequence {
    const { k, path } = this;
    const sequence = this.list.at(index);
    const count = countTargets([sequence]);
    const soft = { tokens: new Int32Array(count * k), logProbs: new Float32Array(count * (k + 1)) };
    const descriptor = openSync(path, "r");
    try {
      let at = this.starts[index] * bytesPerTarget(k);
      for (const { buffer, byteLength } of [soft.tokens, soft.logProbs]) {
        if (readSync(descriptor, new Uint8Array(buffer), 0, byteLength, at) !== byteLength)
          throw new DataError(`${path} is truncated; remove it and resume the run`);
        at += byteLength;
      }
    } finally {
      closeSync(descriptor);
    }
    return { ...sequence, soft };
  }
}
