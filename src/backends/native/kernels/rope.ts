// Glue: rotary embedding and MLA assembly to native kernels. Conversion only.
import type { KernelTable } from "../../../tensor/ops/index.js";
import { addressOf, operandsOf } from "../operands.js";
import type { NativeAddon } from "../signatures.js";

const rope = operandsOf("rope");
const mla = operandsOf("mlaAssemble");

/** The kernels of rotary embeddings, bound to a loaded addon. */
export function ropeKernels(addon: NativeAddon): Pick<KernelTable, "rope" | "mlaAssemble" | "mlaAssembleBackward"> {
  return {
    rope([x, positions, invFreq], [y], { offset, interleaved, inverse, factor }) {
      const [T, H, D] = x!.shape;
      // biome-ignore format: one line per group of operands
      addon.rope(
        addressOf(x), addressOf(y), rope.common(x, y), rope.i32(positions), rope.f32(invFreq),
        T, H, D, offset, 2 * invFreq!.size, interleaved, inverse, factor,
      );
    },
    mlaAssemble([qIn, kv, kRope, positions, invFreq], [q, k, v], { nope, value, interleaved, factor }) {
      const [T, H] = q.shape;
      // biome-ignore format: one line per group of operands
      addon.mlaAssemble(
        addressOf(qIn), addressOf(kv), addressOf(kRope), mla.common(qIn, kv, kRope, q, k, v), mla.i32(positions),
        mla.f32(invFreq),
        addressOf(q), addressOf(k), addressOf(v), T, H, nope, 2 * invFreq!.size, value, interleaved, factor,
      );
    },
    mlaAssembleBackward([dq, dk, dv, positions, invFreq], [dqIn, dkv, dkRope], { nope, value, interleaved, factor }) {
      const [T, H] = dq!.shape;
      // biome-ignore format: one line per group of operands
      addon.mlaAssembleBackward(
        addressOf(dq), addressOf(dk), addressOf(dv), mla.common(dq, dk, dv, dqIn, dkv, dkRope), mla.i32(positions),
        mla.f32(invFreq),
        addressOf(dqIn), addressOf(dkv), addressOf(dkRope), T, H, nope, 2 * invFreq!.size, value, interleaved, factor,
      );
    },
  };
}
