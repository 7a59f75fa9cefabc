// Rotary position embedding (Su et al. 2021) in both pair layouts, and the assembly of MLA's queries, keys and values.
import { cos, sin } from "../../elementary.js";
import { dispatch } from "../engine.js";
import { checkShape, type HostView, type OpSpec } from "../op.js";
import type { Tensor } from "../tensor.js";
import { streamCost } from "./elementwise.js";

/** How a head's rotary part is laid out. */
export interface RopeLayout {
  /**
   * true: pairs (x0,x1),(x2,x3)… as in DeepSeek's weights; the result is written evens first, then odds (HF
   * `rope_interleave`). false: pairs (i, i+R/2).
   */
  interleaved: boolean;
  /** Multiplies the rotated values (YaRN's attention factor; 1 for DeepSeek). */
  factor: number;
}
/** Parameters of `rope`. */
export interface RopeParams extends RopeLayout {
  /** First rotated dimension of each head. */
  offset: number;
  /** The transposed map: gradients, back to the input's layout. */
  inverse: boolean;
}

/** Rotates R = 2·len(invFreq) numbers at `from` of `source` into `target`. */
function rotate(
  source: HostView["data"],
  from: number,
  target: HostView["data"],
  to: number,
  position: number,
  invFreq: HostView["data"],
  { interleaved, factor }: RopeLayout,
  inverse: boolean,
  add = false,
): void {
  const half = invFreq.length;
  for (let i = 0; i < half; i++) {
    const angle = position * invFreq[i] * (inverse ? -1 : 1);
    const [c, s] = [cos(angle) * factor, sin(angle) * factor];
    const [pairA, pairB] = interleaved ? [2 * i, 2 * i + 1] : [i, i + half];
    const [inA, inB] = inverse ? [i, i + half] : [pairA, pairB];
    const [outA, outB] = inverse ? [pairA, pairB] : [i, i + half];
    const a = source[from + inA];
    const b = source[from + inB];
    target[to + outA] = (add ? target[to + outA] : 0) + a * c - b * s;
    target[to + outB] = (add ? target[to + outB] : 0) + a * s + b * c;
  }
}

/** x [T,H,D] with dimensions [offset, offset+R) of each head rotated by positions [T]; the rest copied. */
export const ropeOp: OpSpec<RopeParams> = {
  name: "rope",
  indexes: () => [{ input: 1, unchecked: "any position has its angles" }],
  infer: ([x, p, f], { offset }) => {
    checkShape(
      x!.shape.length === 3 &&
        p!.shape[0] === x!.shape[0] &&
        p!.dtype === "i32" &&
        offset + 2 * f!.shape[0] <= x!.shape[2],
      "rope",
      "x [T,H,D], i32 positions [T], invFreq [R/2]",
      x,
      p,
      f,
    );
    return [{ shape: x!.shape, dtype: x!.dtype }];
  },
  reference: ([x, p, f], [y], params) => {
    const [tokens, heads, d] = x!.shape;
    y.data.set(x!.data);
    for (let t = 0; t < tokens; t++)
      for (let h = 0; h < heads; h++) {
        const at = (t * heads + h) * d + params.offset;
        rotate(x!.data, at, y.data, at, p!.data[t], f!.data, params, params.inverse);
      }
  },
  cost: (i, o) => streamCost(6, i, o),
  saves: { inputs: [1, 2] },
  vjp: (c, [dy]) => [
    dy && dispatch(ropeOp, [dy, c.input(1), c.input(2)], { ...c.params, inverse: !c.params.inverse })[0],
    null,
    null,
  ],
};
/** Rotates each head's dimensions from `offset` on; see `ropeOp`. */
export const rope = (x: Tensor, at: Tensor, invFreq: Tensor, layout: RopeLayout, offset = 0): Tensor =>
  dispatch(ropeOp, [x, at, invFreq], { ...layout, offset, inverse: false })[0];

/** Parameters of `mlaAssemble`. */
export interface MlaAssembleParams extends RopeLayout {
  /** qk_nope_head_dim. */
  nope: number;
  /** v_head_dim. */
  value: number;
}

/**
 * MLA's attention operands (DeepSeek-V2 eqs. 9–13): q [T,H,nope+R] (rotary part last), kv [T,H,nope+value], kRope [T,R]
 * → q with its rotary part rotated, k [T,H,nope+R] with the one rotated key shared by all heads, v [T,H,value].
 */
