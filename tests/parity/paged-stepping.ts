// Feeds known sequences through steps over a paged cache as the runtime would, in pieces of chosen sizes, and gathers the logits.
// Knows no expected values.
import type { LanguageModel } from "../../src/models/language-model.js";
import { type StepRows, stepBatch } from "../../src/nn/batch.js";
import type { CacheKind } from "../../src/nn/kv-cache.js";
import type { PagedCache, PagedDType } from "../../src/nn/paged-cache.js";
import { scopeAsync } from "../../src/tensor/engine.js";

/** How the sequences run. */
export interface SteppingPlan {
  readonly kind: CacheKind;
  readonly dtype?: PagedDType;
  /** Tokens of each sequence that are its prompt; the rest is fed as if generated. */
  readonly promptLengths: readonly number[];
  /** New tokens a step takes of a prompt at most. */
  readonly chunk: number;
  /** New tokens a step takes of a generating sequence (more than one: drafts being checked). Default 1. */
  readonly drafts?: number;
  /** Sequences that enter one step later than those before them. Default 0: all at once. */
  readonly stagger?: number;
}

interface Piece {
  readonly sequence: number;
  readonly begin: number;
  readonly end: number;
  readonly isPrompt: boolean;
}

/** Blocks of every sequence, interleaved and from the last one down, so that no table is a run. */
function tablesOf(lengths: readonly number[], blockSize: number): number[][] {
  const tables: number[][] = lengths.map(() => []);
  const counts = lengths.map((n) => Math.ceil(n / blockSize));
  let next = counts.reduce((a, b) => a + b, 0) - 1;
  for (let b = 0; next >= 0; b++) {
    tables.forEach((table, s) => {
      if (b < counts[s]) table.push(next--);
    });
  }
  return tables;
}

function rowsOf(sequences: readonly (readonly number[])[], tables: readonly number[][], pieces: readonly Piece[], blockSize: number): StepRows {
  const tokens = pieces.flatMap(({ sequence, begin, end }) => Array.from({ length: end - begin }, (_, i) => ({ sequence, position: begin + i })));
  const maxBlocks = Math.max(...pieces.map(({ sequence }) => tables[sequence].length));
  const blockTables = new Int32Array(pieces.length * maxBlocks);
  pieces.forEach(({ sequence }, i) => {
    blockTables.set(tables[sequence], i * maxBlocks);
  });
  let at = 0;
  return {
    ids: Int32Array.from(tokens, ({ sequence, position }) => sequences[sequence][position]),
    positions: Int32Array.from(tokens, ({ position }) => position),
    blockIds: Int32Array.from(tokens, ({ sequence, position }) => tables[sequence][Math.floor(position / blockSize)]),
    blockOffsets: Int32Array.from(tokens, ({ position }) => position % blockSize),
    blockTables,
    maxBlocks,
    cuQueries: Int32Array.from([0, ...pieces.map(({ begin, end }) => (at += end - begin))]),
    contextLengths: Int32Array.from(pieces, ({ end }) => end),
    numPrefill: pieces.filter(({ isPrompt }) => isPrompt).length,
  };
}

/** What each sequence feeds next: prompt pieces first, then those that generate. */
function nextPieces(sequences: readonly (readonly number[])[], done: readonly number[], plan: SteppingPlan, step: number): Piece[] {
  const pieces = sequences.flatMap((ids, sequence): Piece[] => {
    const begin = done[sequence];
    if (begin >= ids.length || step < sequence * (plan.stagger ?? 0)) return [];
    const isPrompt = begin < plan.promptLengths[sequence];
    const end = isPrompt ? Math.min(begin + plan.chunk, plan.promptLengths[sequence]) : Math.min(begin + (plan.drafts ?? 1), ids.length);
    return [{ sequence, begin, end, isPrompt }];
  });
  return [...pieces.filter((p) => p.isPrompt), ...pieces.filter((p) => !p.isPrompt)];
}

/** Logits f32 [T,V] of the sequences one after another, and the cache's size in bytes. */
export async function steppedLogits(model: LanguageModel, sequences: readonly (readonly number[])[], plan: SteppingPlan): Promise<Float32Array> {
  const tables = tablesOf(
    sequences.map((s) => s.length),
    64,
  );
  const cache = model.createPagedCache({ numBlocks: tables.flat().length, kind: plan.kind, dtype: plan.dtype });
  const logits: Float32Array[] = sequences.map((ids) => new Float32Array(ids.length * model.vocabSize));
  const done = sequences.map(() => 0);
  for (let step = 0; done.some((n, s) => n < sequences[s].length); step++) {
    const pieces = nextPieces(sequences, done, plan, step);
    if (pieces.length === 0) continue;
    await runPieces(model, cache, rowsOf(sequences, tables, pieces, cache.blockSize), (row, values) => {
      const piece = pieces.find((_, i) => row < pieces.slice(0, i + 1).reduce((n, p) => n + p.end - p.begin, 0)) as Piece;
      const before = pieces.slice(0, pieces.indexOf(piece)).reduce((n, p) => n + p.end - p.begin, 0);
      logits[piece.sequence].set(values, (piece.begin + row - before) * model.vocabSize);
    });
    for (const { sequence, end } of pieces) done[sequence] = end;
  }
  cache.dispose();
  return Float32Array.from(logits.flatMap((each) => Array.from(each)));
}

function runPieces(model: LanguageModel, cache: PagedCache, rows: StepRows, each: (row: number, values: Float32Array) => void): Promise<void> {
  return scopeAsync(async () => {
    const values = (await model.logits(model.step(stepBatch(rows), cache)).data()) as Float32Array;
    for (let row = 0; row < rows.ids.length; row++) each(row, values.subarray(row * model.vocabSize, (row + 1) * model.vocabSize));
  });
}
