// Glue: parameter updates to native kernels. Conversion only.
import type { KernelTable } from "../../../tensor/ops/index.js";
import { operandsOf, typeCode } from "../operands.js";
import type { NativeAddon } from "../signatures.js";

const adamw = operandsOf("adamw");
const update = operandsOf("applyUpdate");

/** The kernels of the optimisers, bound to a loaded addon. */
export function optimizerKernels(addon: NativeAddon): Pick<KernelTable, "adamw" | "applyUpdate"> {
  return {
    adamw: ([p, g, m, v, copy, factor], _, s) =>
      // biome-ignore format: one line per group of operands
      addon.adamw(
        adamw.f32(p), adamw.f32(g), adamw.f32(m), adamw.f32(v), adamw.bf16(copy), adamw.f32(factor), p!.size,
        s.lr, s.beta1, s.beta2, s.eps, s.weightDecay, s.biasCorrection1, s.biasCorrection2,
      ),
    applyUpdate: ([p, step, copy], _, { lr, weightDecay }) =>
      addon.axpyUpdate(update.f32(p), update.float(step), typeCode(step), update.bf16(copy), p!.size, lr, weightDecay),
  };
}
