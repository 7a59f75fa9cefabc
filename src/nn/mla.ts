// Multi-head latent attention (DeepSeek-V2 §2.1): expanded for training and prefill, absorbed or per-head for decode.
// Legend: T tokens, H heads, dc kv_lora_rank, dR rotary width, dn nope width, dv value width.
import { attention, decodeAttention, kvCacheWrite } from "../tensor/ops/attention.js";
import { concatLast, splitLast } from "../tensor/ops/elementwise.js";
import { headMatmul, linear } from "../tensor/ops/linear.js";
import { rmsNorm } from "../tensor/ops/norm.js";
import { mlaAssemble, rope } from "../tensor/ops/rope.js";
import type { Parameter } from "../tensor/tape.js";
import type { Tensor } from "../tensor/tensor.js";
import { reshape } from "../tensor/view.js";
import type { DecodeStep, PackedBatch, PrefillTarget } from "./batch.js";
import type { CacheKind, CacheShape, LayerCache } from "./kv-cache.js";
import { constant, type Init, linearWeight, type ParameterSet, weight } from "./parameters.js";
import { type RopeScaling, type RopeTable, ropeTable } from "./rope-frequencies.js";

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
  readonly ropeInterleave: boolean;
}

/** One attention layer. */
export class MlaAttention {
  private readonly queryDown: { a: Parameter; norm: Parameter } | null;
  private readonly queryUp: Parameter;
  private readonly kvDown: Parameter;
  private readonly kvNorm: Parameter;
  private readonly kvUp: Parameter;
  private readonly output: Parameter;
  private readonly invFreq: Tensor;
  private readonly table: RopeTable;
  private readonly scale: number;

  constructor(
    parameters: ParameterSet,
    prefix: string,
    private readonly config: MlaConfig,
    init: Init,
  ) {
    const { hidden, heads, qLoraRank, kvLoraRank, nope, rotary, value } = config;
    const matrix = (name: string, rows: number, columns: number) => parameters.add({ name: `${prefix}.${name}.weight`, shape: [rows, columns], init });
    const norm = (name: string, width: number) => parameters.add({ name: `${prefix}.${name}.weight`, shape: [width], init: { constant: 1 }, alwaysF32: true });
    const queryWidth = heads * (nope + rotary);
    this.queryDown = qLoraRank ? { a: matrix("q_a_proj", qLoraRank, hidden), norm: norm("q_a_layernorm", qLoraRank) } : null;
    this.queryUp = qLoraRank ? matrix("q_b_proj", queryWidth, qLoraRank) : matrix("q_proj", queryWidth, hidden);
    this.kvDown = matrix("kv_a_proj_with_mqa", kvLoraRank + rotary, hidden);
    this.kvNorm = norm("kv_a_layernorm", kvLoraRank);
    this.kvUp = matrix("kv_b_proj", heads * (nope + value), kvLoraRank);
    this.output = matrix("o_proj", hidden, heads * value);
    this.table = ropeTable(rotary, config.ropeTheta, config.ropeScaling);
    this.invFreq = constant(this.table.invFreq, [rotary / 2]);
    this.scale = (nope + rotary) ** -0.5 * this.table.softmaxScale;
  }

  /** Width of a cache entry: (dc + dR) numbers latent, H·(dn + dR + dv) per head. */
  cacheShape(kind: CacheKind): CacheShape {
    const { heads, kvLoraRank, nope, rotary, value } = this.config;
    return kind === "latent" ? { heads: 1, keyWidth: kvLoraRank + rotary, valueWidth: null } : { heads, keyWidth: nope + rotary, valueWidth: value };
  }

  /** residual + attention(x) over packed sequences (expanded path); writes the cache when given. */
  forward(x: Tensor, residual: Tensor, batch: PackedBatch, cache?: LayerCache, target?: PrefillTarget): Tensor {
    const { heads, value } = this.config;
    const { latent, kRope } = this.compress(x);
    const [q, k, v] = this.expand(this.queries(x), latent, kRope, batch.positions);
    if (cache && target) this.writeCache(cache, latent, kRope, k, v, target.slots, batch.positions);
    const o = attention(q, k, v, batch.cuSeqlens, { scale: this.scale, causal: true });
    return linear(reshape(o, [batch.numTokens, heads * value]), linearWeight(this.output), { residual });
  }

