// The attention cache of a model in blocks of 64 tokens, shared by any number of sequences: memory and its size only.
// Which sequence owns which block is the runtime's business.
import { ConfigError } from "../errors.js";
import { type Device, defaultDevice } from "../tensor/device.js";
import { empty, keep } from "../tensor/engine.js";
import { pagedWrite } from "../tensor/ops/paged-attention.js";
import { BLOCK_TOKENS, emptyPagedHeads, fp8LatentBytes } from "../tensor/ops/paged-layout.js";
import type { Tensor } from "../tensor/tensor.js";

/**
 * What a token's entry is. `heads`: keys and values of every head, which gives training's arithmetic to the bit.
 * `latent` (MLA): the normalised latent and the rotated key, (dc+dR) numbers a token, for absorbed attention.
 */
export type CacheKind = "heads" | "latent";

/**
 * How cached numbers are stored; FP8 is for latents (DeepSeek's FlashMLA: 656 bytes a token and layer instead of
 * 1,152).
 */
export type PagedDType = "f32" | "bf16" | "fp8-latent";

/** Widths of a layer's entries, and for a latent where its rotary part begins. */
export interface PagedShape {
  readonly heads: number;
  readonly keyWidth: number;
  /** null: values are part of the keys (latent). */
  readonly valueWidth: number | null;
  /** dc: the width of the values inside a latent entry; null for heads. */
  readonly latentWidth: number | null;
}

/**
 * One layer's blocks. `heads`: keys [blocks,Hkv,64,Dk], values [blocks,Hkv,64,Dv] in the device's order; `latent`: keys
 * [blocks,64,dc+dR], or u8 [blocks,64,bytes] in FP8, whose first dc numbers are the values.
 */
export interface PagedLayer {
  readonly kind: CacheKind;
  readonly keys: Tensor;
  readonly values: Tensor | null;
  /** dc of a latent, 0 for heads. */
  readonly latentWidth: number;
}

/** Bytes that one token takes in all layers. DeepSeek-V3 in bf16: 61 · 576 · 2 = 70,272. */
export function pagedBytesPerToken(shapes: readonly PagedShape[], dtype: PagedDType): number {
  return shapes.reduce((sum, shape) => sum + entryBytes(shape, dtype), 0);
}

function entryBytes({ heads, keyWidth, valueWidth, latentWidth }: PagedShape, dtype: PagedDType): number {
  if (dtype !== "fp8-latent") return heads * (keyWidth + (valueWidth ?? 0)) * (dtype === "f32" ? 4 : 2);
  if (latentWidth === null)
    throw new ConfigError(
      `an FP8 cache can only hold latents, got a layer of ${heads} heads of ${keyWidth} numbers: use bf16`,
    );
  return fp8LatentBytes(latentWidth, keyWidth - latentWidth);
}

function layerOf(shape: PagedShape, numBlocks: number, dtype: PagedDType, device: Device): PagedLayer {
  const { heads, keyWidth, valueWidth, latentWidth } = shape;
  if (valueWidth === null) {
    const width = dtype === "fp8-latent" ? entryBytes(shape, dtype) : keyWidth;
    const keys = keep(empty([numBlocks, BLOCK_TOKENS, width], dtype === "fp8-latent" ? "u8" : dtype, device));
    return { kind: "latent", keys, values: null, latentWidth: latentWidth ?? 0 };
  }
  if (dtype === "fp8-latent")
    throw new ConfigError(
      `an FP8 cache can only hold latents, got a layer of ${heads} heads of ${keyWidth} numbers: use bf16`,
    );
  const tensorOf = (role: "keys" | "values", width: number) =>
    keep(emptyPagedHeads(role, numBlocks, heads, width, dtype, device));
  return { kind: "heads", keys: tensorOf("keys", keyWidth), values: tensorOf("values", valueWidth), latentWidth: 0 };
}

/**
 * Blocks of all layers. Nothing is cleared, at the start or between owners: what a sequence has not written does not
 * count.
 */
export class PagedCache {
  readonly blockSize = BLOCK_TOKENS;
  readonly layers: readonly PagedLayer[];
  readonly bytesPerToken: number;

  constructor(
    shapes: readonly PagedShape[],
    readonly numBlocks: number,
    readonly dtype: PagedDType,
    device = defaultDevice(),
  ) {
    this.bytesPerToken = pagedBytesPerToken(shapes, dtype);
    this.layers = shapes.map((shape) => layerOf(shape, numBlocks, dtype, device));
  }

  get sizeBytes(): number {
    return this.bytesPerToken * BLOCK_TOKENS * this.numBlocks;
  }

  dispose(): void {
    for (const { keys, values } of this.layers) {
      keys.dispose();
      values?.dispose();
    }
  }
}

/**
 * Puts new tokens into a layer's blocks: row r at offset offsets[r] of block blockIds[r]. Keys [T,Hkv,Dk] and values
 * [T,Hkv,Dv], or the normalised latents with their rotated keys [T,dc+dR] and values null.
 */
export function writePaged(
  layer: PagedLayer,
  keys: Tensor,
  values: Tensor | null,
  blockIds: Tensor,
  offsets: Tensor,
): void {
  const role = layer.kind === "latent" ? "latent" : "keys";
  pagedWrite(keys, layer.keys, blockIds, offsets, { role, latent: layer.latentWidth });
  if (layer.values && values) pagedWrite(values, layer.values, blockIds, offsets, { role: "values", latent: 0 });
}
