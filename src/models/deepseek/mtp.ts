// Multi-token prediction (DeepSeek-V3 §2.2): one more block that predicts the token after the next.

import type { DecoderLayer } from "../../nn/decoder-layer.js";
import { RmsNorm } from "../../nn/norm.js";
import type { Init } from "../../nn/parameter-spec.js";
import type { ParameterSet } from "../../nn/parameters.js";
import type { Weight } from "../../nn/weight.js";
import { concatLast } from "../../tensor/ops/elementwise.js";
import type { Tensor } from "../../tensor/tensor.js";

/**
 * One prediction depth. Embedding and head are the main model's. The input order is [embedding, hidden] and the hidden
 * state is the normalised one, as the loaders of the released weights have it (the paper's formula writes hidden
 * first).
 */
export class MtpModule {
  private readonly enorm: RmsNorm;
  private readonly hnorm: RmsNorm;
  private readonly projection: Weight;
  private readonly outputNorm: RmsNorm;

  constructor(
    private readonly parameters: ParameterSet,
    prefix: string,
    hidden: number,
    eps: number,
    init: Init,
    readonly layer: DecoderLayer,
  ) {
    const norm = (name: string) => new RmsNorm(parameters, `${prefix}.${name}`, hidden, { eps });
    this.enorm = norm("enorm");
    this.hnorm = norm("hnorm");
    this.projection = parameters.matrix({ name: `${prefix}.eh_proj.weight`, shape: [hidden, 2 * hidden], init });
    this.outputNorm = norm("shared_head.norm");
  }

  /** eh_proj·[norm(embedding of the next token) ; norm(hidden)], as the block's f32 residual stream [T,d]. */
  join(hidden: Tensor, nextEmbedding: Tensor): Tensor {
    const { compute } = this.parameters;
    const both = concatLast(this.enorm.apply(nextEmbedding, compute), this.hnorm.apply(hidden, compute));
    return this.projection.multiply(both, { dtype: "f32" });
  }

  /** The block's output, ready for the shared head. */
  normalise(x: Tensor): Tensor {
    return this.outputNorm.apply(x, this.parameters.compute);
  }
}
