// Tensors as they lie on disk and in host memory: a dtype, a shape and little-endian bytes.
// Knows nothing of the tensor engine, of devices or of what the numbers mean.
import { CheckpointError } from "../errors.js";

/** Size of one element and the name safetensors gives the type. Types packed below one byte are not read. */
const DTYPES = {
  f64: { sizeBytes: 8, safetensors: "F64" },
  f32: { sizeBytes: 4, safetensors: "F32" },
  bf16: { sizeBytes: 2, safetensors: "BF16" },
  f16: { sizeBytes: 2, safetensors: "F16" },
  e4m3: { sizeBytes: 1, safetensors: "F8_E4M3" },
  e5m2: { sizeBytes: 1, safetensors: "F8_E5M2" },
  e8m0: { sizeBytes: 1, safetensors: "F8_E8M0" },
  i64: { sizeBytes: 8, safetensors: "I64" },
  u64: { sizeBytes: 8, safetensors: "U64" },
  i32: { sizeBytes: 4, safetensors: "I32" },
  u32: { sizeBytes: 4, safetensors: "U32" },
  i16: { sizeBytes: 2, safetensors: "I16" },
  u16: { sizeBytes: 2, safetensors: "U16" },
  i8: { sizeBytes: 1, safetensors: "I8" },
  u8: { sizeBytes: 1, safetensors: "U8" },
  bool: { sizeBytes: 1, safetensors: "BOOL" },
} as const;

/** Element type of a tensor in host memory. */
export type HostDtype = keyof typeof DTYPES;

/** A tensor in host memory: row-major, little-endian bytes; `data.length` = product of `shape` × element size. */
export interface HostTensor {
  dtype: HostDtype;
  shape: readonly number[];
  data: Uint8Array;
}

/** A tensor to be written whose bytes may be fetched only when their turn comes, so that one tensor at a time is in memory. */
export interface WritableTensor {
  dtype: HostDtype;
  shape: readonly number[];
  data: Uint8Array | (() => Uint8Array | Promise<Uint8Array>);
}

/** Dtype and shape of a stored tensor, without its bytes. */
export interface TensorInfo {
  dtype: HostDtype;
  shape: readonly number[];
  sizeBytes: number;
}

/** A set of named tensors that can be read one at a time. `read` gives a fresh buffer that starts at byte offset 0. */
export interface TensorSource {
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  has(name: string): boolean;
  info(name: string): TensorInfo;
  read(name: string): Promise<HostTensor>;
  close(): Promise<void>;
}

/** Bytes of one element. */
export function elementSizeBytes(dtype: HostDtype): number {
  return DTYPES[dtype].sizeBytes;
}

/** The name safetensors gives a dtype, for example `BF16`. */
export function safetensorsDtype(dtype: HostDtype): string {
  return DTYPES[dtype].safetensors;
}

const BY_SAFETENSORS_NAME = new Map(Object.entries(DTYPES).map(([name, entry]) => [entry.safetensors as string, name as HostDtype]));

/** The dtype behind a safetensors name, or `undefined` for one this reader does not know. */
export function dtypeFromSafetensors(name: string): HostDtype | undefined {
  return BY_SAFETENSORS_NAME.get(name);
}

/** Bytes of a tensor; `undefined` when a dimension is no whole number ≥ 0 or the size is not exactly representable. */
export function tensorSizeBytes(dtype: HostDtype, shape: readonly number[]): number | undefined {
  let size = elementSizeBytes(dtype);
  for (const dim of shape) {
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

const TYPED_ARRAYS = { f64: Float64Array, f32: Float32Array, i32: Int32Array, u32: Uint32Array, u8: Uint8Array } as const;
type ViewableDtype = keyof typeof TYPED_ARRAYS;

/** A host tensor over the memory of a typed array (shared, not copied). `shape` defaults to one dimension. */
export function hostTensor(
  values: Float64Array | Float32Array | Int32Array | Uint32Array | Uint8Array,
  shape: readonly number[] = [values.length],
): HostTensor {
  const dtype = (Object.keys(TYPED_ARRAYS) as ViewableDtype[]).find((key) => values instanceof TYPED_ARRAYS[key]);
  if (!dtype) throw new CheckpointError(`expected a Float64, Float32, Int32, Uint32 or Uint8 array, got ${Object.prototype.toString.call(values)}`);
  return { dtype, shape, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

/** The numbers of an `f32` host tensor, viewed in place when the bytes are aligned and copied when they are not. */
export function float32Values(tensor: HostTensor): Float32Array {
  if (tensor.dtype !== "f32") throw new CheckpointError(`expected an f32 tensor, got ${tensor.dtype}; convert it when the weights are loaded`);
  const aligned = tensor.data.byteOffset % 4 === 0 ? tensor.data : tensor.data.slice();
  return new Float32Array(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.byteLength / 4);
}
