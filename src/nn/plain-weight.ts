// A weight with a tensor of its own: the f32 master of training with its bf16 copy, or plain numbers that stand still.
import { assert } from "../errors.js";
import { copyBytes, dispatch, isRecording, keep } from "../tensor/engine.js";
import { castOp } from "../tensor/ops/elementwise.js";
import { type LinearOptions, linear } from "../tensor/ops/linear.js";
import { type ExpertRows, groupedLinear } from "../tensor/ops/moe.js";
import { embedding } from "../tensor/ops/rows.js";
import { packWeights } from "../tensor/packing.js";
import type { Parameter } from "../tensor/parameter.js";
import type { Tensor } from "../tensor/tensor.js";
import type { StoredSegment, Weight, WeightMemory } from "./weight.js";

/** Whether the numbers of a model stand still for a while, so that packed copies of them pay. */
export interface Stillness {
  readonly isStill: boolean;
}

/** A weight held as a tensor that ops read as it is; f32 where it can train. */
export class PlainWeight implements Weight {
  /** Undefined: not asked for yet; null: the device has no better layout. */
  private packed: Tensor | null | undefined;

  constructor(
    readonly parameter: Parameter,
    private readonly stillness: Stillness,
  ) {}

  get name(): string {
    return this.parameter.name;
  }
  get shape(): readonly number[] {
    return this.parameter.shape;
  }
  get trained(): Parameter | null {
    return this.parameter.trains ? this.parameter : null;
  }
  get master(): Parameter | null {
    return this.parameter.dtype === "f32" ? this.parameter : null;
  }
  get dtypes(): readonly [Tensor["dtype"]] {
    return [this.parameter.dtype];
  }

  multiply(x: Tensor, options: LinearOptions = {}): Tensor {
    return linear(x, this.operand(), options);
  }

  multiplyExperts(x: Tensor, rows: ExpertRows): Tensor {
    return groupedLinear(x, this.operand(), rows);
  }

  lookUp(ids: Tensor): Tensor {
    return embedding(this.parameter, ids, "f32");
  }

  numbers(): Tensor {
    return this.parameter.computeCopy ?? this.parameter;
  }

  held(): StoredSegment {
    return { weights: this.numbers(), scales: null };
  }

  memory(): WeightMemory {
    const { parameter, packed } = this;
    return {
      values: parameter.sizeBytes,
      copies: (parameter.computeCopy?.sizeBytes ?? 0) + (packed?.sizeBytes ?? 0),
      gradient: parameter.trains ? 4 * parameter.size : 0,
    };
  }

  copyFrom(source: Weight): void {
    assert(source instanceof PlainWeight, () => `${this.name}: copied from a weight of another form`);
    copyBytes(source.parameter, this.parameter, 0);
    this.refreshCopy();
  }

  /** Brings the copy for compute up to date after the master was written from outside. */
  refreshCopy(): void {
    const { computeCopy } = this.parameter;
    if (computeCopy) dispatch(castOp, [this.parameter], { dtype: computeCopy.dtype }, [computeCopy]);
  }

  dropPacked(): void {
    this.packed?.dispose();
    this.packed = undefined;
  }

  dispose(): void {
    this.dropPacked();
    this.parameter.dispose();
  }

  /** What products multiply with: while the numbers stand still, a packed copy where the device has a layout for it. */
  private operand(): Tensor {
    if (!this.stillness.isStill || isRecording()) return this.numbers();
    if (this.packed === undefined) {
      const copy = packWeights(this.numbers());
      this.packed = copy && keep(copy);
    }
    return this.packed ?? this.numbers();
  }
}
