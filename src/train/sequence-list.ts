// Finite lists of training sequences: in memory, or in a pair of files of which each sequence is read when it is asked
// for. Knows neither tokenizer nor text.
import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { DataError } from "../errors.js";
import { countTargets, type TrainSequence } from "./batch.js";

/** Sequences by number. */
export interface SequenceList {
  readonly length: number;
  /** Targets of all sequences together. */
  readonly numTargets: number;
  at(index: number): TrainSequence;
}

/** The first sequences of a list, as many as there are. */
export const firstOf = (list: SequenceList, count: number): TrainSequence[] =>
  Array.from({ length: Math.min(count, list.length) }, (_, i) => list.at(i));

/** Sequences that are kept in memory. */
export class SequencesInMemory implements SequenceList {
  constructor(private readonly all: readonly TrainSequence[]) {}

  get length(): number {
    return this.all.length;
  }

  get numTargets(): number {
    return countTargets(this.all);
  }

  at(index: number): TrainSequence {
    return this.all[index];
  }
}

/** Of each sequence the number of its tokens, and the first that is learnt (−1: not said), as i32. */
const NUMBERS_PER_SPAN = 2;
const I32_BYTES = 4;
const BUFFERED_NUMBERS = 1 << 18;

/** The two files of a list: all tokens as i32, and the spans. */
const filesOf = (stem: string) => ({ tokens: `${stem}.tokens`, spans: `${stem}.spans` });

/** Writes a list to `<stem>.tokens` and `<stem>.spans`, in the machine's byte order. */
export class SequenceWriter {
  private readonly tokens: NumberWriter;
  private readonly spans: NumberWriter;

  constructor(stem: string) {
    const files = filesOf(stem);
    this.tokens = new NumberWriter(files.tokens);
    this.spans = new NumberWriter(files.spans);
  }

  add({ ids, learnFrom = -1 }: TrainSequence): void {
    for (let i = 0; i < ids.length; i++) this.tokens.add(ids[i]);
    this.spans.add(ids.length);
    this.spans.add(learnFrom);
  }

  close(): void {
    this.tokens.close();
    this.spans.close();
  }
}

class NumberWriter {
  private readonly descriptor: number;
  private readonly buffer = new Int32Array(BUFFERED_NUMBERS);
  private numBuffered = 0;

  constructor(path: string) {
    this.descriptor = openSync(path, "w");
  }

  add(value: number): void {
    if (this.numBuffered === this.buffer.length) this.flush();
    this.buffer[this.numBuffered++] = value;
  }

  close(): void {
    try {
      this.flush();
    } finally {
      closeSync(this.descriptor);
    }
  }

  private flush(): void {
    const bytes = new Uint8Array(this.buffer.buffer, 0, this.numBuffered * I32_BYTES);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.descriptor, bytes, at);
    this.numBuffered = 0;
  }
}

/** A list in files. In memory are 16 bytes for each sequence. */
export class SequencesInFiles implements SequenceList {
  readonly numTargets: number;
  private readonly spans: Int32Array;
  private readonly starts: Float64Array;
  private readonly path: string;

  constructor(stem: string) {
    const files = filesOf(stem);
    const bytes = readFileSync(files.spans);
    this.path = files.tokens;
    this.spans = new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    this.starts = new Float64Array(this.length);
    let [start, numTargets] = [0, 0];
    for (let i = 0; i < this.length; i++) {
      this.starts[i] = start;
      start += this.spans[NUMBERS_PER_SPAN * i];
      numTargets += Math.max(0, this.spans[NUMBERS_PER_SPAN * i] - Math.max(1, this.spans[NUMBERS_PER_SPAN * i + 1]));
    }
    this.numTargets = numTargets;
  }

  get length(): number {
    return this.spans.length / NUMBERS_PER_SPAN;
  }

  at(index: number): TrainSequence {
    const ids = new Int32Array(this.spans[NUMBERS_PER_SPAN * index]);
    this.read(new Uint8Array(ids.buffer), this.starts[index] * I32_BYTES);
    const learnFrom = this.spans[NUMBERS_PER_SPAN * index + 1];
    return learnFrom < 0 ? { ids } : { ids, learnFrom };
  }

  /** Opens the file for each sequence: a list has no end at which it could be closed. */
  private read(bytes: Uint8Array, position: number): void {
    let descriptor: number | undefined;
    try {
      descriptor = openSync(this.path, "r");
      if (readSync(descriptor, bytes, 0, bytes.length, position) !== bytes.length) throw new Error("it is truncated");
    } catch (error) {
      throw new DataError(`cannot read the tokens in ${this.path}: ${(error as Error).message}; resume the run`, {
        cause: error,
      });
    } finally {
      if (descriptor !== undefined) closeSync(descriptor);
    }
  }
}
