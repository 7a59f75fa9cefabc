// Host-side operands of the samples: seeded numbers, rounded to their element type, in f64 for the reference.
// Knows nothing of backends.
import { hashString, Random } from "../../src/random.js";
import { encodeRows } from "../../src/tensor/block-encoders.js";
import { type DType, decodeBytes, encodeBytes, isBlockType } from "../../src/tensor/dtype.js";
import type { HostView, SampleInput } from "../../src/tensor/op.js";
import { numElements, type TensorSpec } from "../../src/tensor/tensor.js";

/** A host operand whose numbers are exact in its element type. */
export interface HostOperand extends HostView {
  readonly data: Float64Array;
}

/** Numbers as the element type holds them; of block types the bytes. */
export function rounded(values: ArrayLike<number>, dtype: DType): Float64Array {
  return Float64Array.from(decodeBytes(encodeBytes(values, dtype), dtype));
}

/** Standard normal numbers times `scale`, equal for equal labels. */
export function normals(count: number, label: string, scale = 1): Float64Array {
  const random = new Random(hashString(label));
  return Float64Array.from({ length: count }, () => scale * random.normal());
}

/** The operand that a sample describes. Random numbers are stored in blocks by the encoders; given values of block types are bytes. */
export function operandOf(input: SampleInput, label: string): HostOperand {
  const drawn = () => normals(numElements(input.shape), label, input.scale);
  const values = input.values ?? (isBlockType(input.dtype) ? encodeRows(input.dtype, Float32Array.from(drawn()), input.shape.at(-1) ?? 1) : drawn());
  return { shape: input.shape, dtype: input.dtype, data: rounded(values, input.dtype) };
}

/** An operand of random numbers. */
export const randomOperand = (spec: TensorSpec, label: string, scale?: number): HostOperand => operandOf({ ...spec, scale }, label);

/** A copy that may be written. */
export const copyOf = <T extends HostOperand | null>(x: T): T => (x ? { ...x, data: x.data.slice() } : x) as T;
