// Glue: row movement to native kernels. Conversion only.
import { dtypeBytes } from "../../../tensor/dtype.js";
import type { KernelTable } from "../../../tensor/ops/index.js";
import { addressOf, operandsOf, typeCode } from "../operands.js";
import type { NativeAddon } from "../signatures.js";

type Names = "concatLast" | "splitLast" | "embedding" | "embeddingBackward" | "gatherRows" | "scatterAddRows";

const embedding = operandsOf("embedding");
const gather = operandsOf("gatherRows");
const scatter = operandsOf("scatterAddRows");

/** The kernels of embeddings and row movement, bound to a loaded addon. */
export function rowKernels(addon: NativeAddon): Pick<KernelTable, Names> {
  return {
    concatLast: ([a, b], [y]) =>
      addon.concatLast(
        addressOf(a),
        addressOf(b),
        addressOf(y),
        dtypeBytes[y.dtype],
        a!.shape[0],
        a!.shape[1],
        b!.shape[1],
      ),
    splitLast: ([x], [a, b]) =>
      addon.splitLast(
        addressOf(x),
        addressOf(a),
        addressOf(b),
        dtypeBytes[a.dtype],
        a.shape[0],
        a.shape[1],
        b.shape[1],
      ),
    embedding: ([table, ids], [y]) =>
      addon.embedding(
        embedding.float(table),
        typeCode(table),
        embedding.i32(ids),
        embedding.float(y),
        typeCode(y),
        ids!.size,
        table!.shape[1],
      ),
    embeddingBackward: ([ids, dy], [dTable], { vocab, accumulate }) =>
      addon.embeddingBackward(
        embedding.i32(ids),
        embedding.float(dy),
        typeCode(dy),
        embedding.f32(dTable),
        accumulate,
        ids!.size,
        vocab,
        dy!.shape[1],
      ),
    gatherRows: ([x, index], [y]) =>
      addon.gatherRows(addressOf(x), gather.i32(index), addressOf(y), dtypeBytes[y.dtype], index!.size, x!.shape[1]),
    scatterAddRows: ([dy, index], [dx], { rows }) =>
      addon.scatterAddRows(
        scatter.float(dy),
        typeCode(dy),
        scatter.i32(index),
        scatter.float(dx),
        typeCode(dx),
        index!.size,
        dy!.shape[1],
        rows,
      ),
  };
}
