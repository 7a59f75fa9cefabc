// Multi-head latent attention (DeepSeek-V2 §2.1): expanded for training and prefill, absorbed or per head for what is
// generated. Legend: T tokens, H heads, dc kv_lora_rank, dR rotary width, dn nope width, dv value width.
import { alias } from "../tensor/engine.js";
import { attention } from "../tensor/ops/attention.js";
import { concatLast, splitLast } from "../tensor/ops/elementwise.js";
import { expandedAttention } from "../tensor/ops/expanded-attention.js";
import { headMatmul } from "../tensor/ops/linear.js";
import { gatherPaged, pagedAttention } from "../tensor/ops/paged-attention.js";
import { mlaAssemble, rope } from "../tensor/ops/rope.js";
import type { Parameter } from "../tensor/parameter.js";
import type { Tensor } from "../tensor/tensor.js";
import { reshape } from "../tensor/view.js";
import { type Adapters, stackRows } from "./adapters.js";
import type { PackedBatch, PagedQueries, SequenceGroup, StepBatch, WholeContexts } from "./batch.js";
import { RmsNorm } from "./norm.js";
import { type CacheKind, type PagedLayer, type PagedShape, writePaged } from "./paged-cache.js";
import type { Init, WeightUse } from "./parameter-spec.js";
import { constant, type ParameterSet } from "./parameters.js";
import { type RopeScaling, type RopeTable, ropeTable } from "./rope-frequencies.js";
import type { Weight } from "./weight.js";

/** The latent norms' epsilon, fixed in the released code whatever rms_norm_eps says. */
const LATENT_EPS = 1e-6;

/** Widths of MLA. */
export interface MlaConfig {
  readonly hidden: number;
  readonly heads: number;
  /** null: one plain query projection (V2-Lite). */
  readonly qLoraRank: number | null;
  readonly kvLoraRank: number;
  readonly nope: number;
  readonly rotary: number;
  readonly value: number;
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling | null;
  /** What the softmax scale is multiplied by (YaRN's mscale_all_dim). */
  readonly softmaxScale: number;
  readonly ropeInterleave: boolean;
  /** Biases on the projections down to queries' and keys' latents and on the output. */
  readonly hasBias: boolean;
}

/** One attention layer. */
export class MlaAttention {
  readonly takesCopies = false;
  private readonly queryDown: { a: Weight; bias: Parameter | null; norm: RmsNorm } | null;
  private readonly queryUp: Weight;
  private readonly kvDown: Weight;
  private readonly kvDownBias: Parameter | null;
  private readonly kvNorm: RmsNorm;
  private readonly kvUp: Weight;
  private readonly output: Weight;
  private readonly outputBias: Parameter | null;
  private readonly invFreq: Tensor;
  private readonly table: RopeTable;
  private readonly scale: number;
  private readonly adapters: Adapters;

  constructor(
    parameters: ParameterSet,
    prefix: string,
    private readonly config: MlaConfig,
    init: Init,
  ) {
    const { hidden, heads, qLoraRank, kvLoraRank, nope, rotary, value } = config;
    const spec = (name: string, rows: number, columns: number, use?: WeightUse) => ({
      name: `${prefix}.${name}.weight`,
      shape: [rows, columns],
      init,
      use,
    });
    const matrix = (...of: Parameters<typeof spec>) => parameters.matrix(spec(...of));
    const biasOf = (...of: Parameters<typeof spec>) => (config.hasBias ? parameters.addBias(spec(...of)) : null);
    const norm = (name: string, width: number) =>
      new RmsNorm(parameters, `${prefix}.${name}`, width, { eps: LATENT_EPS });
    const queryWidth = heads * (nope + rotary);
    this.queryDown = qLoraRank
      ? {
          a: matrix("q_a_proj", qLoraRank, hidden),
          bias: biasOf("q_a_proj", qLoraRank, hidden),
          norm: norm("q_a_layernorm", qLoraRank),
        }
      : null;
    this.queryUp = qLoraRank ? matrix("q_b_proj", queryWidth, qLoraRank) : matrix("q_proj", queryWidth, hidden);
    this.kvDown = matrix("kv_a_proj_with_mqa", kvLoraRank + rotary, hidden);
    this.kvDownBias = biasOf("kv_a_proj_with_mqa", kvLoraRank + rotary, hidden);
    this.kvNorm = norm("kv_a_layernorm", kvLoraRank);
    this.kvUp = matrix("kv_b_proj", heads * (nope + value), kvLoraRank, "numbers");
    this.output = matrix("o_proj", hidden, heads * value);
    this.outputBias = biasOf("o_proj", hidden, heads * value);
    this.table = ropeTable(rotary, config.ropeTheta, config.ropeScaling);
    this.invFreq = constant(this.table.invFreq, [rotary / 2], parameters.device);
    this.scale = (nope + rotary) ** -0.5 * config.softmaxScale;
    this.adapters = parameters.adapters;
  }

