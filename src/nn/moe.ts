// DeepSeekMoE: shared experts always, routed experts by the gate (DeepSeek-V3 §2.1.2). No token is dropped.
// Knows nothing of schedules: who calls `updateBias`, and when, is the trainer's business.
import { isRecording, keep } from "../tensor/engine.js";
import { fillInPlace, zeros } from "../tensor/ops/elementwise.js";
import {
  balanceLoss,
  moeCombine,
  moeDispatch,
  type RouterParams,
  router,
  routerBiasUpdate,
} from "../tensor/ops/moe.js";
import type { Parameter } from "../tensor/parameter.js";
import { noGrad } from "../tensor/tape.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Adapters } from "./adapters.js";
import { GatedMlp } from "./mlp.js";
import type { Init } from "./parameter-spec.js";
import type { ParameterSet } from "./parameters.js";
import { type ExpertShare, RoutedExperts, type RoutedExpertsConfig } from "./routed-experts.js";
import type { Weight } from "./weight.js";

/** Sizes and gate of a mixture layer. */
export interface MoeConfig extends RoutedExpertsConfig {
  readonly numShared: number;
  readonly router: RouterParams;
  /** Selection-only bias, moved towards balance by the trainer (V3); V2 has none. */
  readonly hasRouterBias: boolean;
}

/** A mixture-of-experts feed-forward layer. */
export class MoeLayer {
  private readonly gate: Weight;
  readonly bias: Parameter | null;
  readonly routed: RoutedExperts;
  private readonly shared: GatedMlp | null;
  /**
   * Tokens each expert got in recorded (training) forwards since the last `updateBias`; f32 [E]. Whole after
   * `backward`.
   */
  readonly load: Tensor;
  private readonly adapters: Adapters;

  constructor(
    parameters: ParameterSet,
    readonly prefix: string,
    private readonly config: MoeConfig,
    init: Init,
    share?: ExpertShare,
  ) {
    const { hidden, expertWidth: width, numRouted: experts } = config;
    this.gate = parameters.matrix({ name: `${prefix}.gate.weight`, shape: [experts, hidden], init, alwaysF32: true });
    this.bias = config.hasRouterBias
      ? parameters.add({
          name: `${prefix}.gate.e_score_correction_bias`,
          shape: [experts],
          init: { constant: 0 },
          isBuffer: true,
        })
      : null;
    this.routed = new RoutedExperts(parameters, prefix, config, init, share);
    this.shared =
      config.numShared > 0
        ? new GatedMlp(parameters, `${prefix}.shared_experts`, hidden, config.numShared * width, init)
        : null;
    this.adapters = parameters.adapters;
    this.load = keep(zeros([experts], "f32", parameters.device));
  }

  /** Experts in all, those a token visits, and those it always does. */
  get experts(): { readonly routed: number; readonly perToken: number; readonly shared: number } {
    const { numRouted, numShared, router } = this.config;
    return { routed: numRouted, perToken: router.topK, shared: numShared };
  }

  /** The part of the routed experts that a token visits. */
  get activeShare(): number {
    return this.config.router.topK / this.config.numRouted;
  }

  /** residual + shared(x) + Σ gate·expert(x), and the balance loss when `balance` asks for it. */
  forward(
    x: Tensor,
    residual: Tensor | null,
    balance?: { cuSeqlens: Tensor; alpha: number },
  ): { output: Tensor; balanceLoss: Tensor | null } {
    if (!this.adapters.isMixed) return this.compute(x, residual, balance);
    // Rows go to experts in an order of their own, so those of each adapter go apart.
    const output = this.adapters.perRows([x, residual] as const, ([rows, base]) => this.compute(rows, base).output);
    return { output, balanceLoss: null };
  }

  private compute(
    x: Tensor,
    residual: Tensor | null,
    balance?: { cuSeqlens: Tensor; alpha: number },
  ): { output: Tensor; balanceLoss: Tensor | null } {
    const logits = this.gate.multiply(x, { dtype: "f32" });
    const { scores, indices, weights } = router(logits, this.bias, this.config.router);
    // Under `recompute` the first pass does not record and the replay does: recorded once either way.
    const counts = isRecording() ? this.load : null;
    const to = moeDispatch(indices, this.config.numRouted, counts);
    const rows = this.routed.forward(x, to);
    const base = this.shared ? this.shared.forward(x, residual).output : residual;
    const loss =
      balance && balance.alpha > 0
        ? balanceLoss(scores, this.rawChoice(logits), balance.cuSeqlens, balance.alpha)
        : null;
    return { output: moeCombine(rows, weights, to.tokenRow, base), balanceLoss: loss };
  }

  /**
   * Aux-loss-free balancing: moves the bias by gamma against the load gathered since the last call, and starts counting
   * again.
   */
  updateBias(gamma: number): void {
    if (this.bias && gamma > 0) routerBiasUpdate(this.bias, this.load, gamma);
    fillInPlace(this.load, 0);
  }

  dispose(): void {
    this.load.dispose();
  }

  /** The loss counts the top-k of the raw scores: no bias, no groups (V3 eq. 18). */
  private rawChoice(logits: Tensor): Tensor {
    return noGrad(() => router(logits, null, { ...this.config.router, numGroups: 1, topkGroups: 1 }).indices);
  }
}
