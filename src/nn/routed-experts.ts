// The routed experts of a mixture layer, or a range of them: what each computes for the rows it is given. Knows nothing
// of the gate, nor of how rows travel to experts that other models hold.
import { ConfigError } from "../errors.js";
import { alias } from "../tensor/engine.js";
import { swiglu } from "../tensor/ops/glu.js";
import type { Dispatch, ExpertRows } from "../tensor/ops/moe.js";
import { gatherRows } from "../tensor/ops/rows.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Init } from "./parameter-spec.js";
import type { ParameterSet } from "./parameters.js";
import type { Weight } from "./weight.js";

/** Number and sizes of the routed experts of a layer. */
export interface RoutedExpertsConfig {
  readonly hidden: number;
  readonly expertWidth: number;
  readonly numRouted: number;
}

/**
 * Gives the outputs [R,d] of all experts of a layer for rows [R,d]; expert e has the rows [offsets[e], offsets[e+1]).
 * `own` computes those of the experts held here; rows of the others go to where these are, and come back. All of it is
 * recorded on the tape that records.
 */
export type ExpertExchange = (rows: Tensor, offsets: Tensor, own: RoutedExperts) => Tensor;

/** The routed experts that a model holds of every layer, and who computes the others' rows. */
export interface ExpertShare {
  /** Experts [first, end). */
  readonly range: readonly [first: number, end: number];
  readonly exchange: ExpertExchange;
}

/** SwiGLU experts [first, end) of a layer. */
export class RoutedExperts {
  readonly first: number;
  readonly end: number;
  private readonly gateUp: Weight;
  private readonly down: Weight;
  private readonly exchange: ExpertExchange | null;

  /** Throws ConfigError for a range that is empty or leaves the layer. */
  constructor(
    parameters: ParameterSet,
    readonly prefix: string,
    { hidden, expertWidth: width, numRouted }: RoutedExpertsConfig,
    init: Init,
    share?: ExpertShare,
  ) {
    const [first, end] = share?.range ?? [0, numRouted];
    if (!(Number.isInteger(first) && Number.isInteger(end) && 0 <= first && first < end && end <= numRouted))
      throw new ConfigError(`experts: expected a range within [0,${numRouted}), got [${first},${end})`);
    this.first = first;
    this.end = end;
    this.exchange = share?.exchange ?? null;
    const held = Array.from({ length: end - first }, (_, i) => `${prefix}.experts.${first + i}`);
    this.gateUp = parameters.matrix({
      name: `${prefix}.experts.gate_up_proj`,
      shape: [held.length, 2 * width, hidden],
      init,
      firstNumber: first * 2 * width * hidden,
      parts: held.flatMap((expert) =>
        ["gate_proj", "up_proj"].map((part) => ({ name: `${expert}.${part}.weight`, shape: [width, hidden] })),
      ),
    });
    this.down = parameters.matrix({
      name: `${prefix}.experts.down_proj`,
      shape: [held.length, hidden, width],
      init,
      firstNumber: first * hidden * width,
      parts: held.map((expert) => ({ name: `${expert}.down_proj.weight`, shape: [hidden, width] })),
    });
    if (held.length < numRouted) parameters.leaveOut((name) => isOtherExpert(name, this, numRouted));
  }

  /** Outputs of all experts [R,d], sorted by expert, for the tokens x [T,d] that `to` sends to them. */
  forward(x: Tensor, to: Dispatch): Tensor {
    if (!this.exchange) return this.compute(x, to);
    return this.exchange(gatherRows(x, to.rowToken, to.tokenRow), to.offsets, this);
  }

  /** Outputs [R,d] of the experts held here; `rows.offsets` are theirs alone, and rows of none of them become zero. */
  compute(x: Tensor, rows: ExpertRows): Tensor {
    return this.down.multiplyExperts(swiglu(this.gateUp.multiplyExperts(x, rows)), { offsets: rows.offsets });
  }

  /** Of the offsets of all experts of the layer [E+1], those of the experts held here. */
  ownOffsets(offsets: Tensor): Tensor {
    return alias(offsets, [this.end - this.first + 1], this.first);
  }
}

function isOtherExpert(tensor: string, { prefix, first, end }: RoutedExperts, numRouted: number): boolean {
  if (!tensor.startsWith(`${prefix}.experts.`)) return false;
  const expert = Number(tensor.slice(`${prefix}.experts.`.length).split(".", 1)[0]);
  return expert < numRouted && (expert < first || expert >= end);
}