export const mlaAssembleOp: OpSpec<MlaAssembleParams> = {
  name: "mlaAssemble",
  indexes: () => [{ input: 3, unchecked: "any position has its angles" }],
  infer: ([q, kv, kRope, p, f], { nope, value }) => {
    const [tokens, heads, width] = q!.shape;
    const rotary = 2 * f!.shape[0];
    checkShape(
      width === nope + rotary && kv!.shape[2] === nope + value && kRope!.shape[1] === rotary && p!.shape[0] === tokens,
      "mlaAssemble",
      "q [T,H,nope+R], kv [T,H,nope+v], kRope [T,R]",
      q,
      kv,
      kRope,
    );
    return [
      { shape: [tokens, heads, width], dtype: q!.dtype },
      { shape: [tokens, heads, width], dtype: q!.dtype },
      { shape: [tokens, heads, value], dtype: q!.dtype },
    ];
  },
  reference: ([qIn, kv, kRope, p, f], [q, k, v], params) => {
    const [tokens, heads, width] = q.shape;
    const { nope, value } = params;
    for (let t = 0; t < tokens; t++)
      for (let h = 0; h < heads; h++) {
        const row = t * heads + h;
        for (let j = 0; j < nope; j++) {
          q.data[row * width + j] = qIn!.data[row * width + j];
          k.data[row * width + j] = kv!.data[row * (nope + value) + j];
        }
        for (let j = 0; j < value; j++) v.data[row * value + j] = kv!.data[row * (nope + value) + nope + j];
        rotate(qIn!.data, row * width + nope, q.data, row * width + nope, p!.data[t], f!.data, params, false);
        rotate(kRope!.data, t * (width - nope), k.data, row * width + nope, p!.data[t], f!.data, params, false);
      }
  },
  cost: (i, o) => streamCost(3, i, o),
  saves: { inputs: [3, 4] },
  vjp: (c, [dq, dk, dv]) => {
    if (!dq || !dk || !dv) throw new Error("mlaAssemble: attention gives all three gradients");
    return [...dispatch(mlaAssembleBackwardOp, [dq, dk, dv, c.input(3), c.input(4)], c.params), null, null];
  },
};
/** (dqIn, dkv, dkRope) from (dq, dk, dv); dkRope sums over the heads in order. */
export const mlaAssembleBackwardOp: OpSpec<MlaAssembleParams> = {
  name: "mlaAssembleBackward",
  indexes: () => [{ input: 3, unchecked: "any position has its angles" }],
  infer: ([dq, , dv, , f], { nope, value }) => [
    { shape: dq!.shape, dtype: dq!.dtype },
    { shape: [dq!.shape[0], dq!.shape[1], nope + value], dtype: dv!.dtype },
    { shape: [dq!.shape[0], 2 * f!.shape[0]], dtype: dq!.dtype },
  ],
  reference: ([dq, dk, dv, p, f], [dqIn, dkv, dkRope], params) => {
    const [tokens, heads, width] = dq!.shape;
    const { nope, value } = params;
    const rotary = width - nope;
    const sums = new Float64Array(rotary);
    for (let t = 0; t < tokens; t++) {
      sums.fill(0);
      for (let h = 0; h < heads; h++) {
        const row = t * heads + h;
        for (let j = 0; j < nope; j++) {
          dqIn.data[row * width + j] = dq!.data[row * width + j];
          dkv.data[row * (nope + value) + j] = dk!.data[row * width + j];
        }
        for (let j = 0; j < value; j++) dkv.data[row * (nope + value) + nope + j] = dv!.data[row * value + j];
        rotate(dq!.data, row * width + nope, dqIn.data, row * width + nope, p!.data[t], f!.data, params, true);
        rotate(dk!.data, row * width + nope, sums, 0, p!.data[t], f!.data, params, true, true);
      }
      for (let j = 0; j < rotary; j++) dkRope.data[t * rotary + j] = sums[j];
    }
  },
  cost: (i, o) => streamCost(3, i, o),
};
/** See `mlaAssembleOp`. */
export function mlaAssemble(
  q: Tensor,
  kv: Tensor,
  kRope: Tensor,
  at: Tensor,
  invFreq: Tensor,
  params: MlaAssembleParams,
): [Tensor, Tensor, Tensor] {
  return dispatch(mlaAssembleOp, [q, kv, kRope, at, invFreq], params) as [Tensor, Tensor, Tensor];
}
