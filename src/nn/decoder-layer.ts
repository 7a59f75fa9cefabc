// One Transformer block: attention, then a feed-forward part, each added to the f32 residual stream. Residual and norms
// are the block's own affair. Knows nothing of which attention or feed-forward part it holds.
import { add, cast } from "../tensor/ops/elementwise.js";
import type { Tensor } from "../tensor/tensor.js";
import type { PackedBatch, StepBatch } from "./batch.js";
import { type NormConfig, RmsNorm } from "./norm.js";
import type { CacheKind, PagedLayer, PagedShape } from "./paged-cache.js";
import type { ParameterSet } from "./parameters.js";

/** What a block asks of its attention. It adds to the residual it is given; without one it gives its part alone. */
export interface AttentionModule {
  /** Whether `forward` takes batches whose rows stand in several sequences. */
  readonly takesCopies: boolean;
  forward(x: Tensor, residual: Tensor | null, batch: PackedBatch): Tensor;
  step(x: Tensor, residual: Tensor | null, batch: StepBatch, cache: PagedLayer): Tensor;
  pagedShape(kind: CacheKind): PagedShape;
  dispose(): void;
}

/** Where and how strongly the balance loss is taken. */
export interface Balance {
  readonly cuSeqlens: Tensor;
  readonly alpha: number;
}

/** What a block asks of its feed-forward part; the residual is as in attention. */
export interface FeedForward {
  forward(x: Tensor, residual: Tensor | null, balance?: Balance): { output: Tensor; balanceLoss: Tensor | null };
}

/**
 * Names of the norms around a part of a block: of what it reads, and of what it gives before that joins the residual
 * stream. An absent name: no norm there.
 */
export interface NormPlaces {
  readonly before?: string;
  readonly after?: string;
}

/** The norms of a block. */
export interface BlockNorms {
  readonly attention: NormPlaces;
  readonly feedForward: NormPlaces;
}

/** Each part reads normalised input, and its output is added as it is (Llama, Qwen, DeepSeek). */
export const PRE_NORMS: BlockNorms = {
  attention: { before: "input_layernorm" },
  feedForward: { before: "post_attention_layernorm" },
};

/** One part's place in the residual stream. */
class Branch {
  private readonly before: RmsNorm | null;
  private readonly after: RmsNorm | null;

  constructor(
    private readonly parameters: ParameterSet,
    prefix: string,
    hidden: number,
    config: NormConfig,
    { before, after }: NormPlaces,
  ) {
    const norm = (name?: string) => (name ? new RmsNorm(parameters, `${prefix}.${name}`, hidden, config) : null);
    this.before = norm(before);
    this.after = norm(after);
  }

  /** What the part reads. */
  input(stream: Tensor): Tensor {
    const { compute } = this.parameters;
    return this.before ? this.before.apply(stream, compute) : cast(stream, compute);
  }
  /** What the part adds to in its last product; null where a norm comes between. */
  residual(stream: Tensor): Tensor | null {
    return this.after ? null : stream;
  }
  /** The stream after the part gave `output`. */
  join(stream: Tensor, output: Tensor): Tensor {
    return this.after ? add(stream, this.after.apply(output, "f32")) : output;
  }
}

/** A Transformer block. */
export class DecoderLayer {
  private readonly first: Branch;
  private readonly second: Branch;

  constructor(
    parameters: ParameterSet,
    prefix: string,
    hidden: number,
    normConfig: NormConfig,
    readonly attention: AttentionModule,
    readonly feedForward: FeedForward,
    norms: BlockNorms = PRE_NORMS,
  ) {
    this.first = new Branch(parameters, prefix, hidden, normConfig, norms.attention);
    this.second = new Branch(parameters, prefix, hidden, normConfig, norms.feedForward);
  }

  /** The block over packed sequences: [output, balance loss if any]. */
  forward(x: Tensor, batch: PackedBatch, balance?: Balance): Tensor[] {
    const { first, second } = this;
    const h = first.join(x, this.attention.forward(first.input(x), first.residual(x), batch));
    const { output, balanceLoss } = this.feedForward.forward(second.input(h), second.residual(h), balance);
    const y = second.join(h, output);
    return balanceLoss ? [y, balanceLoss] : [y];
  }

  /** The block for new tokens over a paged cache. */
  step(x: Tensor, batch: StepBatch, cache: PagedLayer): Tensor {
    const { first, second } = this;
    const h = first.join(x, this.attention.step(first.input(x), first.residual(x), batch, cache));
    return second.join(h, this.feedForward.forward(second.input(h), second.residual(h)).output);
  }
}
