// AdamW (Loshchilov & Hutter 2019), one fused pass a parameter.
import { pow } from "../elementary.js";
import { keep } from "../tensor/engine.js";
import { zeros } from "../tensor/ops/elementwise.js";
import { adamw } from "../tensor/ops/optimizer.js";
import type { Parameter } from "../tensor/parameter.js";
import type { Tensor } from "../tensor/tensor.js";
import { clippedStep, type Optimizer, type StepResult } from "./optimizer.js";

/** Hyper-parameters; defaults are DeepSeek-V3's (§4.2). */
export interface AdamWOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly eps?: number;
  readonly weightDecay?: number;
  /** Largest global gradient norm. */
  readonly maxNorm?: number;
  /** Which parameters decay; default: matrices. */
  readonly decays?: (p: Parameter) => boolean;
}

const zerosLike = (p: Parameter): Tensor => keep(zeros(p.shape, "f32", p.device));

/** AdamW over f32 master weights; bf16 copies are refreshed in the same pass. */
export class AdamW implements Optimizer {
  stepCount = 0;
  private readonly moments = new Map<Parameter, { m: Tensor; v: Tensor }>();
  private readonly options: Required<AdamWOptions>;

  constructor(
    private readonly parameters: readonly Parameter[],
    options: AdamWOptions = {},
  ) {
    this.options = {
      beta1: 0.9,
      beta2: 0.95,
      eps: 1e-8,
      weightDecay: 0.1,
      maxNorm: 1,
      decays: (p) => p.shape.length > 1,
      ...options,
    };
    for (const p of parameters) this.moments.set(p, { m: zerosLike(p), v: zerosLike(p) });
  }

  async step(lr: number): Promise<StepResult> {
    const result = await clippedStep(this.parameters, this.options.maxNorm, (withGrad, factor) =>
      this.apply(withGrad, factor, lr),
    );
    if (Number.isFinite(result.gradNorm)) this.stepCount++;
    return result;
  }

  /** Updates the given parameters with gradients scaled by `factor`, as step number stepCount + 1. */
  apply(withGrad: readonly Parameter[], factor: Tensor, lr: number): void {
    const { beta1, beta2, eps, weightDecay, decays } = this.options;
    const next = this.stepCount + 1;
    const corrections = { biasCorrection1: 1 - pow(beta1, next), biasCorrection2: 1 - pow(beta2, next) };
    for (const p of withGrad) {
      const { m, v } = this.moments.get(p) as { m: Tensor; v: Tensor };
      adamw(p, p.grad as Tensor, m, v, p.computeCopy, factor, {
        lr,
        beta1,
        beta2,
        eps,
        weightDecay: decays(p) ? weightDecay : 0,
        ...corrections,
      });
    }
  }

  state(): Map<string, Tensor> {
    const entries = [...this.moments].flatMap(([p, { m, v }]) => [
      [`${p.name}.m`, m] as const,
      [`${p.name}.v`, v] as const,
    ]);
    return new Map(entries);
  }

  dispose(): void {
    for (const { m, v } of this.moments.values()) {
      m.dispose();
      v.dispose();
    }
    this.moments.clear();
  }
}
