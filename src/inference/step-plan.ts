// Lays a step's parts out as the arrays a model runner reads. Buffers are reused from step to step. Knows sequences; neither sampling nor the model.
import type { StepRows } from "../nn/batch.js";
import type { DraftPlan, StepPlan } from "./model-runner.js";
import type { ScheduledPart } from "./scheduler.js";
import type { Sequence } from "./sequence.js";

/** Whether a part ends at its sequence's newest known token, so that logits are wanted of it and of every draft. */
export const wantsLogits = ({ sequence, numTokens }: ScheduledPart<Sequence>): boolean => sequence.numComputed + numTokens === sequence.numTokens;

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

/** One sequence's rows to lay out. */
interface Rows {
  readonly sequence: Sequence;
  readonly position: number;
  readonly count: number;
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
  private blockTables = new Int32Array(1024);
  private numTokens = 0;
  private numWanted = 0;

  constructor(private readonly blockSize: number) {}

  /** The plan of a step. */
  step(parts: readonly ScheduledPart<Sequence>[]): StepPlan {
    this.begin(parts.map(({ sequence, numTokens, numDrafts }) => ({ sequence, position: sequence.numComputed, count: numTokens + numDrafts })));
    parts.forEach((part, s) => {
      const { sequence, numTokens, numDrafts } = part;
      const row = this.cuQueries[s];
      this.ids.set(sequence.tokens.subarray(sequence.numComputed, sequence.numComputed + numTokens), row);
      for (let j = 0; j < numDrafts; j++) this.ids[row + numTokens + j] = sequence.drafts[j];
      if (wantsLogits(part)) for (let j = numTokens - 1; j < numTokens + numDrafts; j++) this.wanted[this.numWanted++] = row + j;
    });
    return { ...this.rows(parts), logitRows: this.wanted.subarray(0, this.numWanted) };
  }

  /** The plan of a drafting step. */
  draft(parts: readonly DraftPart[]): DraftPlan {
    this.begin(parts.map(({ sequence, position, numTokens }) => ({ sequence, position, count: numTokens })));
    parts.forEach(({ sequence, position, numTokens, firstRow, wantsDraft }, s) => {
      const row = this.cuQueries[s];
      this.ids.set(sequence.tokens.subarray(position + 1, position + 1 + numTokens), row);
      for (let j = 0; j < numTokens; j++) this.hiddenRows[row + j] = firstRow + j;
      if (wantsDraft) this.wanted[this.numWanted++] = row + numTokens - 1;
    });
    return { ...this.rows(parts), hiddenRows: this.hiddenRows.subarray(0, this.numTokens), draftRows: this.wanted.subarray(0, this.numWanted) };
  }

  /** Everything but tokens and wanted rows. */
  private begin(sequences: readonly Rows[]): void {
    this.numWanted = 0;
    this.makeRoom(sequences);
    let row = 0;
    let maxBlocks = 1;
    sequences.forEach(({ sequence: { blocks }, position, count }, s) => {
      for (let j = 0; j < count; j++, row++) {
        this.positions[row] = position + j;
        this.blockIds[row] = blocks[Math.floor((position + j) / this.blockSize)];
        this.blockOffsets[row] = (position + j) % this.blockSize;
      }
      this.cuQueries[s + 1] = row;
      this.contextLengths[s] = position + count;
      maxBlocks = Math.max(maxBlocks, Math.ceil((position + count) / this.blockSize));
    });
    this.numTokens = row;
    this.fillTables(sequences, maxBlocks);
  }

  private maxBlocks = 1;
  private fillTables(sequences: readonly Rows[], maxBlocks: number): void {
    this.maxBlocks = maxBlocks;
    if (this.blockTables.length < sequences.length * maxBlocks) this.blockTables = new Int32Array(2 * sequences.length * maxBlocks);
    sequences.forEach(({ sequence: { blocks }, position, count }, s) => {
      const used = Math.ceil((position + count) / this.blockSize);
      for (let i = 0; i < maxBlocks; i++) this.blockTables[s * maxBlocks + i] = i < used ? blocks[i] : 0;
    });
  }

  private makeRoom(sequences: readonly Rows[]): void {
    const tokens = sequences.reduce((sum, { count }) => sum + count, 0);
    if (tokens > this.ids.length) {
      const size = 2 * tokens;
      this.ids = new Int32Array(size);
      this.positions = new Int32Array(size);
      this.blockIds = new Int32Array(size);
      this.blockOffsets = new Int32Array(size);
      this.wanted = new Int32Array(size);
      this.hiddenRows = new Int32Array(size);
    }
    if (sequences.length > this.contextLengths.length) {
      this.contextLengths = new Int32Array(2 * sequences.length);
      this.cuQueries = new Int32Array(2 * sequences.length + 1);
    }
  }

  private rows(parts: readonly { readonly isPrefill: boolean }[]): StepRows {
    const { numTokens, maxBlocks } = this;
    return {
      ids: this.ids.subarray(0, numTokens),
      positions: this.positions.subarray(0, numTokens),
      blockIds: this.blockIds.subarray(0, numTokens),
      blockOffsets: this.blockOffsets.subarray(0, numTokens),
      blockTables: this.blockTables.subarray(0, parts.length * maxBlocks),
      maxBlocks,
      cuQueries: this.cuQueries.subarray(0, parts.length + 1),
      contextLengths: this.contextLengths.subarray(0, parts.length),
      numPrefill: parts.filter(({ isPrefill }) => isPrefill).length,
    };
  }
}
