// A named f32 tensor that an optimiser may change: its gradient and its copy for compute. Knows neither the tape nor
// how products use it.
import { type GradientSink, Tensor } from "./tensor.js";

/**
 * An f32 master that trains unless `trains` is false. Its gradient, f32 of the same shape, is made by `backward` and
 * freed by `clearGrad`.
 */
export class Parameter extends Tensor implements GradientSink {
  grad: Tensor | null = null;
  /** A bf16 copy for products, kept current by the optimiser; gradients with respect to it land in this parameter. */
  computeCopy: Tensor | null = null;

  constructor(
    value: Tensor,
    readonly name: string,
    readonly trains = true,
  ) {
    super(value.storage.retain(), value.byteOffset, value.shape, value.dtype, undefined, value.isPacked);
    this.requiresGrad = trains;
    this.sink = trains ? this : null;
  }

  /** Attaches a copy for products; the given handle is disposed. */
  attachComputeCopy(copy: Tensor): void {
    this.computeCopy?.dispose();
    this.computeCopy = new Tensor(copy.storage.retain(), copy.byteOffset, copy.shape, copy.dtype, this.id);
    this.computeCopy.requiresGrad = this.requiresGrad;
    this.computeCopy.sink = this.sink;
    copy.dispose();
  }
  clearGrad(): void {
    this.grad?.dispose();
    this.grad = null;
  }
  override dispose(): void {
    this.clearGrad();
    this.computeCopy?.dispose();
    this.computeCopy = null;
    super.dispose();
  }
}
