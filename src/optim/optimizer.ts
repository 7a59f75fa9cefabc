// What every optimiser shares: parameters, clipping by the global norm, named state that can be saved. Knows no model.
import { scope } from "../tensor/engine.js";
import { clipFactor, sumSquares } from "../tensor/ops/reduce.js";
import type { Parameter } from "../tensor/parameter.js";
import type { Tensor } from "../tensor/tensor.js";

/** One optimiser step's figures. */
export interface StepResult {
  /** L2 norm of all gradients before clipping. */
  readonly gradNorm: number;
}

/** An optimiser over a fixed list of parameters. Gradients are consumed (cleared) by `step`. */
export interface Optimizer {
  /** Steps taken. */
  stepCount: number;
  /** Applies the gathered gradients with this learning rate. A norm that is not finite leaves parameters untouched. */
  step(lr: number): Promise<StepResult>;
  /** Moments by name, to save and to restore in place. */
  state(): Map<string, Tensor>;
  dispose(): void;
}

/**
 * Runs `update` with the clip factor of the parameters' gradients, unless their norm is not finite; clears the
 * gradients.
 */
export async function clippedStep(
  parameters: readonly Parameter[],
  maxNorm: number,
  update: (withGrad: readonly Parameter[], factor: Tensor) => void,
): Promise<StepResult> {
  const withGrad = parameters.filter((p) => p.grad);
  if (withGrad.length === 0) return { gradNorm: 0 };
  const squared = scope(() => sumSquares(withGrad.map((p) => p.grad as Tensor)));
  const gradNorm = Math.sqrt(await squared.item());
  if (Number.isFinite(gradNorm)) scope(() => update(withGrad, clipFactor(squared, maxNorm)));
  if (!squared.owner) squared.dispose();
  for (const p of parameters) p.clearGrad();
  return { gradNorm };
}
