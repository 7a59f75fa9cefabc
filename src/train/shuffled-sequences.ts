// A finite set of training examples walked without end, in an order shuffled anew for every pass.
import { assert } from "../errors.js";
import { Random } from "../random.js";
import type { TrainSequence } from "./batch.js";
import type { TrainingData } from "./loop.js";

/** Examples by number; sequences, unless said otherwise. */
export interface ExampleList<E = TrainSequence> {
  readonly length: number;
  at(index: number): E | undefined;
}

/** Example n of the walk is a pure function of (seed, n), so a position in the data is one number. */
export class ShuffledSequences<E = TrainSequence> implements TrainingData<E> {
  private lastPass = -1;
  private order = new Int32Array(0);

  constructor(
    private readonly all: ExampleList<E>,
    private readonly seed: number,
  ) {
    assert(all.length > 0, "ShuffledSequences needs at least one example");
  }

  sequences(from: number, count: number): E[] {
    return Array.from({ length: count }, (_, i) => this.at(from + i));
  }

  private at(n: number): E {
    const { length } = this.all;
    const pass = Math.floor(n / length);
    if (pass !== this.lastPass) {
      const stream = new Random(this.seed).fork("data").fork(pass);
      this.order = stream.shuffle(Int32Array.from({ length }, (_, i) => i));
      this.lastPass = pass;
    }
    return this.all.at(this.order[n % length]) as E; // safe: the order holds places of the list
  }
}
