// Products with weights as they are stored: quantised blocks, FP8 with block scales, half precision. What the integer
// types multiply is defined here, activations rounded to int8 included; kernels give the same whatever their order.
// Stored weights are frozen: gradients flow through them to the activations alone.

import { decodeRow, rowBytes, type StorageType, scaleBlock } from "../block-formats.js";
import {
  type BlockType,
  blockSizes,
  blockTypes,
  type DType,
  fromBf16Bits,
  isBlockType,
  roundToEven,
  storageBytes,
  toBf16Bits,
} from "../dtype.js";
import { dispatch } from "../engine.js";
import { checkShape, type HostView, type OpSpec, type VjpContext } from "../op.js";
import type { Tensor, TensorSpec } from "../tensor.js";
import { numElements } from "../tensor.js";
import { cast, streamCost } from "./elementwise.js";
import { gradBias, linear } from "./linear.js";
import { type ExpertRows, groupedLinear } from "./moe.js";
import { sumPicked } from "./rows.js";

/**
 * Activations share one scale in groups of this many numbers of a row (the last group of a row may be shorter): as many
 * as a block of the weights has, at most 128.
 */
export const activationGroup = (type: BlockType): number => Math.min(128, blockSizes[type].numbers);

const storageTypes: readonly DType[] = ["f32", "bf16", "f16", ...blockTypes];
const isInteger = (dtype: DType): dtype is Exclude<BlockType, "e4m3"> => isBlockType(dtype) && dtype !== "e4m3";

/**
 * A row as int8 times f32 per group, in place: amax/127, quanta x·(127/amax) with the quotient in f32, ties to even. A
 * group with a NaN or an infinity becomes NaN; one without a number over 2^-100 zero.
 */
function roundToInt8(row: Float64Array, width: number): void {
  for (let begin = 0; begin < row.length; begin += width) {
    const group = row.subarray(begin, begin + width);
    let largest = 0;
    for (const x of group) largest = Math.abs(x) <= largest ? largest : Math.abs(x);
    if (!Number.isFinite(largest)) group.fill(Number.NaN);
    else if (largest < 2 ** -100) group.fill(0);
    else {
      const [scale, inverse] = [Math.fround(largest / 127), Math.fround(127 / largest)];
      for (let i = 0; i < group.length; i++) group[i] = scale * roundToEven(group[i] * inverse);
    }
  }
}

/** Row t of x as the weight's type multiplies it: int8 groups, bf16 for e4m3, itself for f16. */
export function activations(x: HostView, t: number, type: DType): Float64Array {
  const width = x.shape[1];
  const row = Float64Array.from(x.data.subarray(t * width, (t + 1) * width) as ArrayLike<number>);
  if (isInteger(type)) roundToInt8(row, activationGroup(type));
  else if (type === "e4m3") for (let i = 0; i < width; i++) row[i] = fromBf16Bits(toBf16Bits(row[i]));
  return row;
}

/** Row n of weights [.., N, K] (of all experts' rows one after the other), scales applied. */
export function weightRow(w: HostView, scales: HostView | null, n: number): Float32Array | Float64Array {
  const width = w.shape.at(-1) as number;
  if (!isBlockType(w.dtype)) return Float64Array.from(w.data.subarray(n * width, (n + 1) * width) as ArrayLike<number>);
  const size = rowBytes(w.dtype, width);
  const out = new Float32Array(width);
  decodeRow(w.dtype, Uint8Array.from(w.data.subarray(n * size, (n + 1) * size) as ArrayLike<number>), out);
  if (!scales) return out;
  const [down, across] = scales.shape.slice(-2);
  const rows = w.shape.at(-2) as number;
  const first = (Math.floor(n / rows) * down + Math.floor((n % rows) / scaleBlock)) * across;
  return out.map((value, i) => value * scales.data[first + Math.floor(i / scaleBlock)]);
}

/** Rows [from, to) of y: products of x's rows (row r is rowOf(r)) with N weight rows from `firstWeight` on. */
function multiplyRows(
  x: HostView,
  w: HostView,
  scales: HostView | null,
  y: HostView,
  from: number,
  to: number,
  firstWeight: number,
  rowOf: (r: number) => number,
): void {
  const width = y.shape[1];
  const rows = Array.from({ length: to - from }, (_, i) => activations(x, rowOf(from + i), w.dtype));
  for (let n = 0; n < width && rows.length > 0; n++) {
    const weights = weightRow(w, scales, firstWeight + n);
    for (const [i, row] of rows.entries()) {
      let sum = 0;
      for (let k = 0; k < row.length; k++) sum += row[k] * weights[k];
      y.data[(from + i) * width + n] = sum;
    }
  }
}

