// Row movement: embedding lookup, gathering and scattering rows by device-side indexes.
import type { DType } from "../dtype.js";
import { dispatch } from "../engine.js";
import { checkShape, type OpSpec } from "../op.js";
import type { Tensor, TensorSpec } from "../tensor.js";
import { streamCost } from "./elementwise.js";

/** y[t] = table[ids[t]]. */
export const embeddingOp: OpSpec<{ dtype: DType }> = {
  name: "embedding",
  indexes: ([table]) => [{ input: 1, below: table!.shape[0] }],
  infer: ([table, index], { dtype }) => {
    checkShape(
      table!.shape.length === 2 && index!.dtype === "i32",
      "embedding",
      "a table [V,d] and i32 ids",
      table,
      index,
    );
    return [{ shape: [index!.shape[0], table!.shape[1]], dtype }];
  },
  reference: ([table, index], [y]) => {
    const d = table!.shape[1];
    for (let t = 0; t < index!.data.length; t++)
      for (let j = 0; j < d; j++) y.data[t * d + j] = table!.data[index!.data[t] * d + j];
  },
  cost: (_, o) => streamCost(0, o, o),
  saves: { inputs: [1] },
  vjp: (c, [dy]) => {
    if (!dy) return [null, null];
    const target = c.gradTarget(0, "f32");
    return [
      dispatch(embeddingBackwardOp, [c.input(1), dy], { vocab: c.inputSpec(0).shape[0], accumulate: !!target }, [
        target,
      ])[0],
      null,
    ];
  },
};
/** dTable[v] (+)= Σ of dy rows whose id is v, in token order. */
export const embeddingBackwardOp: OpSpec<{ vocab: number; accumulate: boolean }> = {
  name: "embeddingBackward",
  indexes: (_, { vocab }) => [{ input: 0, below: vocab }],
  infer: ([, dy], { vocab }) => [{ shape: [vocab, dy!.shape[1]], dtype: "f32" }],
  reference: ([index, dy], [dTable], { accumulate }) => {
    const d = dy!.shape[1];
    const sums = accumulate ? Float64Array.from(dTable.data) : new Float64Array(dTable.data.length);
    for (let t = 0; t < index!.data.length; t++)
      for (let j = 0; j < d; j++) sums[index!.data[t] * d + j] += dy!.data[t * d + j];
    dTable.data.set(sums);
  },
  cost: (i) => streamCost(1, i, [i[1]!]),
};
/** Rows of `table` by id, in element type `dtype`. */
export const embedding = (table: Tensor, index: Tensor, dtype: DType = table.dtype): Tensor =>
  dispatch(embeddingOp, [table, index], { dtype })[0];

/**
 * y[r] = x[index[r]]. Inputs x, index, and the inverse [rows of x, K] or null: the rows that each row of x went to, in
 * the order in which their gradients are added.
 */
export const gatherRowsOp: OpSpec<Record<string, never>> = {
  name: "gatherRows",
  indexes: ([x]) => [
    { input: 1, below: x!.shape[0] },
    { input: 2, unchecked: "for the gradient, whose op checks it" },
  ],
  infer: ([x, index]) => {
    checkShape(
      x!.shape.length === 2 && index!.dtype === "i32",
      "gatherRows",
      "x [rows,width] and i32 indexes",
      x,
      index,
    );
    return [{ shape: [index!.shape[0], x!.shape[1]], dtype: x!.dtype }];
  },
  reference: ([x, index], [y]) => {
    const width = x!.shape[1];
    for (let r = 0; r < index!.data.length; r++)
      for (let j = 0; j < width; j++) y.data[r * width + j] = x!.data[index!.data[r] * width + j];
  },
  cost: (_, o) => streamCost(0, o, o),
  saves: { inputs: [1, 2] },
  vjp: (c, [dy]) => [dy && sumPicked(dy, c.input(1), c.maybeInput(2), c.inputSpec(0)), null, null],
};
/** dx [rows,width] = Σ of dy rows at their indexes, others zero, in row order. */
export const scatterAddRowsOp: OpSpec<{ rows: number; dtype: DType }> = {
  name: "scatterAddRows",
  indexes: (_, { rows }) => [{ input: 1, below: rows }],
  infer: ([dy], { rows, dtype }) => [{ shape: [rows, dy!.shape[1]], dtype }],
  reference: ([dy, index], [dx]) => {
    const width = dy!.shape[1];
    const sums = new Float64Array(dx.data.length);
    for (let r = 0; r < index!.data.length; r++)
      for (let j = 0; j < width; j++) sums[index!.data[r] * width + j] += dy!.data[r * width + j];
    dx.data.set(sums);
  },
  cost: (i, o) => streamCost(1, i, o),
};
/** dx[t] = Σ_k rows[tokenRow[t,k]]: rows of x picked by index, seen from x. */
export const gatherSumRowsOp: OpSpec<{ dtype: DType }> = {
  name: "gatherSumRows",
  indexes: ([rows]) => [{ input: 1, below: rows!.shape[0] }],
  infer: ([rows, tokenRow], { dtype }) => [{ shape: [tokenRow!.shape[0], rows!.shape[1]], dtype }],
  reference: ([rows, tokenRow], [dx]) => {
    const [tokens, K] = tokenRow!.shape;
    const d = rows!.shape[1];
    for (let t = 0; t < tokens; t++)
      for (let j = 0; j < d; j++) {
        let sum = 0;
        for (let i = 0; i < K; i++) sum += rows!.data[tokenRow!.data[t * K + i] * d + j];
        dx.data[t * d + j] = sum;
      }
  },
  cost: (i, o) => streamCost(2, [i[0]], o),
};

/**
 * The gradient of x from that of its rows as they were picked: row r was x[index[r]] (null: x as it is). `inverse` has
 * the rows of each row of x, where they are known, in the order in which they are added.
 */
export function sumPicked(
  dRows: Tensor,
  index: Tensor | null,
  inverse: Tensor | null,
  { shape, dtype }: TensorSpec,
): Tensor {
  if (inverse) return dispatch(gatherSumRowsOp, [dRows, inverse], { dtype })[0];
  return index ? dispatch(scatterAddRowsOp, [dRows, index], { rows: shape[0], dtype })[0] : dRows;
}

/**
 * Rows of x by index. Where `inverse` [rows of x, K] is given, gradients of a row are added in its order, else in row
 * order.
 */
export const gatherRows = (x: Tensor, index: Tensor, inverse: Tensor | null = null): Tensor =>
  dispatch(gatherRowsOp, [x, index, inverse], {})[0];
