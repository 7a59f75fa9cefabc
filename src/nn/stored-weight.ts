// A weight in the types that files store: quantised blocks, FP8 with block scales, half precision, f32. It never
// trains; what lies below it gets its gradient.
import { assert } from "../errors.js";
import type { DType } from "../tensor/dtype.js";
import { alias, isRecording } from "../tensor/engine.js";
import { add, concatLast, splitLast } from "../tensor/ops/elementwise.js";
import type { LinearOptions } from "../tensor/ops/linear.js";
import type { ExpertRows } from "../tensor/ops/moe.js";
import { storedGroupedLinear, storedLinear, storedRows } from "../tensor/ops/stored.js";
import type { Tensor } from "../tensor/tensor.js";
import { reshape } from "../tensor/view.js";
import type { StoredSegment, Weight, WeightMemory } from "./weight.js";

/** Frees a segment. */
export function disposeSegment({ weights, scales }: StoredSegment): void {
  weights.dispose();
  scales?.dispose();
}

/** A frozen weight. It has no numbers until `store` gives them. */
export class StoredWeight implements Weight {
  readonly trained = null;
  readonly master = null;
  private segments: readonly StoredSegment[] = [];

  constructor(
    readonly name: string,
    readonly shape: readonly number[],
  ) {}

  get dtypes(): readonly DType[] {
    return this.segments.map(({ weights }) => weights.dtype);
  }

  /**
   * Gives the weight its numbers, and takes the tensors over. Several segments where it is stacked of parts of several
   * types: rows [N_i,K], or for experts [E,N_i,K].
   */
  store(segments: readonly StoredSegment[]): void {
    this.dispose();
    this.segments = segments;
  }

  multiply(x: Tensor, options: LinearOptions = {}): Tensor {
    const [first, ...others] = this.filled();
    if (others.length === 0) return storedLinear(x, first.weights, { ...options, scales: first.scales });
    const { residual, dtype } = options;
    const biases = this.biasesOf(options.bias ?? null);
    const parts = this.segments.map(({ weights, scales }, i) =>
      storedLinear(x, weights, { scales, bias: biases[i], dtype: residual ? "f32" : dtype }),
    );
    return residual ? add(concatAll(parts), residual) : concatAll(parts);
  }

  multiplyExperts(x: Tensor, rows: ExpertRows): Tensor {
    return concatAll(this.filled().map(({ weights, scales }) => storedGroupedLinear(x, weights, rows, { scales })));
  }

  lookUp(ids: Tensor): Tensor {
    const [{ weights, scales }, ...others] = this.filled();
    assert(others.length === 0, () => `${this.name}: a table of several types`);
    return storedRows(weights, ids, scales);
  }

  held(): StoredSegment {
    const [segment, ...others] = this.filled();
    assert(others.length === 0, () => `${this.name}: a matrix of several types`);
    return segment;
  }

  numbers(): Tensor {
    assert(false, `${this.name} is held as it is stored, not as plain numbers`);
  }

  memory(): WeightMemory {
    const values = this.segments.reduce(
      (sum, { weights, scales }) => sum + weights.sizeBytes + (scales?.sizeBytes ?? 0),
      0,
    );
    return { values, copies: 0, gradient: 0 };
  }

  /** Stored numbers do not change: both weights then hold the same memory. */
  copyFrom(source: Weight): void {
    assert(source instanceof StoredWeight, () => `${this.name}: copied from a weight of another form`);
    this.store(
      source.filled().map(({ weights, scales }) => ({ weights: weights.retain(), scales: scales?.retain() ?? null })),
    );
  }

  dropPacked(): void {
    // What is packed here is all there is.
  }

  dispose(): void {
    this.segments.forEach(disposeSegment);
    this.segments = [];
  }

  private filled(): readonly StoredSegment[] {
    assert(this.segments.length > 0, () => `${this.name} has no numbers yet: load the model's weights first`);
    return this.segments;
  }

  /** The bias of each segment's rows. */
  private biasesOf(bias: Tensor | null): (Tensor | null)[] {
    let [rest, at] = [bias, 0];
    return this.segments.map(({ weights }, i) => {
      const rows = weights.shape[0];
      at += rows;
      if (!bias || !rest) return null;
      if (!isRecording()) return alias(bias, [rows], at - rows);
      if (i === this.segments.length - 1) return rest;
      const [here, after] = splitLast(reshape(rest, [1, rest.size]), rows);
      rest = reshape(after, [after.size]);
      return reshape(here, [rows]);
    });
  }
}

const concatAll = (parts: readonly Tensor[]): Tensor => parts.reduce((joined, next) => concatLast(joined, next));
