// The attention cache of one layer: keys and values per head, or MLA's latent. Memory only.

import type { DType } from "../tensor/dtype.js";
import { keep } from "../tensor/engine.js";
import { zeros } from "../tensor/ops/elementwise.js";
import type { Tensor } from "../tensor/tensor.js";

/**
 * `heads`: keys [slots,maxTokens,Hkv,Dk] and values [slots,maxTokens,Hkv,Dv]; decode repeats training's arithmetic to the bit.
 * `latent` (MLA): keys [slots,maxTokens,1,dc+dR] whose first dc numbers are the values; (dc+dR) numbers a token, absorbed decode.
 */
export interface LayerCache {
  readonly kind: "heads" | "latent";
  readonly keys: Tensor;
  readonly values: Tensor | null;
}

/** Which kind of cache to keep. */
export type CacheKind = LayerCache["kind"];

/** Widths of a layer's cache entries. */
export interface CacheShape {
  readonly heads: number;
  readonly keyWidth: number;
  /** null: values are part of the keys (latent). */
  readonly valueWidth: number | null;
}

/** Caches of all layers for `slots` rows of up to `maxTokens` tokens. */
export class KvCache {
  readonly layers: readonly LayerCache[];
  constructor(
    shapes: readonly CacheShape[],
    readonly slots: number,
    readonly maxTokens: number,
    dtype: DType,
  ) {
    this.layers = shapes.map(({ heads, keyWidth, valueWidth }) => ({
      kind: valueWidth === null ? "latent" : "heads",
      keys: keep(zeros([slots, maxTokens, heads, keyWidth], dtype)),
      values: valueWidth === null ? null : keep(zeros([slots, maxTokens, heads, valueWidth], dtype)),
    }));
  }
  get sizeBytes(): number {
    return this.layers.reduce((sum, { keys, values }) => sum + keys.sizeBytes + (values?.sizeBytes ?? 0), 0);
  }
  dispose(): void {
    for (const { keys, values } of this.layers) {
      keys.dispose();
      values?.dispose();
    }
  }
}
