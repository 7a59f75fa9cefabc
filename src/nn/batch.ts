// What models are fed: packed sequences (training) and steps over a paged cache (inference). Token data only.
import { type Device, defaultDevice } from "../tensor/device.js";
import { tensor } from "../tensor/engine.js";
import type { Tensor } from "../tensor/tensor.js";
import type { AdapterRows } from "./adapters.js";

/** Sequences laid end to end, without padding. Legend: T tokens in all, S sequences. */
export interface PackedBatch {
  /** Token ids, i32 [T]. */
  readonly ids: Tensor;
  /** Position of each token in its own sequence, i32 [T]. */
  readonly positions: Tensor;
  /** Sequence boundaries, i32 [S+1]: of the copies, where there are any. */
  readonly cuSeqlens: Tensor;
  readonly numTokens: number;
  /** Present where sequences that begin alike have one row for each token of their common beginning. */
  readonly copies?: RowCopies;
}

/**
 * Rows [T] that stand in several sequences, and all sequences end to end with a copy of such a row in each [E]. Only
 * attention reads copies: whatever else is computed of a row is the same in all of them.
 */
export interface RowCopies {
  /** The row of each copy, i32 [E]. */
  readonly rowOf: Tensor;
  /** The first copy of each row, i32 [T]. */
  readonly copyOf: Tensor;
}

/** Packs sequences; the tensors belong to the current scope. */
export function packSequences(sequences: readonly ArrayLike<number>[], device: Device = defaultDevice()): PackedBatch {
  const numTokens = sequences.reduce((n, s) => n + s.length, 0);
  const ids = new Int32Array(numTokens);
  const positions = new Int32Array(numTokens);
  const cuSeqlens = new Int32Array(sequences.length + 1);
  let at = 0;
  sequences.forEach((sequence, s) => {
    for (let i = 0; i < sequence.length; i++) {
      ids[at] = sequence[i];
      positions[at++] = i;
    }
    cuSeqlens[s + 1] = at;
  });
  return {
    ids: i32(ids, device),
    positions: i32(positions, device),
    cuSeqlens: i32(cuSeqlens, device),
    numTokens,
  };
}

/**
 * S sequences' new tokens and where their cache entries lie, as host arrays. Legend: T new tokens in all, S sequences,
 * M blocks of the longest table. All arrays are read before a call that takes them returns; the caller reuses them.
 */
export interface StepRows {
  /** Token ids, [T], sequence after sequence. */
  readonly ids: Int32Array;
  /** Each token's place in its sequence, [T]; consecutive within a sequence. */
  readonly positions: Int32Array;
  /**
   * Block that takes each token's cache entry, [T], and the entry's place in it, [T]: the position modulo the block's
   * size.
   */
  readonly blockIds: Int32Array;
  readonly blockOffsets: Int32Array;
  /** Blocks of each sequence in order of position, [S,M]; entries behind the last one are 0. */
  readonly blockTables: Int32Array;
  readonly maxBlocks: number;
  /** Sequence s has the rows cuQueries[s] … cuQueries[s+1], [S+1]. */
  readonly cuQueries: Int32Array;
  /** Tokens each sequence sees, its new ones included, [S]: the last new token stands at contextLengths[s] − 1. */
  readonly contextLengths: Int32Array;
  /**
   * The first so many sequences are pieces of prompts (MLA: expanded); the rest generate, verify drafts or replay what
   * was generated (MLA: absorbed).
   */
  readonly numPrefill: number;
  /** The adapter of each sequence, [S]: its index among the model's, −1 for the base. Absent: the one in use. */
  readonly adapters?: Int32Array;
}

/** Queries over a paged cache: some sequences of a step, whose rows are [firstRow, firstRow + numRows). */
export interface PagedQueries {
  readonly firstRow: number;
  readonly numRows: number;
  /** i32 [S,M]. */
  readonly blockTables: Tensor;
  /** i32 [S+1], from 0. */
  readonly cuQueries: Tensor;
  /** i32 [S]. */
  readonly contextLengths: Tensor;
}

/** What gathering the whole contexts of sequences end to end takes. */
export interface WholeContexts {
  /** Where each sequence's context begins among the gathered ones, i32 [S+1]. */
  readonly cuKeys: Tensor;
  /** Tokens of all contexts. */
  readonly numKeys: number;
}

/** Sequences of a step that follow one another, on the same path and with the same adapter. */
export interface SequenceGroup extends PagedQueries, AdapterRows {
  /** Of pieces of prompts; null for sequences that generate. */
  readonly contexts: WholeContexts | null;
}

/**
 * What `step` is fed: new tokens of S sequences over a paged cache, prompt pieces first, then sequences that generate.
 */
export interface StepBatch extends PagedQueries {
  /** i32 [T]. */
  readonly ids: Tensor;
  readonly positions: Tensor;
  readonly blockIds: Tensor;
  readonly blockOffsets: Tensor;
  /** All sequences, group after group. */
  readonly groups: readonly SequenceGroup[];
}

/** The step's tensors, owned by the current scope. */
export function stepBatch(rows: StepRows, device: Device = defaultDevice()): StepBatch {
  const { ids, positions, blockIds, blockOffsets, contextLengths } = rows;
  const numSequences = contextLengths.length;
  const all = queriesOf(rows, 0, numSequences, device);
  return {
    ...all,
    ids: i32(ids, device),
    positions: i32(positions, device),
    blockIds: i32(blockIds, device),
    blockOffsets: i32(blockOffsets, device),
    groups: groupBoundaries(rows).map(
      ([begin, end]): SequenceGroup => ({
        ...(end - begin === numSequences ? all : queriesOf(rows, begin, end, device)),
        adapter: rows.adapters ? rows.adapters[begin] : null,
        contexts: begin < rows.numPrefill ? contextsOf(rows, begin, end, device) : null,
      }),
    ),
  };
}

/** Sequences [begin, end) of each group. */
function groupBoundaries({ contextLengths, numPrefill, adapters }: StepRows): (readonly [number, number])[] {
  const starts = Array.from(contextLengths.keys()).filter(
    (s) => s === 0 || s === numPrefill || (adapters !== undefined && adapters[s] !== adapters[s - 1]),
  );
  return starts.map((start, i) => [start, starts[i + 1] ?? contextLengths.length]);
}

const i32 = (values: Int32Array, device: Device, shape: readonly number[] = [values.length]): Tensor =>
  tensor(values, shape, "i32", device);

function queriesOf(
  { cuQueries, blockTables, maxBlocks, contextLengths }: StepRows,
  begin: number,
  end: number,
  device: Device,
): PagedQueries {
  const firstRow = cuQueries[begin];
  return {
    firstRow,
    numRows: cuQueries[end] - firstRow,
    blockTables: i32(blockTables.subarray(begin * maxBlocks, end * maxBlocks), device, [end - begin, maxBlocks]),
    cuQueries: i32(
      cuQueries.slice(begin, end + 1).map((row) => row - firstRow),
      device,
    ),
    contextLengths: i32(contextLengths.subarray(begin, end), device),
  };
}

function contextsOf({ contextLengths }: StepRows, begin: number, end: number, device: Device): WholeContexts {
  const cuKeys = new Int32Array(end - begin + 1);
  for (let s = begin; s < end; s++) cuKeys[s - begin + 1] = cuKeys[s - begin] + contextLengths[s];
  return { cuKeys: i32(cuKeys, device), numKeys: cuKeys[end - begin] };
}
