// What a weight is made of: its name and shape, its initial values, the stored tensors it is stacked of, what layers do
// with it.

/** Initial values: normal with a standard deviation, uniform in ±`uniform`, or a constant. */
export type Init = { readonly std: number } | { readonly uniform: number } | { readonly constant: number };

/** A part of a parameter as files know it: parts are stacked along the first dimension, in order. */
export interface StoredPart {
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * What layers do with a weight, which says how it is held when it does not train. `products`: in its storage type, laid
 * out for products. `rows`: in its storage type, row after row, only looked up. `numbers`: decoded to the compute type,
 * for ops that read all of it. `f32`: decoded to f32.
 */
export type WeightUse = "products" | "rows" | "numbers" | "f32";

/** What a weight is made of. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly init: Init;
  /** Where this is a range of a larger parameter: how many of its numbers come before. Initial values are then its. */
  readonly firstNumber?: number;
  /** Stored tensors (Hugging Face names) stacked to make this one; default: itself. */
  readonly parts?: readonly StoredPart[];
  /** Kept in f32 for compute even when training in bf16 (norms, router). */
  readonly alwaysF32?: boolean;
  /** Default: `f32` for what is always f32 or a buffer, else `products`. */
  readonly use?: WeightUse;
  /** Not trained by gradients (router bias): still saved. */
  readonly isBuffer?: boolean;
}

/** What layers do with a weight. */
export const useOf = (spec: ParameterSpec): WeightUse =>
  spec.use ?? (spec.alwaysF32 || spec.isBuffer ? "f32" : "products");

/** Whether a weight that does not train stays in its storage type. */
export const isStored = (use: WeightUse): boolean => use === "products" || use === "rows";

/** The stored tensors a parameter is stacked of. */
export function partsOf(spec: ParameterSpec): readonly StoredPart[] {
  return spec.parts ?? [{ name: spec.name, shape: spec.shape }];
}