  /** residual + attention(x) for one new token per row. */
  decode(x: Tensor, residual: Tensor, step: DecodeStep, cache: LayerCache): Tensor {
    const { heads, value } = this.config;
    const o = cache.kind === "latent" ? this.decodeAbsorbed(x, step, cache) : this.decodeExpanded(x, step, cache);
    return linear(reshape(o, [x.shape[0], heads * value]), linearWeight(this.output), { residual });
  }

  dispose(): void {
    this.invFreq.dispose();
  }

  /** Queries [T,H,dn+dR], not rotated. */
  private queries(x: Tensor): Tensor {
    const { heads, nope, rotary } = this.config;
    const source = this.queryDown ? rmsNorm(linear(x, linearWeight(this.queryDown.a)), this.queryDown.norm, LATENT_EPS) : x;
    return reshape(linear(source, linearWeight(this.queryUp)), [x.shape[0], heads, nope + rotary]);
  }

  /** The normalised latent [T,dc] and the shared key [T,dR], not rotated. */
  private compress(x: Tensor): { latent: Tensor; kRope: Tensor } {
    const [raw, kRope] = splitLast(linear(x, linearWeight(this.kvDown)), this.config.kvLoraRank);
    return { latent: rmsNorm(raw, this.kvNorm, LATENT_EPS), kRope };
  }

  private expand(q: Tensor, latent: Tensor, kRope: Tensor, positions: Tensor): [Tensor, Tensor, Tensor] {
    const { heads, nope, value } = this.config;
    const kv = reshape(linear(latent, linearWeight(this.kvUp)), [latent.shape[0], heads, nope + value]);
    return mlaAssemble(q, kv, kRope, positions, this.invFreq, { nope, value, ...this.layout });
  }

  private get layout() {
    return { interleaved: this.config.ropeInterleave, factor: this.table.factor };
  }

  private rotatedKey(kRope: Tensor, positions: Tensor): Tensor {
    const rows = kRope.shape[0];
    return reshape(rope(reshape(kRope, [rows, 1, this.config.rotary]), positions, this.invFreq, this.layout), [rows, this.config.rotary]);
  }

  private writeCache(cache: LayerCache, latent: Tensor, kRope: Tensor, k: Tensor, v: Tensor, slots: Tensor, positions: Tensor): void {
    if (cache.kind === "latent") {
      kvCacheWrite(concatLast(latent, this.rotatedKey(kRope, positions)), cache.keys, slots, positions);
      return;
    }
    kvCacheWrite(k, cache.keys, slots, positions);
    if (cache.values) kvCacheWrite(v, cache.values, slots, positions);
  }

  private decodeExpanded(x: Tensor, step: DecodeStep, cache: LayerCache): Tensor {
    const { latent, kRope } = this.compress(x);
    const [q, k, v] = this.expand(this.queries(x), latent, kRope, step.positions);
    this.writeCache(cache, latent, kRope, k, v, step.slots, step.positions);
    return decodeAttention(q, cache.keys, cache.values, step.slots, step.lengths, { scale: this.scale, valueWidth: this.config.value });
  }

  /** W_UK is folded into the query and W_UV into the output, so attention runs on the latents themselves (V2 §2.1.2). */
  private decodeAbsorbed(x: Tensor, step: DecodeStep, cache: LayerCache): Tensor {
    const { heads, nope, rotary, value, kvLoraRank } = this.config;
    const rows = x.shape[0];
    const { latent, kRope } = this.compress(x);
    kvCacheWrite(concatLast(latent, this.rotatedKey(kRope, step.positions)), cache.keys, step.slots, step.positions);
    const q = rope(this.queries(x), step.positions, this.invFreq, this.layout, nope);
    const [qNope, qRope] = splitLast(reshape(q, [rows * heads, nope + rotary]), nope);
    const absorbed = headMatmul(reshape(qNope, [rows, heads, nope]), weight(this.kvUp), { rowOffset: 0, rows: nope, transposed: true });
    const query = reshape(concatLast(reshape(absorbed, [rows * heads, kvLoraRank]), qRope), [rows, heads, kvLoraRank + rotary]);
    const u = decodeAttention(query, cache.keys, null, step.slots, step.lengths, { scale: this.scale, valueWidth: kvLoraRank });
    return headMatmul(u, weight(this.kvUp), { rowOffset: nope, rows: value, transposed: false });
  }
}