  /** Width of a cache entry: (dc + dR) numbers latent, H·(dn + dR + dv) per head. */
  pagedShape(kind: CacheKind): PagedShape {
    const { heads, kvLoraRank, nope, rotary, value } = this.config;
    return kind === "latent"
      ? { heads: 1, keyWidth: kvLoraRank + rotary, valueWidth: null, latentWidth: kvLoraRank }
      : { heads, keyWidth: nope + rotary, valueWidth: value, latentWidth: null };
  }

  /** residual + attention(x) over packed sequences (expanded path). */
  forward(x: Tensor, residual: Tensor | null, batch: PackedBatch): Tensor {
    const { heads, value } = this.config;
    const { latent, kRope } = this.compress(x);
    const [q, k, v] = this.expand(this.queries(x), latent, kRope, batch.positions);
    const o = attention(q, k, v, batch.cuSeqlens, { scale: this.scale, causal: true });
    return this.output.multiply(reshape(o, [batch.numTokens, heads * value]), { bias: this.outputBias, residual });
  }

  /**
   * residual + attention(x) for new tokens over a paged cache. Over latents, prompt pieces expand those they see, their
   * own included, and sequences that generate attend to them absorbed; which path a token takes hangs on its sequence
   * alone.
   */
  step(x: Tensor, residual: Tensor | null, batch: StepBatch, cache: PagedLayer): Tensor {
    const { heads, value } = this.config;
    const o = cache.kind === "latent" ? this.stepOverLatents(x, batch, cache) : this.stepOverHeads(x, batch, cache);
    return this.output.multiply(reshape(o, [x.shape[0], heads * value]), { bias: this.outputBias, residual });
  }

  dispose(): void {
    this.invFreq.dispose();
  }

  /** Queries [T,H,dn+dR], not rotated. */
  private queries(x: Tensor): Tensor {
    const { heads, nope, rotary } = this.config;
    const down = this.queryDown;
    const source = down ? down.norm.apply(down.a.multiply(x, { bias: down.bias })) : x;
    return reshape(this.queryUp.multiply(source), [x.shape[0], heads, nope + rotary]);
  }

  /** The normalised latent [T,dc] and the shared key [T,dR], not rotated. */
  private compress(x: Tensor): { latent: Tensor; kRope: Tensor } {
    const [raw, kRope] = splitLast(this.kvDown.multiply(x, { bias: this.kvDownBias }), this.config.kvLoraRank);
    return { latent: this.kvNorm.apply(raw), kRope };
  }

  private expand(q: Tensor, latent: Tensor, kRope: Tensor, positions: Tensor): [Tensor, Tensor, Tensor] {
    const { heads, nope, value } = this.config;
    const kv = reshape(this.kvUp.multiply(latent), [latent.shape[0], heads, nope + value]);
    return mlaAssemble(q, kv, kRope, positions, this.invFreq, { nope, value, ...this.layout });
  }

  private get layout() {
    return { interleaved: this.config.ropeInterleave, factor: this.table.factor };
  }

