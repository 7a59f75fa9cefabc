// MLA's expanded attention of new queries over longer contexts (chunked prefill): keys and values as kv_b_proj leaves
// them, one rotary key a token for all heads. Inference only: training assembles keys and values and calls `attention`.
// Legend: T new tokens, N context tokens of all sequences end to end, S sequences, H heads, R rotary width.
import { exp } from "../../elementary.js";
import { dispatch } from "../engine.js";
import { checkShape, type OpSpec } from "../op.js";
import { numElements, type Tensor } from "../tensor.js";

/** Parameters of `expandedAttention`. */
export interface ExpandedAttentionParams {
  scale: number;
}

/**
 * Causal softmax attention of q [T,H,nope+R] (rotated) over keys (kv[n,h,0..nope), kRope[n]) and values kv[n,h,nope..):
 * kv [N,H,nope+v], kRope [N,R] (rotated). Sequence s has query rows cuQueries[s] … and context rows cuKeys[s] … ; its
 * last query is its last context token. A row's bits are those of `attention` over the assembled keys, whatever the
 * chunking. Result [T,H,v].
 */
export const expandedAttentionOp: OpSpec<ExpandedAttentionParams> = {
  name: "expandedAttention",
  indexes: ([q, kv]) => [
    { input: 3, risesTo: q!.shape[0] },
    { input: 4, risesTo: kv!.shape[0] },
  ],
  infer: ([q, kv, kRope, cuQueries, cuKeys]) => {
    const fits =
      q!.shape.length === 3 &&
      kv!.shape.length === 3 &&
      kRope!.shape.length === 2 &&
      kv!.shape[1] === q!.shape[1] &&
      kv!.shape[0] === kRope!.shape[0] &&
      kv!.shape[2] > q!.shape[2] - kRope!.shape[1] &&
      q!.shape[2] > kRope!.shape[1] &&
      cuQueries!.shape[0] === cuKeys!.shape[0];
    checkShape(
      fits,
      "expandedAttention",
      "q [T,H,nope+R], kv [N,H,nope+v], kRope [N,R], cuQueries [S+1], cuKeys [S+1]",
      q,
      kv,
      kRope,
      cuQueries,
      cuKeys,
    );
    return [{ shape: [q!.shape[0], q!.shape[1], kv!.shape[2] - (q!.shape[2] - kRope!.shape[1])], dtype: q!.dtype }];
  },
  reference: ([q, kv, kRope, cuQueries, cuKeys], [o], { scale }) => {
    const [, heads, dk] = q!.shape;
    const [rotary, kvWidth, value] = [kRope!.shape[1], kv!.shape[2], o.shape[2]];
    const nope = dk - rotary;
    const keyAt = (n: number, h: number, d: number) =>
      d < nope ? kv!.data[(n * heads + h) * kvWidth + d] : kRope!.data[n * rotary + d - nope];
    for (let s = 0; s + 1 < cuQueries!.data.length; s++) {
      const [begin, end, last] = [cuKeys!.data[s], cuKeys!.data[s + 1], cuQueries!.data[s + 1]];
      for (let t = cuQueries!.data[s]; t < last; t++)
        for (let h = 0; h < heads; h++) {
          const visible = end - begin - (last - 1 - t);
          const p = Float64Array.from({ length: visible }, (_, i) => {
            let sum = 0;
            for (let d = 0; d < dk; d++) sum += q!.data[(t * heads + h) * dk + d] * keyAt(begin + i, h, d);
            return sum * scale;
          });
          const max = p.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
          let total = 0;
          for (let i = 0; i < visible; i++) total += p[i] = exp(p[i] - max);
          for (let j = 0; j < value; j++) {
            let sum = 0;
            for (let i = 0; i < visible; i++) sum += p[i] * kv!.data[((begin + i) * heads + h) * kvWidth + nope + j];
            o.data[(t * heads + h) * value + j] = sum / total;
          }
        }
    }
  },
  cost: ([q, kv, kRope, cuQueries], [o]) => ({
    flops:
      (2 * numElements(q!.shape) * (kv!.shape[0] / Math.max(1, cuQueries!.shape[0] - 1)) * (q!.shape[2] + o.shape[2])) /
      q!.shape[2],
    bytes: 2 * (numElements(q!.shape) + numElements(kv!.shape) + numElements(kRope!.shape) + numElements(o.shape)),
  }),
};
/** See `expandedAttentionOp`. */
export const expandedAttention = (
  q: Tensor,
  kv: Tensor,
  kRope: Tensor,
  cuQueries: Tensor,
  cuKeys: Tensor,
  params: ExpandedAttentionParams,
): Tensor => dispatch(expandedAttentionOp, [q, kv, kRope, cuQueries, cuKeys], params)[0];
