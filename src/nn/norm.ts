// RMSNorm as a part of models: its weight and how it is applied.
import type { DType } from "../tensor/dtype.js";
import { rmsNorm } from "../tensor/ops/norm.js";
import type { Parameter } from "../tensor/parameter.js";
import type { Tensor } from "../tensor/tensor.js";
import type { ParameterSet } from "./parameters.js";

/** How a model normalises. */
export interface NormConfig {
  readonly eps: number;
  /** What is added to the stored weight: 1 where files hold how far it is from 1 (Gemma); default 0. */
  readonly weightOffset?: number;
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
    const init = { constant: 1 - (config.weightOffset ?? 0) };
    this.weight = parameters.add({ name: `${name}.weight`, shape: [width], init, alwaysF32: true });
  }

  /** The rows of x [rows,width], in element type `dtype` (default: that of x). */
  apply(x: Tensor, dtype?: DType): Tensor {
    return rmsNorm(x, this.weight, this.config.eps, dtype, this.config.weightOffset);
  }
}
