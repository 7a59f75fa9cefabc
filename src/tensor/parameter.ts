// A weight: a tensor with its gradient and the copies and storage types that products take in its place.
// Knows neither the tape nor how files name it.
import { type GradientSink, Tensor } from "./tensor.js";

/**
 * Numbers of a weight in their storage type, perhaps packed; block scales [ceil(N/128), ceil(K/128)] where the type
 * needs them beside.
 */
export interface StoredSegment {
  readonly weights: Tensor;
  readonly scales: Tensor | null;
}

/**
 * A trainable tensor (f32 master). Its gradient, f32 of the same shape, is made by `backward` and freed by `clearGrad`.
 */
export class Parameter extends Tensor implements GradientSink {
  grad: Tensor | null = null;
  /** A bf16 copy for compute, kept current by the optimiser; gradients with respect to it land in this parameter. */
  shadow: Tensor | null = null;
  /** A packed copy for products that are repeated while the values stand still (`ParameterSet.whilePacked`). */
  packed: Tensor | null = null;
  /**
   * For inference only: the numbers as files store them, in place of this tensor's own, which then has none. Several
   * segments where the weight is stacked of parts of several types: rows [N_i,K], or for experts [E,N_i,K].
   */
  stored: readonly StoredSegment[] | null = null;
  /** Whether a packed copy may be made. */
  mayPack = false;

  constructor(
    value: Tensor,
    readonly name: string,
  ) {
    super(value.storage.retain(), value.byteOffset, value.shape, value.dtype, undefined, value.isPacked);
    this.requiresGrad = true;
    this.sink = this;
  }

  /** Attaches a bf16 copy; the given handle is disposed. */
  attachShadow(copy: Tensor): void {
    this.shadow?.dispose();
    this.shadow = new Tensor(copy.storage.retain(), copy.byteOffset, copy.shape, copy.dtype, this.id);
    this.shadow.requiresGrad = true;
    this.shadow.sink = this;
    copy.dispose();
  }
  /** Drops the packed copy, if any, and allows no other. */
  unpack(): void {
    this.packed?.dispose();
    this.packed = null;
    this.mayPack = false;
  }
  /** Gives this parameter its numbers in storage types; it takes the tensors over. */
  store(segments: readonly StoredSegment[]): void {
    this.clearStored();
    this.stored = segments;
  }
  private clearStored(): void {
    for (const { weights, scales } of this.stored ?? []) {
      weights.dispose();
      scales?.dispose();
    }
    this.stored = null;
  }
  clearGrad(): void {
    this.grad?.dispose();
    this.grad = null;
  }
  override dispose(): void {
    this.clearGrad();
    this.unpack();
    this.clearStored();
    this.shadow?.dispose();
    this.shadow = null;
    super.dispose();
  }
}
