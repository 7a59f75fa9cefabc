// Packs sequences that begin alike so that their common beginning is computed once: completions of one prompt. Token
// data only.
import { type Device, defaultDevice } from "../tensor/device.js";
import { tensor } from "../tensor/engine.js";
import { type PackedBatch, packSequences } from "./batch.js";

/** A sequence, and how many of its first tokens the next one may share. */
export interface PrefixedSequence {
  readonly ids: Int32Array;
  readonly prefixLength: number;
}

/** A batch, and the row of each token of all sequences, end to end. */
export interface SharedBatch {
  readonly batch: PackedBatch;
  readonly rowOf: Int32Array;
}

/**
 * Packs sequences; a prefix that equals that of the sequence before has one row for each token. The tensors belong to
 * the current scope.
 */
export function packShared(sequences: readonly PrefixedSequence[], device: Device = defaultDevice()): SharedBatch {
  const rowOf: number[] = [];
  const copyOf: number[] = [];
  let prefixRow = 0;
  sequences.forEach((sequence, s) => {
    const isShared = s > 0 && beginAlike(sequences[s - 1], sequence);
    if (!isShared) prefixRow = copyOf.length;
    for (let i = 0; i < sequence.ids.length; i++) {
      if (isShared && i < sequence.prefixLength) rowOf.push(prefixRow + i);
      else rowOf.push(copyOf.push(rowOf.length) - 1);
    }
  });
  const plain = packSequences(
    sequences.map(({ ids }) => ids),
    device,
  );
  const batch = copyOf.length === rowOf.length ? plain : withoutCopies(sequences, plain, rowOf, copyOf, device);
  return { batch, rowOf: Int32Array.from(rowOf) };
}

function withoutCopies(
  sequences: readonly PrefixedSequence[],
  {
    cuSeqlens,
    ids: {
      shape: [numCopies],
    },
  }: PackedBatch,
  rowOf: readonly number[],
  copyOf: readonly number[],
  device: Device,
): PackedBatch {
  const all = new Int32Array(numCopies);
  const places = new Int32Array(numCopies);
  let at = 0;
  for (const { ids } of sequences) {
    all.set(ids, at);
    for (let i = 0; i < ids.length; i++) places[at++] = i;
  }
  const i32 = (values: readonly number[]) => tensor(values, [values.length], "i32", device);
  return {
    ids: i32(copyOf.map((copy) => all[copy])),
    positions: i32(copyOf.map((copy) => places[copy])),
    cuSeqlens,
    numTokens: copyOf.length,
    copies: { rowOf: i32(rowOf), copyOf: i32(copyOf) },
  };
}

function beginAlike(a: PrefixedSequence, b: PrefixedSequence): boolean {
  if (a.prefixLength !== b.prefixLength) return false;
  for (let i = 0; i < a.prefixLength; i++) if (a.ids[i] !== b.ids[i]) return false;
  return true;
}
