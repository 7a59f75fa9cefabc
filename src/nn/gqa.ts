// Grouped-query attention (Ainslie et al. 2023) as Llama, Qwen and their like have it: half-split RoPE or none; biases,
// norms of heads and a sliding window where the description asks for them.
import type { Device } from "../tensor/device.js";
import { attention } from "../tensor/ops/attention.js";
import { splitLast } from "../tensor/ops/elementwise.js";
import { pagedAttention } from "../tensor/ops/paged-attention.js";
import { rope } from "../tensor/ops/rope.js";
import { gatherRows } from "../tensor/ops/rows.js";
import type { Parameter } from "../tensor/parameter.js";
import type { Tensor } from "../tensor/tensor.js";
import { reshape } from "../tensor/view.js";
import type { PackedBatch, StepBatch } from "./batch.js";
import { type NormConfig, RmsNorm } from "./norm.js";
import { type PagedLayer, type PagedShape, writePaged } from "./paged-cache.js";
import type { Init } from "./parameter-spec.js";
import { constant, type ParameterSet } from "./parameters.js";
import { type RopeScaling, ropeTable } from "./rope-frequencies.js";
import type { Weight } from "./weight.js";

/** Widths of grouped-query attention. */
export interface GqaConfig {
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly qkvBias: boolean;
  readonly outputBias: boolean;
  /** The RMSNorm of each query and key head before rotation (Qwen3); null: none. */
  readonly headNorm: NormConfig | null;
  /** What products of queries and keys are multiplied by. */
  readonly scale: number;
  /** Scores become cap·tanh(score/cap) before the softmax (Gemma 2); null: they stay as they are. */
  readonly softCap: number | null;
  /** Sliding window: keys that a query sees at most, its own included; null: all up to its own. */
  readonly window: number | null;
  /** Rotary positions; null: none (Kazemnejad et al. 2023, "NoPE"). */
  readonly rope: RopeConfig | null;
}

/** Rotary positions of a layer. */
export interface RopeConfig {
  readonly theta: number;
  readonly scaling: RopeScaling | null;
}

/** One attention layer; q, k and v are one matrix in memory, apart in files. */
export class GqaAttention {
  readonly takesCopies = true;
  private readonly qkv: Weight;
  private readonly qkvBias: Parameter | null;
  private readonly output: Weight;
  private readonly outputBias: Parameter | null;
  private readonly queryNorm: RmsNorm | null;
  private readonly keyNorm: RmsNorm | null;
  private readonly rotary: { readonly invFreq: Tensor; readonly factor: number } | null;

  constructor(
    parameters: ParameterSet,
    prefix: string,
    private readonly config: GqaConfig,
    init: Init,
  ) {
    const { hidden, heads, kvHeads, headDim } = config;
    const rows = [
      ["q_proj", heads * headDim],
      ["k_proj", kvHeads * headDim],
      ["v_proj", kvHeads * headDim],
    ] as const;
    const qkv = {
      name: `${prefix}.qkv_proj.weight`,
      shape: [(heads + 2 * kvHeads) * headDim, hidden],
      init,
      parts: rows.map(([name, n]) => ({ name: `${prefix}.${name}.weight`, shape: [n, hidden] })),
    };
    const output = { name: `${prefix}.o_proj.weight`, shape: [hidden, heads * headDim], init };
    const norm = (name: string) =>
      config.headNorm && new RmsNorm(parameters, `${prefix}.${name}`, headDim, config.headNorm);
    this.qkv = parameters.matrix(qkv);
    this.qkvBias = config.qkvBias ? parameters.addBias(qkv) : null;
    this.output = parameters.matrix(output);
    this.outputBias = config.outputBias ? parameters.addBias(output) : null;
    this.queryNorm = norm("q_norm");
    this.keyNorm = norm("k_norm");
    this.rotary = config.rope && rotaryOf(headDim, config.rope, parameters.device);
  }

  /** Keys and values of every kv head. */
  pagedShape(): PagedShape {
    return {
      heads: this.config.kvHeads,
      keyWidth: this.config.headDim,
      valueWidth: this.config.headDim,
      latentWidth: null,
    };
  }

  /** residual + attention(x) over packed sequences; attention(x) alone without a residual. */
  forward(x: Tensor, residual: Tensor | null, batch: PackedBatch): Tensor {
    const { copies, cuSeqlens } = batch;
    const own = this.queriesKeysValues(x, batch.positions);
    const [q, k, v] = copies ? own.map((rows) => pickRows(rows, copies.rowOf)) : own;
    const o = attention(q, k, v, cuSeqlens, { ...this.scores, causal: true });
    return this.finish(copies ? pickRows(o, copies.copyOf) : o, residual);
  }

  /** residual + attention(x) for new tokens over a paged cache. */
  step(x: Tensor, residual: Tensor | null, batch: StepBatch, cache: PagedLayer): Tensor {
    const [q, k, v] = this.queriesKeysValues(x, batch.positions);
    writePaged(cache, k, v, batch.blockIds, batch.blockOffsets);
    return this.finish(
      pagedAttention(q, cache.keys, cache.values, batch.blockTables, batch.cuQueries, batch.contextLengths, {
        ...this.scores,
        valueWidth: this.config.headDim,
      }),
      residual,
    );
  }

  dispose(): void {
    this.rotary?.invFreq.dispose();
  }

  private get scores() {
    const { scale, softCap, window } = this.config;
    return { scale, softCap: softCap ?? undefined, window: window ?? undefined };
  }

  private queriesKeysValues(x: Tensor, positions: Tensor): [Tensor, Tensor, Tensor] {
    const { heads, kvHeads, headDim } = this.config;
    const rows = x.shape[0];
    const [q, kv] = splitLast(this.qkv.multiply(x, { bias: this.qkvBias }), heads * headDim);
    const [k, v] = splitLast(kv, kvHeads * headDim);
    const prepared = (t: Tensor, n: number, norm: RmsNorm | null) =>
      this.turn(reshape(norm ? norm.apply(reshape(t, [rows * n, headDim])) : t, [rows, n, headDim]), positions);
    return [
      prepared(q, heads, this.queryNorm),
      prepared(k, kvHeads, this.keyNorm),
      reshape(v, [rows, kvHeads, headDim]),
    ];
  }

  private turn(x: Tensor, positions: Tensor): Tensor {
    if (!this.rotary) return x;
    const { invFreq, factor } = this.rotary;
    return rope(x, positions, invFreq, { interleaved: false, factor });
  }

  private finish(o: Tensor, residual: Tensor | null): Tensor {
    const joined = reshape(o, [o.shape[0], o.shape[1] * o.shape[2]]);
    return this.output.multiply(joined, { bias: this.outputBias, residual, dtype: "f32" });
  }
}

/** Rows of x [T,n,d] by index. */
function pickRows(x: Tensor, index: Tensor): Tensor {
  const [rows, n, d] = x.shape;
  return reshape(gatherRows(reshape(x, [rows, n * d]), index), [index.size, n, d]);
}

function rotaryOf(headDim: number, { theta, scaling }: RopeConfig, device: Device) {
  const { invFreq, factor } = ropeTable(headDim, theta, scaling);
  return { invFreq: constant(invFreq, [headDim / 2], device), factor };
}
