// Lays a step's parts out as the arrays a model runner reads. Buffers are reused from step to step. Knows sequences;
// neither sampling nor the model.
import type { StepRows } from "../../nn/batch.js";
import type { DraftPlan, StepPlan } from "./model-runner.js";
import type { ScheduledPart } from "./scheduler.js";
import type { Sequence } from "./sequence.js";

/** A part's rows in the drafting step that follows: tokens whose successor is now known. */
export interface DraftPart {
  readonly sequence: Sequence;
  readonly isPrefill: boolean;
  /** Row of the step in which the first of them was computed, and its position. */
  readonly firstRow: number;
  readonly position: number;
  readonly numTokens: number;
  /** Whether a draft is wanted behind the last. */
  readonly wantsDraft: boolean;
}

/** Makes plans; each is valid until the next is made. */
export class PlanBuilder {
  private ids = new Int32Array(512);
  private positions = new Int32Array(512);
  private blockIds = new Int32Array(512);
  private blockOffsets = new Int32Array(512);
  private wanted = new Int32Array(512);
  private hiddenRows = new Int32Array(512);
  private cuQueries = new Int32Array(65);
  private contextLengths = new Int32Array(64);
  private adapters = new Int32Array(64);
  private blockTables = new Int32Array(1024);
  private numSequences = 0;
  private numTokens = 0;
  private numWanted = 0;
  private maxBlocks = 1;

  constructor(private readonly blockSize: number) {}

  /** The plan of a step. */
  step(parts: readonly ScheduledPart<Sequence>[]): StepPlan {
    this.clear();
    for (const { sequence, numTokens, numDrafts, numLogits } of parts) {
      const { tokens, drafts, numComputed } = sequence;
      const row = this.append(sequence, numComputed, numTokens + numDrafts);
      for (let j = 0; j < numTokens; j++) this.ids[row + j] = tokens[numComputed + j];
      for (let j = 0; j < numDrafts; j++) this.ids[row + numTokens + j] = drafts[j];
      for (let j = this.numTokens - numLogits; j < this.numTokens; j++) this.wanted[this.numWanted++] = j;
    }
    return { ...this.rows(parts), logitRows: this.wanted.subarray(0, this.numWanted) };
  }

  /** The plan of a drafting step. */
  draft(parts: readonly DraftPart[]): DraftPlan {
    this.clear();
    for (const { sequence, position, numTokens, firstRow, wantsDraft } of parts) {
      const row = this.append(sequence, position, numTokens);
      for (let j = 0; j < numTokens; j++) {
        this.ids[row + j] = sequence.tokens[position + 1 + j];
        this.hiddenRows[row + j] = firstRow + j;
      }
      if (wantsDraft) this.wanted[this.numWanted++] = row + numTokens - 1;
    }
    return {
      ...this.rows(parts),
      hiddenRows: this.hiddenRows.subarray(0, this.numTokens),
      draftRows: this.wanted.subarray(0, this.numWanted),
    };
  }

  private clear(): void {
    this.numSequences = this.numTokens = this.numWanted = 0;
    this.maxBlocks = 1;
  }

  /** Appends a sequence's rows, all but their tokens; returns the first. */
  private append({ blocks, adapter }: Sequence, position: number, count: number): number {
    const { blockSize, numSequences: s, numTokens: row } = this;
    this.makeRoom(s + 1, row + count);
    for (let j = 0; j < count; j++) {
      const index = Math.floor((position + j) / blockSize);
      this.positions[row + j] = position + j;
      this.blockIds[row + j] = blocks[index];
      this.blockOffsets[row + j] = position + j - index * blockSize;
    }
    this.cuQueries[s + 1] = row + count;
    this.contextLengths[s] = position + count;
    this.adapters[s] = adapter;
    this.maxBlocks = Math.max(this.maxBlocks, Math.ceil((position + count) / blockSize));
    this.numSequences = s + 1;
    this.numTokens = row + count;
    return row;
  }

  private makeRoom(numSequences: number, numTokens: number): void {
    if (numTokens > this.ids.length)
      for (const name of ["ids", "positions", "blockIds", "blockOffsets", "wanted", "hiddenRows"] as const)
        this[name] = widened(this[name], 2 * numTokens);
    if (numSequences > this.contextLengths.length) {
      this.contextLengths = widened(this.contextLengths, 2 * numSequences);
      this.adapters = widened(this.adapters, 2 * numSequences);
      this.cuQueries = widened(this.cuQueries, 2 * numSequences + 1);
    }
  }

  private fillTables(parts: readonly { readonly sequence: Sequence }[]): Int32Array {
    const { blockSize, maxBlocks } = this;
    const size = parts.length * maxBlocks;
    if (size > this.blockTables.length) this.blockTables = new Int32Array(2 * size);
    for (let s = 0, at = 0; s < parts.length; s++) {
      const { blocks } = parts[s].sequence;
      const used = Math.ceil(this.contextLengths[s] / blockSize);
      for (let i = 0; i < maxBlocks; i++) this.blockTables[at++] = i < used ? blocks[i] : 0;
    }
    return this.blockTables.subarray(0, size);
  }

  private rows(parts: readonly { readonly sequence: Sequence; readonly isPrefill: boolean }[]): StepRows {
    const { numTokens, numSequences, maxBlocks } = this;
    return {
      ids: this.ids.subarray(0, numTokens),
      positions: this.positions.subarray(0, numTokens),
      blockIds: this.blockIds.subarray(0, numTokens),
      blockOffsets: this.blockOffsets.subarray(0, numTokens),
      blockTables: this.fillTables(parts),
      maxBlocks,
      cuQueries: this.cuQueries.subarray(0, numSequences + 1),
      contextLengths: this.contextLengths.subarray(0, numSequences),
      numPrefill: parts.reduce((count, { isPrefill }) => count + (isPrefill ? 1 : 0), 0),
      adapters: this.adapters.subarray(0, numSequences),
    };
  }
}

function widened(from: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const into = new Int32Array(length);
  into.set(from);
  return into;
}
