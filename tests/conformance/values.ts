// Host-side operands of the samples: seeded numbers, rounded to their element type, in f64 for the reference.
// Knows nothing of backends.
import { hashString, Random } from "../../src/random.js";
import type { CacheRole } from "../../src/tensor/backend.js";
import { encodeRows, isEncodedType } from "../../src/tensor/block-encoders.js";
import {
  type BlockType,
  blockSizes,
  type DType,
  decodeBytes,
  encodeBytes,
  isBlockType,
  storageBytes,
} from "../../src/tensor/dtype.js";
import type { HostView } from "../../src/tensor/op.js";
import { makeBlocks } from "../../src/tensor/random-blocks.js";
import { numElements, type TensorSpec } from "../../src/tensor/tensor.js";
import type { SampleInput } from "./samples/sample.js";

/** A host operand whose numbers are exact in its element type. */
export interface HostOperand extends HostView {
  readonly data: Float64Array;
  /** See `SampleInput`. */
  readonly role?: CacheRole;
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

/**
 * The bytes of random weights of a block type, equal for equal labels: encoded normal numbers, or random blocks of
 * types that are only read.
 */
export function randomBlocks(dtype: BlockType, shape: readonly number[], label: string, scale = 1): Uint8Array {
  if (isEncodedType(dtype))
    return encodeRows(dtype, Float32Array.from(normals(numElements(shape), label, scale)), shape.at(-1) ?? 1);
  const random = new Random(hashString(label));
  const bytes = Uint8Array.from({ length: storageBytes(dtype, numElements(shape)) }, () => random.below(256));
  for (let at = 0; at < bytes.length; at += blockSizes[dtype].bytes) {
    const block = bytes.subarray(at, at + blockSizes[dtype].bytes);
    makeBlocks(block, dtype, scale * (0.5 + random.float()));
    // Minima that differ from the scales tell the two apart.
    if (dtype === "q2_k") for (let i = 0; i < 16; i++) block[i] = random.below(256);
  }
  return bytes;
}

/** The operand that a sample describes. Given values of block types are bytes. */
export function operandOf(input: SampleInput, label: string): HostOperand {
  const { shape, dtype, scale, role } = input;
  const values =
    input.values ??
    (isBlockType(dtype) ? randomBlocks(dtype, shape, label, scale) : normals(numElements(shape), label, scale));
  return { shape, dtype, role, data: rounded(values, dtype) };
}

/** An operand of random numbers. */
export const randomOperand = (
  spec: TensorSpec & Pick<SampleInput, "role">,
  label: string,
  scale?: number,
): HostOperand => operandOf({ ...spec, scale }, label);

/** A copy that may be written. */
export const copyOf = <T extends HostOperand | null>(x: T): T => (x ? { ...x, data: x.data.slice() } : x) as T;
