// Attention over packed sequences, as training computes it. Queries and values may differ in width, heads may be
// grouped.
import { exp, log, tanh } from "../../elementary.js";
import { dispatch } from "../engine.js";
import { checkShape, type HostView, type OpSpec } from "../op.js";
import type { Tensor, TensorSpec } from "../tensor.js";
import { streamCost } from "./elementwise.js";

/** Parameters of `attention`. */
export interface AttentionParams {
  scale: number;
  /** Scores become cap·tanh(score/cap) before the softmax (Gemma 2). Absent: they stay as they are. */
  softCap?: number;
  causal: boolean;
  /** Sliding window: keys that a query sees at most, its own included; asks for causal. Absent: all up to its own. */
  window?: number;
}

/** Visits every (query, its first key, past its last key) of packed sequences. */
function eachQuery(
  cuSeqlens: HostView,
  { causal, window }: AttentionParams,
  visit: (query: number, begin: number, end: number) => void,
): void {
  for (let s = 0; s + 1 < cuSeqlens.data.length; s++) {
    const [begin, end] = [cuSeqlens.data[s], cuSeqlens.data[s + 1]];
    for (let t = begin; t < end; t++) visit(t, window ? Math.max(begin, t + 1 - window) : begin, causal ? t + 1 : end);
  }
}

/**
 * Multiply-adds counted on the visible keys only; needs the mean length, which a spec does not hold: packed batches
 * count as one causal sequence per 2·T/S tokens.
 */
function attentionFlops(
  q: TensorSpec,
  v: TensorSpec,
  cu: TensorSpec,
  { causal, window }: AttentionParams,
  products: number,
): number {
  const [tokens, heads, dqk] = q.shape;
  const meanLength = tokens / Math.max(1, cu.shape[0] - 1);
  const keys = Math.min(meanLength * (causal ? 0.5 : 1), window ?? Number.POSITIVE_INFINITY);
  return products * heads * tokens * keys * (dqk + v.shape[2]) * 2;
}

/** What the softmax takes of the product of a query and a key. */
export const scoreOf = (product: number, { scale, softCap }: Pick<AttentionParams, "scale" | "softCap">): number =>
  softCap ? softCap * tanh((product * scale) / softCap) : product * scale;

function scoreRow(
  q: HostView,
  k: HostView,
  head: number,
  kvHead: number,
  t: number,
  begin: number,
  end: number,
  params: AttentionParams,
): { p: Float64Array; lse: number } {
  const [, heads, d] = q.shape;
  const kvHeads = k.shape[1];
  const p = new Float64Array(end - begin);
  let max = Number.NEGATIVE_INFINITY;
  for (let s = begin; s < end; s++) {
    let sum = 0;
    for (let j = 0; j < d; j++) sum += q.data[(t * heads + head) * d + j] * k.data[(s * kvHeads + kvHead) * d + j];
    p[s - begin] = scoreOf(sum, params);
    max = Math.max(max, p[s - begin]);
  }
  let total = 0;
  for (let i = 0; i < p.length; i++) total += p[i] = exp(p[i] - max);
  for (let i = 0; i < p.length; i++) p[i] /= total;
  return { p, lse: max + log(total) };
}

/**
 * softmax(scale·q·kᵀ)·v, scores softly capped where a cap is given, inside each packed sequence [cuSeqlens[i],
 * cuSeqlens[i+1]); q [T,Hq,Dqk], k [T,Hkv,Dqk], v [T,Hkv,Dv]. Outputs o [T,Hq,Dv] and the log-sum-exp f32 [T,Hq]. Never
 * holds T² numbers (Dao 2023, FlashAttention-2).
 */
