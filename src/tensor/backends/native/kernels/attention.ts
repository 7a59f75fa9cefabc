// Glue: attention over packed sequences and over caches to native kernels. Conversion only.
import { BackendError } from "../../../../errors.js";
import type { KernelTable } from "../../../ops/index.js";
import { numElements, type Tensor } from "../../../tensor.js";
import { addressOf, operandsOf, typeCode } from "../operands.js";
import type { NativeAddon } from "../signatures.js";

const packed = operandsOf("attention");
const decode = operandsOf("decodeAttention");
const write = operandsOf("kvCacheWrite");

/** Elements from one token's entry to the next, and from one slot's to the next, of a cache [slots, maxTokens, ...]. */
function cacheStrides(cache: Tensor): { token: number; slot: number } {
  const token = numElements(cache.shape.slice(2));
  return { token, slot: cache.shape[1] * token };
}

/** The kernels of attention and the key-value caches, bound to a loaded addon. */
export function attentionKernels(addon: NativeAddon): Pick<KernelTable, "attention" | "attentionBackward" | "decodeAttention" | "kvCacheWrite"> {
  return {
    attention([q, k, v, cuSeqlens], [o, lse], { scale, causal }) {
      const [T, Hq, Dqk] = q!.shape;
      const [, Hkv, Dv] = v!.shape;
      // biome-ignore format: one line per group of operands
      addon.attentionForward(
        addressOf(q), addressOf(k), addressOf(v), packed.common(q, k, v, o), addressOf(o), packed.f32(lse), packed.i32(cuSeqlens), cuSeqlens!.size - 1,
        T, Hq, Hkv, Dqk, Dv, scale, causal,
      );
    },
    attentionBackward([q, k, v, o, lse, dO, cuSeqlens], [dq, dk, dv], { scale, causal }) {
      const [T, Hq, Dqk] = q!.shape;
      const [, Hkv, Dv] = v!.shape;
      // biome-ignore format: one line per group of operands
      addon.attentionBackward(
        addressOf(q), addressOf(k), addressOf(v), addressOf(o), addressOf(dO), packed.common(q, k, v, o, dO, dq, dk, dv), packed.f32(lse),
        addressOf(dq), addressOf(dk), addressOf(dv), packed.i32(cuSeqlens), cuSeqlens!.size - 1, T, Hq, Hkv, Dqk, Dv, scale, causal,
      );
    },
    decodeAttention([q, k, v, slots, lengths], [o], { scale, valueWidth }) {
      const [B, Hq, Dk] = q!.shape;
      const Hkv = k!.shape[2];
      const values = v ?? k!;
      if (Hkv > 1 && values.shape[3] !== valueWidth)
        throw new BackendError(
          `decodeAttention: the native kernel takes values of ${valueWidth} out of ${values.shape[3]} numbers only for one key head, got ${Hkv}`,
        );
      decode.common(q, o);
      const [kStride, vStride] = [cacheStrides(k!), cacheStrides(values)];
      // biome-ignore format: one line per group of operands
      addon.decodeAttention(
        addressOf(q), typeCode(q), addressOf(k), addressOf(values), decode.common(k, values), addressOf(o), decode.i32(slots), decode.i32(lengths),
        B, Hq, Hkv, Dk, valueWidth, kStride.token, kStride.slot, vStride.token, vStride.slot, scale,
      );
    },
    kvCacheWrite([x, cache, slots, positions]) {
      const { token, slot } = cacheStrides(cache!);
      // biome-ignore format: one line per group of operands
      addon.kvCacheWrite(
        write.float(x), typeCode(x), write.float(cache), typeCode(cache), write.i32(slots), write.i32(positions),
        x!.shape[0], token, token, slot,
      );
    },
  };
}
