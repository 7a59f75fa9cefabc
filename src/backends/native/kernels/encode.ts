// Glue: numbers into storage types by native kernels. Conversion only.
import type { KernelTable } from "../../../tensor/ops/index.js";
import { addressOf, codeOf, operandsOf } from "../operands.js";
import type { NativeAddon } from "../signatures.js";

const operands = operandsOf("encodeWeights");

/** The encoder of stored weights, bound to a loaded addon. */
export function encodeKernels(addon: NativeAddon): Pick<KernelTable, "encodeWeights"> {
  return {
    encodeWeights: ([x], [out], { dtype }) =>
      addon.encodeWeights(operands.f32(x), codeOf(dtype), x!.size, addressOf(out)),
  };
}
