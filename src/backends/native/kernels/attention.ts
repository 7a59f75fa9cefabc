// Glue: attention over packed sequences to native kernels. Conversion only.
import type { KernelTable } from "../../../tensor/ops/index.js";
import { addressOf, operandsOf } from "../operands.js";
import type { NativeAddon } from "../signatures.js";

const packed = operandsOf("attention");

/** The kernels of attention, bound to a loaded addon. */
export function attentionKernels(addon: NativeAddon): Pick<KernelTable, "attention" | "attentionBackward"> {
  return {
    attention([q, k, v, cuSeqlens], [o, lse], { scale, causal, window = 0, softCap = 0 }) {
      const [T, Hq, Dqk] = q!.shape;
      const [, Hkv, Dv] = v!.shape;
      // biome-ignore format: one line per group of operands
      addon.attentionForward(
        addressOf(q), addressOf(k), addressOf(v), packed.common(q, k, v, o), addressOf(o), packed.f32(lse),
        packed.i32(cuSeqlens), cuSeqlens!.size - 1,
        T, Hq, Hkv, Dqk, Dv, scale, causal, window, softCap,
      );
    },
    attentionBackward([q, k, v, o, lse, dO, cuSeqlens], [dq, dk, dv], { scale, causal, window = 0, softCap = 0 }) {
      const [T, Hq, Dqk] = q!.shape;
      const [, Hkv, Dv] = v!.shape;
      // biome-ignore format: one line per group of operands
      addon.attentionBackward(
        addressOf(q), addressOf(k), addressOf(v), addressOf(o), addressOf(dO), packed.common(q, k, v, o, dO, dq, dk,
        dv), packed.f32(lse),
        addressOf(dq), addressOf(dk), addressOf(dv), packed.i32(cuSeqlens), cuSeqlens!.size - 1, T, Hq, Hkv, Dqk, Dv,
        scale, causal, window, softCap,
      );
    },
  };
}
