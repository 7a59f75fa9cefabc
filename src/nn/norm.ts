// RMSNorm as a part of models: its weight and how it is applied.
import type { DType } from "../tensor/dtype.js";
import { rmsNorm } from "../tensor/ops/norm.js";
import type { Parameter } from "../tensor/parameter.js";
import type { Tensor } from "../tensor/tensor.js";
import type { ParameterSet } from "./parameters.js";

/** How a model normalises. */
export interface NormConfig {
  readonly eps: number;
}

/** One RMSNorm over the last dimension. */
export class RmsNorm {
  private readonly weight: Parameter;

  /** `name` is that in files, without `.weight`. */
  constructor(
    parameters: ParameterSet,
    name: string,
    width: number,
    private readonly config: NormConfig,
  ) {
    this.weight = parameters.add({ name: `${name}.weight`, shape: [width], init: { constant: 1 }, alwaysF32: true });
  }

  /** The rows of x [rows,width], in element type `dtype` (default: that of x). */
  apply(x: Tensor, dtype?: DType): Tensor {
    return rmsNorm(x, this.weight, this.config.eps, dtype);
  }
}