/** Throws ShapeError for anything but weights of a storage type with the scales that they need. */
export function checkStored(op: string, w: TensorSpec, scales: TensorSpec | null, dims: number): void {
  checkShape(
    w.shape.length === dims && storageTypes.includes(w.dtype),
    op,
    () => `weights of ${dims} dimensions of a storage type`,
    w,
  );
  rowBytes(w.dtype as StorageType, w.shape[dims - 1]);
  const blocks = [...w.shape.slice(0, -2), ...w.shape.slice(-2).map((n) => Math.ceil(n / scaleBlock))];
  const fits =
    !scales || (w.dtype === "e4m3" && !w.isPacked && scales.dtype === "f32" && scales.shape.join() === blocks.join());
  checkShape(fits, op, () => `f32 scales [${blocks}] for e4m3 weights that are not packed, and no others`, w, scales);
}

const storedCost = (i: readonly (TensorSpec | null)[], o: readonly TensorSpec[]) => ({
  flops: 2 * numElements(o[0].shape) * i[0]!.shape[1],
  bytes: streamCost(0, i, o).bytes,
});

/** As above, with the weights of at most as many experts as there are rows: the others' memory is not touched. */
const groupedCost = (i: readonly (TensorSpec | null)[], o: readonly TensorSpec[]) => {
  const [, w] = i as readonly TensorSpec[];
  const weightBytes = storageBytes(w.dtype, numElements(w.shape));
  const untouched = Math.max(0, 1 - o[0].shape[0] / w.shape[0]);
  const { flops, bytes } = storedCost(i, o);
  return { flops, bytes: bytes - weightBytes * untouched };
};

/** dx of rows [from, to): dy times the N weight rows from `firstWeight` on, added to what stands there if asked. */
function multiplyBack(
  dy: HostView,
  w: HostView,
  scales: HostView | null,
  dx: HostView,
  from: number,
  to: number,
  firstWeight: number,
  accumulate: boolean,
): void {
  const [n, width] = w.shape.slice(-2);
  const sums = Float64Array.from({ length: (to - from) * width }, (_, i) =>
    accumulate ? dx.data[from * width + i] : 0,
  );
  for (let j = 0; j < n && to > from; j++) {
    const row = weightRow(w, scales, firstWeight + j);
    for (let r = from; r < to; r++) {
      const factor = dy.data[r * n + j];
      const of = (r - from) * width;
      for (let k = 0; k < width; k++) sums[of + k] += factor * row[k];
    }
  }
  dx.data.set(sums, from * width);
}

/** Parameters of the products with stored weights: the type of the result. */
export interface StoredParams {
  dtype: DType;
}

/**
 * y [T,N] = x [T,K]·wᵀ (+ bias) (+ residual). Inputs x (f32 or bf16), w [N,K], scales or null, bias or null, residual
 * or null.
 */
export const storedLinearOp: OpSpec<StoredParams> = {
  name: "storedLinear",
  infer: ([x, w, scales, bias, residual], { dtype }) => {
    checkStored("storedLinear", w!, scales, 2);
    const [n, k] = w!.shape;
    checkShape(x!.shape.length === 2 && x!.shape[1] === k, "storedLinear", "x [T,K] and w [N,K]", x, w);
    const shape = [x!.shape[0], n];
    checkShape(
      !bias || (bias.shape.join() === `${n}` && bias.dtype === "f32"),
      "storedLinear",
      () => `an f32 bias of ${n}`,
      bias,
    );
    checkShape(
      !residual || residual.shape.join() === shape.join(),
      "storedLinear",
      () => `a residual [${shape}]`,
      residual,
    );
    return [{ shape, dtype }];
  },
  reference: ([x, w, scales, bias, residual], [y]) => {
    multiplyRows(x!, w!, scales, y, 0, y.shape[0], 0, (r) => r);
    const n = y.shape[1];
    for (let i = 0; i < y.data.length; i++)
      y.data[i] += (bias ? bias.data[i % n] : 0) + (residual ? residual.data[i] : 0);
  },
  cost: storedCost,
  takesPacked: [1],
  saves: { inputs: [1, 2] },
  vjp: (c, [dy]) => {
    if (!dy) return [null, null, null, null, null];
    return [
      c.wants(0) ? storedGradX(c, dy) : null,
      null,
      null,
      c.wants(3) ? gradBias(c, 3, dy) : null,
      c.wants(4) ? cast(dy, c.inputSpec(4).dtype) : null,
    ];
  },
};

