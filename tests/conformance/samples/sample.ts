// What a test sample of an op is: operands to draw or given, parameters, a tolerance. Knows nothing of any op.
import type { CacheRole } from "../../../src/tensor/backend.js";
import type { OpName, ParamsOf } from "../../../src/tensor/ops/index.js";
import type { TensorSpec } from "../../../src/tensor/tensor.js";

/** A test input for one call. Numbers are drawn from a seeded generator unless `values` gives them. */
export interface Sample<P> {
  readonly name?: string;
  readonly inputs: readonly (SampleInput | null)[];
  readonly params: P;
  /** Relative to the reference's largest magnitude; default 2e-5 for f32 outputs, 1.6e-2 for bf16. */
  readonly tolerance?: number;
}

/** One sample operand: normal numbers of the given scale, or explicit values. */
export interface SampleInput extends TensorSpec {
  readonly values?: ArrayLike<number>;
  readonly scale?: number;
  /** For a paged cache of heads, which a backend may keep in an order of its own. */
  readonly role?: CacheRole;
}

/** Samples of every op: leaving one out does not compile. */
export type SamplesByOp = { readonly [N in OpName]: readonly Sample<ParamsOf<N>>[] };
