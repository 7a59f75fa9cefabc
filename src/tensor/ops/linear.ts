// Matrix products: the general one with its epilogues, the linear layer on it, the per-head one of absorbed MLA.
import { type ComputeType, computeOf, type DType } from "../dtype.js";
import { dispatch } from "../engine.js";
import { type Cost, checkShape, type HostView, type OpSpec, type VjpContext } from "../op.js";
import type { Tensor, TensorSpec } from "../tensor.js";
import { cast, streamCost } from "./elementwise.js";
import { columnSumOp } from "./reduce.js";

/** Parameters of `gemm`: C = op(A)·op(B) (+ C) (+ bias) (+ residual). */
export interface GemmParams {
  /** A is stored [K, M]. */
  transA: boolean;
  /** B is stored [N, K], as a linear layer's weight is. */
  transB: boolean;
  /** Add to what the output holds. */
  accumulate: boolean;
  dtype: DType;
  /** Operands are rounded to this type and multiplied; sums are f32. */
  compute: ComputeType;
}

function gemmSizes(a: TensorSpec, b: TensorSpec, p: GemmParams): [number, number, number] {
  const [m, k] = p.transA ? [a.shape[1], a.shape[0]] : a.shape;
  const [n, kb] = p.transB ? b.shape : [b.shape[1], b.shape[0]];
  checkShape(
    a.shape.length === 2 && b.shape.length === 2 && k === kb,
    "gemm",
    () => `matrices with equal inner sizes (transA ${p.transA}, transB ${p.transB})`,
    a,
    b,
  );
  return [m, n, k];
}

function matmulCost(
  m: number,
  n: number,
  k: number,
  inputs: readonly (TensorSpec | null)[],
  outputs: readonly TensorSpec[],
): Cost {
  return { flops: 2 * m * n * k, bytes: streamCost(0, inputs, outputs).bytes };
}

/** C = op(A)·op(B) (+ C) (+ bias[n]) (+ residual[m,n]); inputs: A, B, bias or null, residual or null. */
export const gemmOp: OpSpec<GemmParams> = {
  name: "gemm",
  infer: ([a, b, bias, residual], p) => {
    const [m, n] = gemmSizes(a!, b!, p);
    checkShape(!bias || (bias.shape[0] === n && bias.dtype === "f32"), "gemm", () => `an f32 bias of ${n}`, bias);
    checkShape(
      !b!.isPacked || (!p.transA && b!.dtype === p.compute),
      "gemm",
      "packed weights as the second operand, of the type that the product computes in",
      b,
    );
    checkShape(
      !residual || (residual.shape[0] === m && residual.shape[1] === n),
      "gemm",
      () => `a residual [${m},${n}]`,
      residual,
    );
    return [{ shape: [m, n], dtype: p.dtype }];
  },
  reference: ([a, b, bias, residual], [c], p) => {
    const [m, n, k] = gemmSizes(a!, b!, p);
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let sum = p.accumulate ? c.data[i * n + j] : 0;
        for (let q = 0; q < k; q++)
          sum += a!.data[p.transA ? q * m + i : i * k + q] * b!.data[p.transB ? j * k + q : q * n + j];
        c.data[i * n + j] = sum + (bias ? bias.data[j] : 0) + (residual ? residual.data[i * n + j] : 0);
      }
  },
  cost: (i, o, p) => matmulCost(...gemmSizes(i[0]!, i[1]!, p), i, o),
  takesPacked: [1],
  saves: { inputs: [0, 1] },
  vjp: (c, [dy]) => {
    if (!dy) return [null, null, null, null];
    return [
      c.wants(0) ? gradA(c, dy) : null,
      c.wants(1) ? gradB(c, dy) : null,
      c.wants(2) ? gradBias(c, 2, dy) : null,
      c.wants(3) ? cast(dy, c.inputSpec(3).dtype) : null,
    ];
  },
};

type GemmContext = VjpContext<GemmParams>;

/** dA = dC·op(B)ᵀ, laid out as A is stored. */
function gradA(c: GemmContext, dy: Tensor): Tensor {
  const { transA, transB, compute } = c.params;
  const target = c.gradTarget(0);
  const p = { compute, dtype: c.gradDtype(0), accumulate: !!target };
  const b = c.input(1);
  if (!transA) return dispatch(gemmOp, [dy, b, null, null], { ...p, transA: false, transB: !transB }, [target])[0];
  return dispatch(gemmOp, [b, dy, null, null], { ...p, transA: transB, transB: true }, [target])[0];
}

