// A finite set of training sequences walked without end, in an order shuffled anew for every pass.
import { assert } from "../errors.js";
import { Random } from "../random.js";
import type { TrainSequence } from "./batch.js";
import type { TrainingData } from "./loop.js";
import type { SequenceList } from "./sequence-list.js";

/** Sequence n of the walk is a pure function of (seed, n), so a position in the data is one number. */
export class ShuffledSequences implements TrainingData {
  private lastPass = -1;
  private order = new Int32Array(0);

  constructor(
    private readonly all: SequenceList,
    private readonly seed: number,
  ) {
    assert(all.length > 0, "ShuffledSequences needs at least one sequence");
  }

  sequences(from: number, count: number): TrainSequence[] {
    return Array.from({ length: count }, (_, i) => this.at(from + i));
  }

  private at(n: number): TrainSequence {
    const { length } = this.all;
    const pass = Math.floor(n / length);
    if (pass !== this.lastPass) {
      const stream = new Random(this.seed).fork("data").fork(pass);
      this.order = stream.shuffle(Int32Array.from({ length }, (_, i) => i));
      this.lastPass = pass;
    }
    return this.all.at(this.order[n % length]);
  }
}
