// What layers see of a matrix: products, whatever form its numbers are held in. Forms say whether they train and what
// memory they take. Knows no architecture and no file format.
import type { DType } from "../tensor/dtype.js";
import type { LinearOptions } from "../tensor/ops/linear.js";
import type { ExpertRows } from "../tensor/ops/moe.js";
import type { Parameter } from "../tensor/parameter.js";
import type { Tensor } from "../tensor/tensor.js";

/**
 * Bytes that a weight takes on its device, by what they are for; packed numbers and pooled memory may take some more.
 */
export interface WeightMemory {
  /** The numbers themselves: an f32 master, or what files store. */
  readonly values: number;
  /** Copies in the type or the layout of products. */
  readonly copies: number;
  /** The gradient, once there is one; 0 for what does not train. */
  readonly gradient: number;
}

/**
 * Numbers of a weight in one storage type, perhaps packed; block scales [⌈N/128⌉, ⌈K/128⌉] where the type needs them
 * beside.
 */
export interface StoredSegment {
  readonly weights: Tensor;
  readonly scales: Tensor | null;
}

/**
 * A matrix [N,K], or one for each expert [E,N,K], in some form: an f32 master that may train, or the numbers as files
 * store them. Layers have one forward pass for all forms.
 */
export interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  /** What an optimiser changes; null for a form that does not train. */
  readonly trained: Parameter | null;
  /** The weight as an f32 tensor of its own, which files are written from and read into; null for a form without. */
  readonly master: Parameter | null;
  /** Numbers by the type they are held in, for figures and messages. */
  readonly dtypes: readonly DType[];
  /** y [T,N] = x [T,K]·Wᵀ (+ bias) (+ residual); in the residual's type, else in x's. */
  multiply(x: Tensor, options?: LinearOptions): Tensor;
  /** x·W[e]ᵀ for the rows of each expert e; rows of none are zero. */
  multiplyExperts(x: Tensor, rows: ExpertRows): Tensor;
  /** Rows by id, in f32. */
  lookUp(ids: Tensor): Tensor;
  /** The numbers in the type of products, for ops that take all of them; a form without them throws. */
  numbers(): Tensor;
  /** A matrix [N,K] as it is held, for the ops that multiply with any form of it (the losses' head). */
  held(): StoredSegment;
  memory(): WeightMemory;
  /** Takes over the numbers of a weight of the same name, shape and form. */
  copyFrom(source: Weight): void;
  /** Frees copies that hold only while the numbers stand still. */
  dropPacked(): void;
  dispose(): void;
}
