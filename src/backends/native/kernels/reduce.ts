// Glue: reductions to native kernels. Conversion only.
import type { KernelTable } from "../../../tensor/ops/index.js";
import { operandsOf, typeCode } from "../operands.js";
import type { NativeAddon } from "../signatures.js";

const dot = operandsOf("dot");
const spread = operandsOf("spread");
const columnSum = operandsOf("columnSum");
const sumSquares = operandsOf("sumSquares");
const clipFactor = operandsOf("clipFactor");

/** The kernels of reductions, bound to a loaded addon. */
export function reduceKernels(
  addon: NativeAddon,
): Pick<KernelTable, "dot" | "spread" | "columnSum" | "sumSquares" | "clipFactor"> {
  return {
    dot: ([x, w], [y]) =>
      w ? addon.dot(dot.f32(x), dot.f32(w), dot.f32(y), x!.size) : addon.sumAll(dot.f32(x), dot.f32(y), x!.size),
    spread: ([s, w], [y]) => addon.spread(spread.f32(s), spread.f32(w), spread.f32(y), y.size),
    columnSum: ([x], [y], { accumulate }) =>
      addon.columnSum(columnSum.float(x), typeCode(x), columnSum.f32(y), x!.shape[0], x!.shape[1], accumulate),
    sumSquares: ([x], [y], { accumulate }) =>
      addon.sumSquares(sumSquares.f32(x), sumSquares.f32(y), x!.size, accumulate),
    clipFactor: ([s], [y], { maxNorm }) => addon.clipFactor(clipFactor.f32(s), clipFactor.f32(y), maxNorm),
  };
}