/** dB = op(A)ᵀ·dC, laid out as B is stored. */
function gradB(c: GemmContext, dy: Tensor): Tensor {
  const { transA, transB, compute } = c.params;
  const target = c.gradTarget(1);
  const p = { compute, dtype: c.gradDtype(1), accumulate: !!target };
  const a = c.input(0);
  if (transB) return dispatch(gemmOp, [dy, a, null, null], { ...p, transA: true, transB: transA }, [target])[0];
  return dispatch(gemmOp, [a, dy, null, null], { ...p, transA: !transA, transB: false }, [target])[0];
}

/** The gradient of a bias, input `index`: the sum of dy's rows. */
export function gradBias<P>(c: VjpContext<P>, index: number, dy: Tensor): Tensor {
  const target = c.gradTarget(index, "f32");
  return dispatch(columnSumOp, [dy], { accumulate: !!target }, [target])[0];
}

/** Options of `linear`. */
export interface LinearOptions {
  bias?: Tensor | null;
  residual?: Tensor | null;
  dtype?: DType;
}
/** y [T,N] = x [T,K]·wᵀ for w [N,K] (+ bias) (+ residual); bf16 compute when the weight is bf16. */
export function linear(
  x: Tensor,
  w: Tensor,
  { bias = null, residual = null, dtype = residual?.dtype ?? x.dtype }: LinearOptions = {},
): Tensor {
  return dispatch(gemmOp, [x, w, bias, residual], {
    transA: false,
    transB: true,
    accumulate: false,
    dtype,
    compute: computeOf(w),
  })[0];
}
/** A·B for plain matrices. */
export function matmul(a: Tensor, b: Tensor, options: Partial<GemmParams> = {}): Tensor {
  return dispatch(gemmOp, [a, b, null, null], {
    transA: false,
    transB: false,
    accumulate: false,
    dtype: a.dtype,
    compute: computeOf(b),
    ...options,
  })[0];
}

/** Parameters of `headMatmul`: which rows of each head's weight block are used, and on which side. */
export interface HeadMatmulParams {
  /** First row used inside each head's block of the weight. */
  rowOffset: number;
  /** Rows used inside each head's block. */
  rows: number;
  /** false: y = W_h·x (x of K numbers → rows). true: y = W_hᵀ·x (x of `rows` numbers → K). */
  transposed: boolean;
  dtype: DType;
}
/**
 * Per-head product with blocks of one weight W [H*P, K]: the absorption of kv_b_proj in MLA decoding (DeepSeek-V2
 * §2.1.2). x [T,H,in] → y [T,H,out]; uses rows [rowOffset, rowOffset+rows) of each head's P rows.
 */
export const headMatmulOp: OpSpec<HeadMatmulParams> = {
  name: "headMatmul",
  infer: ([x, w], p) => {
    const [tokens, heads, width] = x!.shape;
    const [total, k] = w!.shape;
    checkShape(
      total % heads === 0 && p.rowOffset + p.rows <= total / heads && width === (p.transposed ? p.rows : k),
      "headMatmul",
      "x [T,H,in] and W [H*P,K]",
      x,
      w,
    );
    return [{ shape: [tokens, heads, p.transposed ? k : p.rows], dtype: p.dtype }];
  },
  reference: ([x, w], [y], p) => headMatmulReference(x!, w!, y, p),
  cost: (i, o, p) => matmulCost(i[0]!.shape[0] * i[0]!.shape[1], p.rows, i[1]!.shape[1], i, o),
};
function headMatmulReference(x: HostView, w: HostView, y: HostView, p: HeadMatmulParams): void {
  const [tokens, heads, width] = x.shape;
  const [total, k] = w.shape;
  const out = y.shape[2];
  for (let t = 0; t < tokens; t++)
    for (let h = 0; h < heads; h++)
      for (let o = 0; o < out; o++) {
        let sum = 0;
        for (let i = 0; i < width; i++) {
          const row = h * (total / heads) + p.rowOffset + (p.transposed ? i : o);
          sum += w.data[row * k + (p.transposed ? o : i)] * x.data[(t * heads + h) * width + i];
        }
        y.data[(t * heads + h) * out + o] = sum;
      }
}
/** See `headMatmulOp`. */
export const headMatmul = (x: Tensor, w: Tensor, params: Omit<HeadMatmulParams, "dtype">): Tensor =>
  dispatch(headMatmulOp, [x, w], { ...params, dtype: x.dtype })[0];
