// One pre-norm Transformer block: x + attention(norm(x)), then + feed-forward(norm(x)). The residual stream is f32.
// Knows nothing of which attention or feed-forward it holds.
import { rmsNorm } from "../tensor/ops/norm.js";
import type { Parameter } from "../tensor/parameter.js";
import type { Tensor } from "../tensor/tensor.js";
import type { PackedBatch, StepBatch } from "./batch.js";
import type { CacheKind, PagedLayer, PagedShape } from "./paged-cache.js";
import type { ParameterSet } from "./parameters.js";

/** What a block asks of its attention. All add to the residual they are given. */
export interface AttentionModule {
  forward(x: Tensor, residual: Tensor, batch: PackedBatch): Tensor;
  step(x: Tensor, residual: Tensor, batch: StepBatch, cache: PagedLayer): Tensor;
  pagedShape(kind: CacheKind): PagedShape;
  dispose(): void;
}

/** Where and how strongly the balance loss is taken. */
export interface Balance {
  readonly cuSeqlens: Tensor;
  readonly alpha: number;
}

/** What a block asks of its feed-forward part. */
export interface FeedForward {
  forward(x: Tensor, residual: Tensor, balance?: Balance): { output: Tensor; balanceLoss: Tensor | null };
}

/** A Transformer block. */
export class DecoderLayer {
  private readonly inputNorm: Parameter;
  private readonly postNorm: Parameter;

  constructor(
    private readonly parameters: ParameterSet,
    prefix: string,
    hidden: number,
    private readonly eps: number,
    readonly attention: AttentionModule,
    readonly feedForward: FeedForward,
  ) {
    const norm = (name: string) =>
      parameters.add({ name: `${prefix}.${name}.weight`, shape: [hidden], init: { constant: 1 }, alwaysF32: true });
    this.inputNorm = norm("input_layernorm");
    this.postNorm = norm("post_attention_layernorm");
  }

  /** The block over packed sequences: [output, balance loss if any]. */
  forward(x: Tensor, batch: PackedBatch, balance?: Balance): Tensor[] {
    const h = this.attention.forward(this.norm(x, this.inputNorm), x, batch);
    const { output, balanceLoss } = this.feedForward.forward(this.norm(h, this.postNorm), h, balance);
    return balanceLoss ? [output, balanceLoss] : [output];
  }

  /** The block for new tokens over a paged cache. */
  step(x: Tensor, batch: StepBatch, cache: PagedLayer): Tensor {
    const h = this.attention.step(this.norm(x, this.inputNorm), x, batch, cache);
    return this.feedForward.forward(this.norm(h, this.postNorm), h).output;
  }

  private norm(x: Tensor, w: Parameter): Tensor {
    return rmsNorm(x, w, this.eps, this.parameters.compute);
  }
}
