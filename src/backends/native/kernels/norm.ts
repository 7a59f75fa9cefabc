// Glue: RMSNorm to native kernels. Conversion only.
import type { KernelTable } from "../../../tensor/ops/index.js";
import { operandsOf, typeCode } from "../operands.js";
import type { NativeAddon } from "../signatures.js";

const { f32, float } = operandsOf("rmsNorm");

/** The kernels of RMSNorm, bound to a loaded addon. */
export function normKernels(addon: NativeAddon): Pick<KernelTable, "rmsNorm" | "rmsNormBackward"> {
  return {
    rmsNorm: ([x, w], [y, rstd], { eps, weightOffset = 0 }) =>
      // biome-ignore format: one line per group of operands
      addon.rmsNorm(
        float(x), typeCode(x), f32(w), weightOffset, float(y), typeCode(y), f32(rstd),
        x!.shape[0], x!.shape[1], eps,
      ),
    rmsNormBackward: ([x, w, rstd, dy], [dx, dw], { accumulate, weightOffset = 0 }) =>
      // biome-ignore format: one line per group of operands
      addon.rmsNormBackward(
        float(x), typeCode(x), f32(w), weightOffset, f32(rstd), float(dy), typeCode(dy), 0, 0,
        float(dx), typeCode(dx), f32(dw), accumulate, x!.shape[0], x!.shape[1],
      ),
  };
}
