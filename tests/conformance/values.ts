// Host-side operands of the samples: seeded numbers, rounded to their element type, in f64 for the reference.
// Knows nothing of backends.
import { hashString } from "../../src/random.js";
import type { CacheRole } from "../../src/tensor/backend.js";
import { type EncodedBlockType, encodeRows, isEncodedType } from "../../src/tensor/block-encoders.js";
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
  return new Float64Array(decodeBytes(encodeBytes(values, dtype), dtype));
}

/**
 * Whole numbers of 32 bits, equal for equal labels: mulberry32, as millions are drawn and the engine's own generator
 * would be most of the work.
 */
function wordsOf(label: string): () => number {
  let state = hashString(label);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return (word ^ (word >>> 14)) >>> 0;
  };
}

/** Standard normal numbers times `scale`, equal for equal labels. */
export function normals(count: number, label: string, scale = 1): Float64Array {
  const next = wordsOf(label);
  const numbers = new Float64Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = scale * Math.sqrt(-2 * Math.log((next() + 0.5) / 2 ** 32));
    const angle = 2 * Math.PI * (next() / 2 ** 32);
    numbers[i] = radius * Math.cos(angle);
    if (i + 1 < count) numbers[i + 1] = radius * Math.sin(angle);
  }
  return numbers;
}

/** Different numbers in weights of a type that is encoded: the search for the best scales of a block is slow. */
const DIFFERENT_NUMBERS = 16_384;

/**
 * The bytes of random weights of a block type, equal for equal labels: blocks of encoded normal numbers in any order,
 * or random blocks of types that are only read.
 */
export function randomBlocks(dtype: BlockType, shape: readonly number[], label: string, scale = 1): Uint8Array {
  if (isEncodedType(dtype)) return encodedBlocks(dtype, shape, label, scale);
  const next = wordsOf(label);
  const bytes = Uint8Array.from({ length: storageBytes(dtype, numElements(shape)) }, next);
  for (let at = 0; at < bytes.length; at += blockSizes[dtype].bytes) {
    const block = bytes.subarray(at, at + blockSizes[dtype].bytes);
    makeBlocks(block, dtype, scale * (0.5 + next() / 2 ** 32));
    // Minima that differ from the scales tell the two apart.
    if (dtype === "q2_k") for (let i = 0; i < 16; i++) block[i] = next();
  }
  return bytes;
}

function encodedBlocks(dtype: EncodedBlockType, shape: readonly number[], label: string, scale: number): Uint8Array {
  const { numbers, bytes } = blockSizes[dtype];
  const count = numElements(shape) / numbers;
  const different = Math.min(count, DIFFERENT_NUMBERS / numbers);
  const encoded = encodeRows(dtype, Float32Array.from(normals(different * numbers, label, scale)), numbers);
  const next = wordsOf(`${label} order`);
  const whole = new Uint8Array(count * bytes);
  for (let block = 0; block < count; block++) {
    const from = (block < different ? block : next() % different) * bytes;
    whole.set(encoded.subarray(from, from + bytes), block * bytes);
  }
  return whole;
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
