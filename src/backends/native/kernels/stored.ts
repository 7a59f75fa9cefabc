// Glue: products with stored weights to native kernels. Conversion only.
import type { KernelTable } from "../../../tensor/ops/index.js";
import { addressOf, operandsOf, typeCode } from "../operands.js";
import type { NativeAddon } from "../signatures.js";

type Names =
  | "storedLinear"
  | "storedLinearBackward"
  | "storedGroupedLinear"
  | "storedGroupedLinearBackward"
  | "storedRows";

const product = operandsOf("storedLinear");
const grouped = operandsOf("storedGroupedLinear");
const rows = operandsOf("storedRows");

/** The kernels on stored weights, bound to a loaded addon. */
export function storedKernels(addon: NativeAddon): Pick<KernelTable, Names> {
  return {
    storedLinear([x, w, scales, bias, residual], [y]) {
      const [n, k] = w!.shape;
      // biome-ignore format: one line per group of operands
      addon.storedLinear(
        y.shape[0], n, k, product.float(x), typeCode(x), addressOf(w), typeCode(w), w!.isPacked, product.f32(scales),
        product.float(y), typeCode(y), product.f32(bias), product.float(residual), typeCode(residual),
      );
    },
    storedLinearBackward([dy, w, scales], [dx], { accumulate }) {
      const [n, k] = w!.shape;
      // biome-ignore format: one line per group of operands
      addon.storedLinearBackward(
        dy!.shape[0], n, k, product.float(dy), typeCode(dy), addressOf(w), typeCode(w), w!.isPacked,
        product.f32(scales), product.float(dx), typeCode(dx), accumulate,
      );
    },
    storedGroupedLinearBackward([dy, w, scales, offsets], [dx]) {
      const [experts, n, k] = w!.shape;
      // biome-ignore format: one line per group of operands
      addon.storedGroupedLinearBackward(
        experts, dy!.shape[0], n, k, grouped.float(dy), typeCode(dy), addressOf(w), typeCode(w), w!.isPacked,
        grouped.f32(scales), grouped.i32(offsets), grouped.float(dx), typeCode(dx),
      );
    },
    storedGroupedLinear([x, w, scales, offsets, rowToken], [y]) {
      const [experts, n, k] = w!.shape;
      // biome-ignore format: one line per group of operands
      addon.storedGroupedLinear(
        experts, y.shape[0], n, k, grouped.float(x), typeCode(x), x!.shape[0], grouped.i32(rowToken),
        addressOf(w), typeCode(w), w!.isPacked, grouped.f32(scales), grouped.i32(offsets), grouped.float(y),
        typeCode(y),
      );
    },
    storedRows([w, scales, ids], [y]) {
      const [n, k] = w!.shape;
      addon.storedRows(
        addressOf(w),
        typeCode(w),
        w!.isPacked,
        rows.f32(scales),
        n,
        k,
        rows.i32(ids),
        ids!.size,
        rows.f32(y),
      );
    },
  };
}