function storedGradX(c: VjpContext<StoredParams>, dy: Tensor): Tensor {
  const target = c.gradTarget(0);
  const params = { dtype: c.gradDtype(0), accumulate: !!target };
  return dispatch(storedLinearBackwardOp, [dy, c.input(1), c.maybeInput(2)], params, [target])[0];
}

/** Parameters of the gradients through stored weights: the type of dx, and whether to add to what the output holds. */
export interface StoredBackwardParams {
  dtype: DType;
  accumulate: boolean;
}

/**
 * dx [T,K] (+)= dy [T,N]·w for w [N,K], the weights' decoded numbers: what `storedLinear` rounds counts as exact. The
 * operands are multiplied in the type of dx. Inputs dy, w, scales or null.
 */
export const storedLinearBackwardOp: OpSpec<StoredBackwardParams> = {
  name: "storedLinearBackward",
  infer: ([dy, w, scales], { dtype }) => {
    checkStored("storedLinearBackward", w!, scales, 2);
    const [n, k] = w!.shape;
    checkShape(dy!.shape.length === 2 && dy!.shape[1] === n, "storedLinearBackward", "dy [T,N] and w [N,K]", dy, w);
    return [{ shape: [dy!.shape[0], k], dtype }];
  },
  reference: ([dy, w, scales], [dx], { accumulate }) =>
    multiplyBack(dy!, w!, scales, dx, 0, dy!.shape[0], 0, accumulate),
  cost: storedCost,
  takesPacked: [1],
};

/**
 * Rows of expert e, [offsets[e], offsets[e+1]), times its weight; rows of none are zero. Inputs x, w [E,N,K], scales or
 * null, offsets [E+1], rowToken or null (row r reads x[rowToken[r]]), tokenRow or null (the inverse, for the gradient).
 */
export const storedGroupedLinearOp: OpSpec<StoredParams> = {
  name: "storedGroupedLinear",
  indexes: ([x, , , , rowToken]) => [
    { input: 3, risesTo: (rowToken ?? x)!.shape[0], within: true },
    { input: 4, below: x!.shape[0] },
    { input: 5, unchecked: "for the gradient, whose op checks it" },
  ],
  infer: ([x, w, scales, offsets, rowToken], { dtype }) => {
    checkStored("storedGroupedLinear", w!, scales, 3);
    const [experts, n, k] = w!.shape;
    checkShape(
      x!.shape[1] === k && offsets!.shape[0] === experts + 1,
      "storedGroupedLinear",
      "x [R,K], w [E,N,K], offsets [E+1]",
      x,
      w,
      offsets,
    );
    return [{ shape: [rowToken ? rowToken.shape[0] : x!.shape[0], n], dtype }];
  },
  reference: ([x, w, scales, offsets, rowToken], [y]) => {
    const [experts, n] = w!.shape;
    const rowOf = (r: number) => (rowToken ? rowToken.data[r] : r);
    y.data.fill(0);
    for (let e = 0; e < experts; e++)
      multiplyRows(x!, w!, scales, y, offsets!.data[e], offsets!.data[e + 1], e * n, rowOf);
  },
  cost: groupedCost,
  takesPacked: [1],
  saves: { inputs: [1, 2, 3, 4, 5] },
  vjp: (c, [dy]) => [dy && c.wants(0) ? storedGroupedGradX(c, dy) : null, null, null, null, null, null],
};

function storedGroupedGradX(c: VjpContext<StoredParams>, dy: Tensor): Tensor {
  const params = { dtype: c.inputSpec(0).dtype };
  const [rows] = dispatch(storedGroupedLinearBackwardOp, [dy, c.input(1), c.maybeInput(2), c.input(3)], params);
  return sumPicked(rows, c.maybeInput(4), c.maybeInput(5), c.inputSpec(0));
}

