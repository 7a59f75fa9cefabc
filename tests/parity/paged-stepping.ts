// Feeds known sequences through steps over a paged cache as the runtime would, in pieces of chosen sizes, and gathers
// the logits. Knows no expected values.
import type { PagedCacheOptions } from "../../src/models/language-model.js";
import { type StepBatch, type StepRows, stepBatch } from "../../src/nn/batch.js";
import type { CacheKind, PagedDType } from "../../src/nn/paged-cache.js";
import { scopeAsync } from "../../src/tensor/engine.js";
import { BLOCK_TOKENS } from "../../src/tensor/ops/paged-layout.js";
import type { Tensor } from "../../src/tensor/tensor.js";

/** What steps over a cache: a model, or several that hold its layers. */
export interface Stepping<Cache> {
  readonly vocabSize: number;
  createPagedCache(options: PagedCacheOptions): Cache;
  step(batch: StepBatch, cache: Cache): Tensor;
  logits(hidden: Tensor): Tensor;
}

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
  /** Sequences that run at once; the next one takes over the blocks of one that has finished. Default: all. */
  readonly places?: number;
}

/** A sequence under way: the blocks it has, and how many of its tokens are fed. */
interface Running {
  readonly sequence: number;
  readonly table: readonly number[];
  done: number;
}

/** The tokens [begin, end) of a sequence, which a step feeds. */
interface Piece {
  readonly of: Running;
  readonly begin: number;
  readonly end: number;
  readonly isPrompt: boolean;
}

/** A table of `length` blocks for each place, interleaved and from the last one down, so that no table is a run. */
const tablesOf = (places: number, length: number): number[][] =>
  Array.from({ length: places }, (_, place) => Array.from({ length }, (_, i) => places * (length - i) - 1 - place));

function rowsOf(sequences: readonly (readonly number[])[], pieces: readonly Piece[]): StepRows {
  const tokens = pieces.flatMap(({ of: { sequence, table }, begin, end }) =>
    Array.from({ length: end - begin }, (_, i) => ({ id: sequences[sequence][begin + i], position: begin + i, table })),
  );
  let at = 0;
  return {
    ids: Int32Array.from(tokens, ({ id }) => id),
    positions: Int32Array.from(tokens, ({ position }) => position),
    blockIds: Int32Array.from(tokens, ({ table, position }) => table[Math.floor(position / BLOCK_TOKENS)]),
    blockOffsets: Int32Array.from(tokens, ({ position }) => position % BLOCK_TOKENS),
    blockTables: Int32Array.from(pieces.flatMap(({ of: { table } }) => table)),
    maxBlocks: pieces[0].of.table.length,
    cuQueries: Int32Array.from([0, ...pieces.map(({ begin, end }) => (at += end - begin))]),
    contextLengths: Int32Array.from(pieces, ({ end }) => end),
    numPrefill: pieces.filter(({ isPrompt }) => isPrompt).length,
  };
}

/** What each running sequence feeds next: prompt pieces first, then those that generate. */
function nextPieces(
  sequences: readonly (readonly number[])[],
  running: readonly Running[],
  plan: SteppingPlan,
): Piece[] {
  const pieces = running.map((of): Piece => {
    const [begin, promptLength] = [of.done, plan.promptLengths[of.sequence]];
    const isPrompt = begin < promptLength;
    const end = isPrompt
      ? Math.min(begin + plan.chunk, promptLength)
      : Math.min(begin + (plan.drafts ?? 1), sequences[of.sequence].length);
    return { of, begin, end, isPrompt };
  });
  return [...pieces.filter((p) => p.isPrompt), ...pieces.filter((p) => !p.isPrompt)];
}

/** Logits f32 [T,V] of the sequences one after another. */
export async function steppedLogits<Cache extends { dispose(): void }>(
  model: Stepping<Cache>,
  sequences: readonly (readonly number[])[],
  plan: SteppingPlan,
): Promise<Float32Array> {
  const { places = sequences.length, stagger = 0, kind, dtype } = plan;
  const freeTables = tablesOf(places, Math.ceil(Math.max(...sequences.map((s) => s.length)) / BLOCK_TOKENS));
  const cache = model.createPagedCache({ numBlocks: freeTables.flat().length, kind, dtype });
  const logits = sequences.map((ids) => new Float32Array(ids.length * model.vocabSize));
  let running: Running[] = [];
  let numEntered = 0;
  for (let step = 0; numEntered < sequences.length || running.length > 0; step++) {
    for (; freeTables.length > 0 && numEntered < sequences.length && step >= numEntered * stagger; numEntered++)
      running.push({ sequence: numEntered, table: freeTables.pop() as number[], done: 0 });
    const pieces = nextPieces(sequences, running, plan);
    if (pieces.length === 0) continue;
    const values = await stepLogits(model, cache, rowsOf(sequences, pieces));
    let at = 0;
    for (const { of, begin, end } of pieces) {
      logits[of.sequence].set(values.subarray(at, (at += (end - begin) * model.vocabSize)), begin * model.vocabSize);
      of.done = end;
    }
    const finished = running.filter(({ sequence, done }) => done === sequences[sequence].length);
    freeTables.push(...finished.map(({ table }) => [...table]));
    running = running.filter((each) => !finished.includes(each));
  }
  cache.dispose();
  return Float32Array.from(logits.flatMap((each) => Array.from(each)));
}

const stepLogits = <Cache>(model: Stepping<Cache>, cache: Cache, rows: StepRows): Promise<Float32Array> =>
  scopeAsync(async () => Float32Array.from(await model.logits(model.step(stepBatch(rows), cache)).data()));
