// How an op is declared: one record with its shape rule, gradient, reference and cost.
// Knows nothing of any particular op or backend.

import { ShapeError } from "../errors.js";
import type { DType, HostArray } from "./dtype.js";
import type { Tensor, TensorSpec } from "./tensor.js";

/** A host-side operand of a reference: its numbers and its shape. f64 arrays are used by gradient checks. */
export interface HostView extends TensorSpec {
  readonly data: HostArray;
}

/**
 * What an i32 input may hold. An input that finds memory holds indexes in [from, below), or offsets that never fall and
 * go from 0 to `risesTo` (`within`: they stay inside of that); backends check it before the kernel runs. Others say why
 * they need no check.
 */
export type IndexRule =
  | { readonly input: number; readonly from?: number; readonly below: number }
  | { readonly input: number; readonly risesTo: number; readonly within?: boolean }
  | { readonly input: number; readonly unchecked: string };

/** Work of one call: floating-point operations (a multiply-add is 2) and bytes moved. */
export interface Cost {
  readonly flops: number;
  readonly bytes: number;
}

/** What a gradient rule may look at. Only the operands named in `saves` may be asked for as tensors. */
export interface VjpContext<P> {
  readonly params: P;
  input(index: number): Tensor;
  /** As `input`, or null where the optional operand was absent. */
  maybeInput(index: number): Tensor | null;
  output(index: number): Tensor;
  inputSpec(index: number): TensorSpec;
  /** Whether the gradient of input `index` is wanted: others may be returned as null. */
  wants(index: number): boolean;
  /**
   * The element type that the gradient of input `index` ends in: the value's own, or f32 for a parameter and its
   * copies.
   */
  gradDtype(index: number): DType;
  /**
   * The gradient gathered so far for input `index`, to add into in place (then return it); undefined for the first, for
   * one that others share, and for one that is not of the type `dtype`, in which the rule computes (default:
   * `gradDtype(index)`).
   */
  gradTarget(index: number, dtype?: DType): Tensor | undefined;
}

/**
 * The declaration of an op with parameters P.
 * `reference` is the specification: plain TypeScript, sums in f64; it fills `outputs` (and what `mutates` names).
 */
export interface OpSpec<P> {
  readonly name: string;
  infer(inputs: readonly (TensorSpec | null)[], params: P): TensorSpec[];
  reference(inputs: readonly (HostView | null)[], outputs: readonly HostView[], params: P): void;
  cost?(inputs: readonly (TensorSpec | null)[], outputs: readonly TensorSpec[], params: P): Cost;
  /** What each i32 input may hold. */
  indexes?(inputs: readonly (TensorSpec | null)[], params: P): readonly IndexRule[];
  /** Inputs written in place (optimiser state, caches). */
  readonly mutates?: readonly number[];
  /** Inputs that may lie in the backend's own order: packed weights (packing.ts), paged caches of heads. */
  readonly takesPacked?: readonly number[];
  /** Operands the gradient rule needs. */
  readonly saves?: { readonly inputs?: readonly number[]; readonly outputs?: readonly number[] };
  /** Gradients of the inputs (null where none flows) from those of the outputs (null where none arrived). */
  vjp?(context: VjpContext<P>, gradOutputs: readonly (Tensor | null)[]): (Tensor | null)[];
}

/**
 * Throws a ShapeError naming the op unless the condition holds. An expectation that takes work to word is a function.
 */
export function checkShape(
  condition: boolean,
  op: string,
  expected: string | (() => string),
  ...specs: readonly (TensorSpec | null)[]
): asserts condition {
  if (condition) return;
  const wording = typeof expected === "string" ? expected : expected();
  const got = specs.map((s) => (s ? `${s.dtype}[${s.shape.join(",")}]` : "none")).join(", ");
  throw new ShapeError(`${op}: expected ${wording}, got ${got}`);
}
