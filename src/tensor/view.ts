// Views: the same memory under another shape. Free of copies, differentiable.
import { alias, unrecordedAlias } from "./engine.js";
import { checkShape } from "./op.js";
import { recordView } from "./tape.js";
import { numElements, type Tensor } from "./tensor.js";

/** The same numbers under another shape of equal size. */
export function reshape(x: Tensor, shape: readonly number[]): Tensor {
  checkShape(numElements(shape) === x.size, "reshape", () => `a shape of ${x.size} elements instead of [${shape}]`, x);
  const out = unrecordedAlias(x, shape);
  recordView(x, out, (grad) => alias(grad, x.shape));
  return out;
}
