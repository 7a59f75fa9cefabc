// Tensors as they lie on disk and in host memory: a dtype, a shape and little-endian bytes.
// Knows nothing of the tensor engine, of devices or of what the numbers mean.
import { CheckpointError } from "../errors.js";
import { type BlockType, blockSizes, blockTypes } from "../tensor/dtype.js";

/**
 * Numbers of one block and its bytes (a plain type has blocks of one number), and the name safetensors gives the type,
 * where it has one.
 */
interface DtypeLayout {
  blockSize: number;
  blockBytes: number;
  safetensors?: string;
}

const plain = (blockBytes: number, safetensors: string) => ({ blockSize: 1, blockBytes, safetensors });
const blocks = Object.fromEntries(
  blockTypes.map((type) => [type, { blockSize: blockSizes[type].numbers, blockBytes: blockSizes[type].bytes }]),
) as Record<BlockType, DtypeLayout>;

const DTYPES = {
  ...blocks,
  f64: plain(8, "F64"),
  f32: plain(4, "F32"),
  bf16: plain(2, "BF16"),
  f16: plain(2, "F16"),
  e4m3: plain(1, "F8_E4M3"),
  e5m2: plain(1, "F8_E5M2"),
  e8m0: plain(1, "F8_E8M0"),
  i64: plain(8, "I64"),
  u64: plain(8, "U64"),
  i32: plain(4, "I32"),
  u32: plain(4, "U32"),
  i16: plain(2, "I16"),
  u16: plain(2, "U16"),
  i8: plain(1, "I8"),
  u8: plain(1, "U8"),
  bool: plain(1, "BOOL"),
} satisfies Record<string, DtypeLayout>;

/** Element type of a tensor in host memory. The q types hold blocks of numbers with common scales, as GGUF files do. */
export type HostDtype = keyof typeof DTYPES;

/** A tensor in host memory: row-major, little-endian bytes; `data.length` = product of `shape` × element size. */
export interface HostTensor {
  dtype: HostDtype;
  shape: readonly number[];
  data: Uint8Array;
}

/**
 * A tensor to be written whose bytes may be fetched only when their turn comes, whole or in parts, so that little is in
 * memory at a time.
 */
export interface WritableTensor {
  dtype: HostDtype;
  shape: readonly number[];
  data: Uint8Array | (() => Uint8Array | Promise<Uint8Array> | AsyncIterable<Uint8Array>);
}

/** Dtype and shape of a stored tensor, without its bytes. */
export interface TensorInfo {
  dtype: HostDtype;
  shape: readonly number[];
  sizeBytes: number;
}

/** Where a tensor's bytes lie, in its own order and unbroken: what a mapping of the file needs. */
export interface FilePlacement extends TensorInfo {
  path: string;
  byteOffset: number;
}

/**
 * A set of named tensors that can be read one at a time. `read` gives a fresh buffer that starts at byte offset 0;
 * `placement` is null where the file keeps the numbers in another order than the name promises, so that they can only
 * be read.
 */
export interface TensorSource {
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Tensors that an index names and that are not where it says: name and what is wrong. They count as not there. */
  readonly absent?: ReadonlyMap<string, string>;
  has(name: string): boolean;
  info(name: string): TensorInfo;
  placement(name: string): FilePlacement | null;
  read(name: string): Promise<HostTensor>;
  close(): Promise<void>;
}

/** Numbers and bytes of one block of a type; a plain type has blocks of one number. */
export function blockLayout(dtype: HostDtype): { blockSize: number; blockBytes: number } {
  return DTYPES[dtype];
}

/**
 * The name safetensors gives a dtype, for example `BF16`; undefined for the block types, which the format does not
 * know.
 */
export function safetensorsDtype(dtype: HostDtype): string | undefined {
  return (DTYPES[dtype] as DtypeLayout).safetensors;
}

const BY_SAFETENSORS_NAME = new Map(
  (Object.keys(DTYPES) as HostDtype[]).map((dtype) => [safetensorsDtype(dtype), dtype]),
);

/** The dtype behind a safetensors name, or `undefined` for one this reader does not know. */
export function dtypeFromSafetensors(name: string): HostDtype | undefined {
  return BY_SAFETENSORS_NAME.get(name);
}

/**
 * Bytes of a tensor; `undefined` when a dimension is no whole number ≥ 0, a row is no whole number of blocks, or the
 * size is not exactly representable.
 */
export function tensorSizeBytes(dtype: HostDtype, shape: readonly number[]): number | undefined {
  const { blockSize, blockBytes } = DTYPES[dtype];
  const rowNumbers = shape.at(-1) ?? 1;
  if (rowNumbers % blockSize !== 0) return undefined;
  let size = blockBytes;
  for (const dim of [...shape.slice(0, -1), rowNumbers / blockSize]) {
    if (!Number.isSafeInteger(dim) || dim < 0) return undefined;
    size *= dim;
    if (!Number.isSafeInteger(size)) return undefined;
  }
  return size;
}

/** Reads every tensor of a source into memory, by name. */
export async function readAllTensors(source: TensorSource): Promise<Map<string, HostTensor>> {
  const tensors = new Map<string, HostTensor>();
  for (const name of source.names) tensors.set(name, await source.read(name));
  return tensors;
}

const TYPED_ARRAYS = {
  f64: Float64Array,
  f32: Float32Array,
  i32: Int32Array,
  u32: Uint32Array,
  u8: Uint8Array,
} as const;
type ViewableDtype = keyof typeof TYPED_ARRAYS;

/** A host tensor over the memory of a typed array (shared, not copied). `shape` defaults to one dimension. */
export function hostTensor(
  values: Float64Array | Float32Array | Int32Array | Uint32Array | Uint8Array,
  shape: readonly number[] = [values.length],
): HostTensor {
  const dtype = (Object.keys(TYPED_ARRAYS) as ViewableDtype[]).find((key) => values instanceof TYPED_ARRAYS[key]);
  if (!dtype)
    throw new CheckpointError(
      `expected a Float64, Float32, Int32, Uint32 or Uint8 array, got ${Object.prototype.toString.call(values)}`,
    );
  return { dtype, shape, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

/** The numbers of an `f32` host tensor, viewed in place when the bytes are aligned and copied when they are not. */
export function float32Values(tensor: HostTensor): Float32Array {
  if (tensor.dtype !== "f32")
    throw new CheckpointError(`expected an f32 tensor, got ${tensor.dtype}; convert it when the weights are loaded`);
  const aligned = tensor.data.byteOffset % 4 === 0 ? tensor.data : tensor.data.slice();
  return new Float32Array(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.byteLength / 4);
}

/** The bytes of f32 numbers, over the same memory. */
export const float32Bytes = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