export const attentionOp: OpSpec<AttentionParams> = {
  name: "attention",
  indexes: ([q]) => [{ input: 3, risesTo: q!.shape[0] }],
  infer: ([q, k, v, lens], { causal, window }) => {
    const fits =
      (window === undefined || (causal && Number.isInteger(window) && window > 0)) &&
      q!.shape.length === 3 &&
      k!.shape[2] === q!.shape[2] &&
      q!.shape[1] % k!.shape[1] === 0 &&
      v!.shape[1] === k!.shape[1] &&
      v!.shape[0] === q!.shape[0] &&
      lens!.dtype === "i32";
    checkShape(
      fits,
      "attention",
      "q [T,Hq,Dqk], k [T,Hkv,Dqk], v [T,Hkv,Dv], i32 cuSeqlens, a window only where causal",
      q,
      k,
      v,
      lens,
    );
    return [
      { shape: [q!.shape[0], q!.shape[1], v!.shape[2]], dtype: q!.dtype },
      { shape: [q!.shape[0], q!.shape[1]], dtype: "f32" },
    ];
  },
  reference: ([q, k, v, lens], [o, lse], params) => {
    const [, heads] = q!.shape;
    const [, kvHeads, dv] = v!.shape;
    eachQuery(lens!, params, (t, begin, end) => {
      for (let h = 0; h < heads; h++) {
        const kvHead = Math.floor(h / (heads / kvHeads));
        const row = scoreRow(q!, k!, h, kvHead, t, begin, end, params);
        lse.data[t * heads + h] = row.lse;
        for (let j = 0; j < dv; j++) {
          let sum = 0;
          for (let s = begin; s < end; s++) sum += row.p[s - begin] * v!.data[(s * kvHeads + kvHead) * dv + j];
          o.data[(t * heads + h) * dv + j] = sum;
        }
      }
    });
  },
  cost: ([q, k, v, lens], o, params) => ({
    flops: attentionFlops(q!, v!, lens!, params, 1),
    bytes: streamCost(0, [q, k, v], o).bytes,
  }),
  saves: { inputs: [0, 1, 2, 3], outputs: [0, 1] },
  vjp: (c, [dO]) => {
    if (!dO) return [null, null, null, null];
    return [
      ...dispatch(
        attentionBackwardOp,
        [c.input(0), c.input(1), c.input(2), c.output(0), c.output(1), dO, c.input(3)],
        c.params,
      ),
      null,
    ];
  },
};

/** (dq, dk, dv) of `attention` from (q, k, v, o, lse, dO, cuSeqlens). */
export const attentionBackwardOp: OpSpec<AttentionParams> = {
  name: "attentionBackward",
  indexes: ([q]) => [{ input: 6, risesTo: q!.shape[0] }],
  infer: ([q, k, v]) => [q, k, v].map((x) => ({ shape: x!.shape, dtype: x!.dtype })),
  reference: ([q, k, v, o, lse, dO, lens], [dq, dk, dv], params) => {
    const { scale, softCap } = params;
    const [, heads, d] = q!.shape;
    const [, kvHeads, dvWidth] = v!.shape;
    const sums = [dq, dk, dv].map((x) => new Float64Array(x.data.length));
    eachQuery(lens!, params, (t, begin, end) => {
      for (let h = 0; h < heads; h++) {
        const kvHead = Math.floor(h / (heads / kvHeads));
        const at = t * heads + h;
        let delta = 0;
        for (let j = 0; j < dvWidth; j++) delta += dO!.data[at * dvWidth + j] * o!.data[at * dvWidth + j];
        for (let s = begin; s < end; s++) {
          const key = s * kvHeads + kvHead;
          let score = 0;
          let dp = 0;
          for (let j = 0; j < d; j++) score += q!.data[at * d + j] * k!.data[key * d + j];
          for (let j = 0; j < dvWidth; j++) dp += dO!.data[at * dvWidth + j] * v!.data[key * dvWidth + j];
          const capped = scoreOf(score, params);
          const p = exp(capped - lse!.data[at]);
          const ds = p * (dp - delta) * (softCap ? 1 - (capped / softCap) ** 2 : 1) * scale;
          for (let j = 0; j < d; j++) {
            sums[0][at * d + j] += ds * k!.data[key * d + j];
            sums[1][key * d + j] += ds * q!.data[at * d + j];
          }
          for (let j = 0; j < dvWidth; j++) sums[2][key * dvWidth + j] += p * dO!.data[at * dvWidth + j];
        }
      }
    });
    for (const [i, x] of [dq, dk, dv].entries()) x.data.set(sums[i]);
  },
  cost: ([q, k, v, , , , lens], o, params) => ({
    flops: attentionFlops(q!, v!, lens!, params, 2.5),
    bytes: streamCost(0, [q, k, v, v], o).bytes,
  }),
};

/** softmax attention over packed sequences; see `attentionOp`. */
export const attention = (q: Tensor, k: Tensor, v: Tensor, cuSeqlens: Tensor, params: AttentionParams): Tensor =>
  dispatch(attentionOp, [q, k, v, cuSeqlens], params)[0];
