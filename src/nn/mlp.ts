// The dense feed-forward block, SwiGLU: down(silu(gate·x)·(up·x)).

import { swiglu } from "../tensor/ops/elementwise.js";
import type { Parameter } from "../tensor/parameter.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Init, ParameterSet } from "./parameters.js";
import { project } from "./project.js";

/** Gate and up are one matrix [2·width, d], so that they are one product; files keep them apart. */
export class SwigluMlp {
  private readonly gateUp: Parameter;
  private readonly gateUpBias: Parameter | null;
  private readonly down: Parameter;
  private readonly downBias: Parameter | null;

  constructor(parameters: ParameterSet, prefix: string, hidden: number, width: number, init: Init, hasBias = false) {
    const gateUp = {
      name: `${prefix}.gate_up_proj.weight`,
      shape: [2 * width, hidden],
      init,
      parts: ["gate_proj", "up_proj"].map((part) => ({ name: `${prefix}.${part}.weight`, shape: [width, hidden] })),
    };
    const down = { name: `${prefix}.down_proj.weight`, shape: [hidden, width], init };
    this.gateUp = parameters.add(gateUp);
    this.gateUpBias = hasBias ? parameters.addBias(gateUp) : null;
    this.down = parameters.add(down);
    this.downBias = hasBias ? parameters.addBias(down) : null;
  }

  /** residual + mlp(x), or mlp(x) alone, in f32. */
  forward(x: Tensor, residual: Tensor | null): { output: Tensor; balanceLoss: null } {
    const inner = swiglu(project(x, this.gateUp, { bias: this.gateUpBias }));
    return { output: project(inner, this.down, { bias: this.downBias, residual, dtype: "f32" }), balanceLoss: null };
  }
}
