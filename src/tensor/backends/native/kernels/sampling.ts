// Glue: token sampling to its native kernel. Conversion only.
import type { KernelTable } from "../../../ops/index.js";
import { operandsOf } from "../operands.js";
import type { NativeAddon } from "../signatures.js";

const { f32, i32 } = operandsOf("sampleTokens");

/** The kernels of sampling, bound to a loaded addon. */
export function samplingKernels(addon: NativeAddon): Pick<KernelTable, "sampleTokens"> {
  return {
    sampleTokens: ([logits, uniforms], [ids, logp], { temperature, topK, topP, minP }) =>
      addon.sampleTokens(f32(logits), f32(uniforms), i32(ids), f32(logp), logits!.shape[0], logits!.shape[1], temperature, topK, topP, minP),
  };
}