  private rotatedKey(kRope: Tensor, positions: Tensor): Tensor {
    const rows = kRope.shape[0];
    return reshape(rope(reshape(kRope, [rows, 1, this.config.rotary]), positions, this.invFreq, this.layout), [
      rows,
      this.config.rotary,
    ]);
  }

  private stepOverHeads(x: Tensor, batch: StepBatch, cache: PagedLayer): Tensor {
    const { latent, kRope } = this.compress(x);
    const [q, k, v] = this.expand(this.queries(x), latent, kRope, batch.positions);
    writePaged(cache, k, v, batch.blockIds, batch.blockOffsets);
    return pagedAttention(q, cache.keys, cache.values, batch.blockTables, batch.cuQueries, batch.contextLengths, {
      scale: this.scale,
      valueWidth: this.config.value,
    });
  }

  private stepOverLatents(x: Tensor, batch: StepBatch, cache: PagedLayer): Tensor {
    const { heads, nope, rotary } = this.config;
    const { latent, kRope } = this.compress(x);
    writePaged(
      cache,
      concatLast(latent, this.rotatedKey(kRope, batch.positions)),
      null,
      batch.blockIds,
      batch.blockOffsets,
    );
    const q = rope(this.queries(x), batch.positions, this.invFreq, this.layout, nope);
    const rowsOf = ({ firstRow, numRows }: PagedQueries) =>
      alias(q, [numRows, heads, nope + rotary], firstRow * heads * (nope + rotary));
    const attend = (group: SequenceGroup) =>
      group.contexts
        ? this.attendExpanded(rowsOf(group), group, group.contexts, cache)
        : this.attendAbsorbed(rowsOf(group), group, cache);
    return stackRows(batch.groups.map((group) => this.adapters.using(group.adapter, () => attend(group))));
  }

  /**
   * Attention of rotated queries to the keys and values of every head, made from the cached latents of whole contexts.
   */
  private attendExpanded(
    q: Tensor,
    { blockTables, cuQueries }: PagedQueries,
    { cuKeys, numKeys }: WholeContexts,
    cache: PagedLayer,
  ): Tensor {
    const { heads, nope, value, kvLoraRank } = this.config;
    const dtype = q.dtype === "bf16" ? "bf16" : "f32";
    const entries = gatherPaged(cache.keys, blockTables, cuKeys, { rows: numKeys, latent: cache.latentWidth, dtype });
    const [latents, kRope] = splitLast(entries, kvLoraRank);
    const kv = reshape(this.kvUp.multiply(latents), [numKeys, heads, nope + value]);
    return expandedAttention(q, kv, kRope, cuQueries, cuKeys, { scale: this.scale });
  }

  /**
   * W_UK is folded into the query and W_UV into the output, so attention runs on the latents themselves (V2 §2.1.2).
   */
  private attendAbsorbed(q: Tensor, queries: PagedQueries, cache: PagedLayer): Tensor {
    const { nope, value, kvLoraRank } = this.config;
    const u = pagedAttention(
      this.absorbed(q),
      cache.keys,
      null,
      queries.blockTables,
      queries.cuQueries,
      queries.contextLengths,
      {
        scale: this.scale,
        valueWidth: kvLoraRank,
      },
    );
    return headMatmul(u, this.kvUp.numbers(), { rowOffset: nope, rows: value, transposed: false });
  }

  /** Rotated queries [T,H,dn+dR] as queries to latents [T,H,dc+dR]. */
  private absorbed(q: Tensor): Tensor {
    const { heads, nope, rotary, kvLoraRank } = this.config;
    const rows = q.shape[0];
    const [qNope, qRope] = splitLast(reshape(q, [rows * heads, nope + rotary]), nope);
    const folded = headMatmul(reshape(qNope, [rows, heads, nope]), this.kvUp.numbers(), {
      rowOffset: 0,
      rows: nope,
      transposed: true,
    });
    return reshape(concatLast(reshape(folded, [rows * heads, kvLoraRank]), qRope), [rows, heads, kvLoraRank + rotary]);
  }
}