/**
 * dx [R,K] = dy [R,N] of expert e's rows, [offsets[e], offsets[e+1]), times its weight's decoded numbers; rows of none
 * are zero; see `storedLinearBackwardOp`. Inputs dy, w [E,N,K], scales or null, offsets [E+1].
 */
export const storedGroupedLinearBackwardOp: OpSpec<StoredParams> = {
  name: "storedGroupedLinearBackward",
  indexes: ([dy]) => [{ input: 3, risesTo: dy!.shape[0], within: true }],
  infer: ([dy, w, scales, offsets], { dtype }) => {
    checkStored("storedGroupedLinearBackward", w!, scales, 3);
    const [experts, n, k] = w!.shape;
    checkShape(
      dy!.shape[1] === n && offsets!.shape[0] === experts + 1,
      "storedGroupedLinearBackward",
      "dy [R,N], w [E,N,K], offsets [E+1]",
      dy,
      w,
      offsets,
    );
    return [{ shape: [dy!.shape[0], k], dtype }];
  },
  reference: ([dy, w, scales, offsets], [dx]) => {
    const [experts, n] = w!.shape;
    dx.data.fill(0);
    for (let e = 0; e < experts; e++)
      multiplyBack(dy!, w!, scales, dx, offsets!.data[e], offsets!.data[e + 1], e * n, false);
  },
  cost: groupedCost,
  takesPacked: [1],
};

/** Rows of w [N,K] by id, as numbers: y [T,K] f32. Inputs w, scales or null, ids. */
export const storedRowsOp: OpSpec<Record<string, never>> = {
  name: "storedRows",
  indexes: ([w]) => [{ input: 2, below: w!.shape[0] }],
  infer: ([w, scales, ids]) => {
    checkStored("storedRows", w!, scales, 2);
    checkShape(ids!.dtype === "i32" && ids!.shape.length === 1, "storedRows", "i32 ids [T]", ids);
    return [{ shape: [ids!.shape[0], w!.shape[1]], dtype: "f32" }];
  },
  reference: ([w, scales, ids], [y]) => {
    for (const [t, id] of Array.from(ids!.data).entries()) y.data.set(weightRow(w!, scales, id), t * y.shape[1]);
  },
  cost: (_, o) => streamCost(0, o, o),
  takesPacked: [0],
};

/** Options of `storedLinear`. */
export interface StoredLinearOptions {
  /** Of e4m3's 128 × 128 blocks [⌈N/128⌉, ⌈K/128⌉]; packed weights hold their own. */
  scales?: Tensor | null;
  bias?: Tensor | null;
  residual?: Tensor | null;
  dtype?: DType;
}

/**
 * y [T,N] = x [T,K]·wᵀ (+ bias) (+ residual) for w [N,K] of any storage type, packed or not; f32 and bf16 as `linear`.
 * A row's bits depend on that row alone.
 */
export function storedLinear(x: Tensor, w: Tensor, options: StoredLinearOptions = {}): Tensor {
  if (w.dtype === "f32" || w.dtype === "bf16") return linear(x, w, options);
  const { scales = null, bias = null, residual = null, dtype = residual?.dtype ?? x.dtype } = options;
  return dispatch(storedLinearOp, [x, w, scales, bias, residual], { dtype })[0];
}

/** x·w[e]ᵀ for the rows of each expert; rows of none are zero. Only weights of experts with rows are read. */
export function storedGroupedLinear(
  x: Tensor,
  w: Tensor,
  rows: ExpertRows,
  { scales = null, dtype = x.dtype }: { scales?: Tensor | null; dtype?: DType } = {},
): Tensor {
  if (w.dtype === "f32" || w.dtype === "bf16") return groupedLinear(x, w, rows);
  const inputs = [x, w, scales, rows.offsets, rows.rowToken ?? null, rows.tokenRow ?? null];
  return dispatch(storedGroupedLinearOp, inputs, { dtype })[0];
}

/** Rows of weights of any storage type by id, in f32: the embedding of a stored model. */
export function storedRows(w: Tensor, ids: Tensor, scales: Tensor | null = null): Tensor {
  return dispatch(storedRowsOp, [w, scales, ids], {})[0];
}
