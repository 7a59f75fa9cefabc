// The dense feed-forward block with a gated activation: down(activation(gate·x)·(up·x)).

import { type GluActivation, glu } from "../tensor/ops/glu.js";
import type { Parameter } from "../tensor/parameter.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Init } from "./parameter-spec.js";
import type { ParameterSet } from "./parameters.js";
import type { Weight } from "./weight.js";

/** What may differ between feed-forward blocks. */
export interface MlpOptions {
  /** Default: SiLU, which makes it SwiGLU. */
  readonly activation?: GluActivation;
  readonly hasBias?: boolean;
}

/** Gate and up are one matrix [2·width, d], so that they are one product; files keep them apart. */
export class GatedMlp {
  private readonly activation: GluActivation;
  private readonly gateUp: Weight;
  private readonly gateUpBias: Parameter | null;
  private readonly down: Weight;
  private readonly downBias: Parameter | null;

  constructor(
    parameters: ParameterSet,
    prefix: string,
    hidden: number,
    width: number,
    init: Init,
    { activation = "silu", hasBias = false }: MlpOptions = {},
  ) {
    this.activation = activation;
    const gateUp = {
      name: `${prefix}.gate_up_proj.weight`,
      shape: [2 * width, hidden],
      init,
      parts: ["gate_proj", "up_proj"].map((part) => ({ name: `${prefix}.${part}.weight`, shape: [width, hidden] })),
    };
    const down = { name: `${prefix}.down_proj.weight`, shape: [hidden, width], init };
    this.gateUp = parameters.matrix(gateUp);
    this.gateUpBias = hasBias ? parameters.addBias(gateUp) : null;
    this.down = parameters.matrix(down);
    this.downBias = hasBias ? parameters.addBias(down) : null;
  }

  /** residual + mlp(x), or mlp(x) alone, in f32. */
  forward(x: Tensor, residual: Tensor | null): { output: Tensor; balanceLoss: null } {
    const inner = glu(this.activation, this.gateUp.multiply(x, { bias: this.gateUpBias }));
    return { output: this.down.multiply(inner, { bias: this.downBias, residual, dtype: "f32" }), balanceLoss: null };
  }
}
