// Products with a model's weights, trained ones and those frozen in storage types alike, so that layers have one
// forward.
import { alias } from "../tensor/engine.js";
import { add, concatLast } from "../tensor/ops/elementwise.js";
import { type LinearOptions, linear } from "../tensor/ops/linear.js";
import { type Dispatch, groupedLinear } from "../tensor/ops/moe.js";
import { embedding } from "../tensor/ops/rows.js";
import { storedGroupedLinear, storedLinear, storedRows } from "../tensor/ops/stored.js";
import type { Parameter, StoredSegment } from "../tensor/parameter.js";
import type { Tensor } from "../tensor/tensor.js";
import { linearWeight } from "./parameters.js";

/** y [T,N] = x [T,K]·wᵀ (+ bias) (+ residual) for a weight [N,K]; in the residual's type, else in x's. */
export function project(x: Tensor, w: Parameter, options: LinearOptions = {}): Tensor {
  if (!w.stored) return linear(x, linearWeight(w), options);
  const { bias, residual, dtype } = options;
  const [only, ...others] = w.stored;
  if (others.length === 0) return storedLinear(x, only.weights, { scales: only.scales, bias, residual, dtype });
  const joined = concatAll(
    segmentBiases(w.stored, bias).map((part, i) => segmentProduct(x, w.stored![i], part, residual ? "f32" : dtype)),
  );
  return residual ? add(joined, residual) : joined;
}

/** x·w[e]ᵀ for the rows of each expert e of a weight [E,N,K]; see `groupedLinear`. */
export function projectExperts(x: Tensor, w: Parameter, to: Dispatch, gather: boolean): Tensor {
  if (!w.stored) return groupedLinear(x, linearWeight(w), to, gather);
  return concatAll(w.stored.map(({ weights, scales }) => storedGroupedLinear(x, weights, to, gather, { scales })));
}

/** Rows of a table [V,d] by id, in f32. */
export function lookUp(table: Parameter, ids: Tensor): Tensor {
  if (!table.stored) return embedding(table, ids, "f32");
  return storedRows(table.stored[0].weights, ids, table.stored[0].scales);
}

const segmentProduct = (
  x: Tensor,
  { weights, scales }: StoredSegment,
  bias: Tensor | null,
  dtype: LinearOptions["dtype"],
): Tensor => storedLinear(x, weights, { scales, bias, dtype });

function segmentBiases(segments: readonly StoredSegment[], bias: Tensor | null | undefined): (Tensor | null)[] {
  let at = 0;
  return segments.map(({ weights }) => {
    const rows = weights.shape[0];
    at += rows;
    return bias ? alias(bias, [rows], at - rows) : null;
  });
}

const concatAll = (parts: readonly Tensor[]): Tensor => parts.reduce((joined, next) => concatLast(joined, next));
