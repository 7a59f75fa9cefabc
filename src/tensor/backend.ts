// What a device must offer. One interface for the TypeScript reference, the native CPU kernels and, later, WebGPU.
// Knows no op, and nothing of autograd, models or files.
import type { TensorSpec } from "./spec.js";

/** A block of device memory; only its backend looks inside. */
export interface DeviceBuffer {
  readonly sizeBytes: number;
}

/** A tensor as kernels see it: a window on device memory. */
export interface Operand extends TensorSpec {
  readonly isPacked: boolean;
  readonly storage: { readonly buffer: DeviceBuffer };
  /** Where the window begins. */
  readonly byteOffset: number;
  readonly size: number;
  /** Bytes of the numbers row by row (a packed copy may take some more). */
  readonly sizeBytes: number;
}

/** A kernel: reads `inputs`, fully writes `outputs`. The op's reference says what. */
export type Kernel<P> = (inputs: readonly (Operand | null)[], outputs: readonly Operand[], params: P) => void;

/** Says why a backend lacks an op; printed in the support table and in the error of a call. */
export interface Unsupported {
  readonly unsupported: string;
}

/** How a device lays out weights that are multiplied often; only its own products read that layout. */
export interface WeightPacker {
  /**
   * Parts of so many rows, or of a multiple, are packed one by one (the last may be shorter): one after the other they
   * are the whole packed at once.
   */
  readonly partRows: number;
  /** Whether there is a layout that pays for weights [N,K] or [E,N,K]. */
  accepts(weights: TensorSpec): boolean;
  /** Bytes of the packed copy: those of the weights and at most 4% more, but for a last part that is not full. */
  packedBytes(weights: TensorSpec): number;
  /** `scales`: of e4m3's 128 × 128 blocks, which the copy then holds. */
  pack(weights: Operand, scales: Operand | null, into: Operand): void;
}

/** What a cache of heads holds. */
export type CacheRole = "keys" | "values";

/** How a device lays out the blocks of a paged cache of heads; only its own attention reads that layout. */
export interface CacheArranger {
  /** Bytes of a cache [blocks,Hkv,64,D]. Throws ConfigError for one that the device has no layout for. */
  cacheBytes(cache: TensorSpec, role: CacheRole): number;
}

/** How a device reads files in place. What is mapped is never written. */
export interface FileMapper {
  /**
   * The first `sizeBytes` of a file, which has at least as many, as memory to read from. Throws BackendError where the
   * system refuses.
   */
  map(path: string, sizeBytes: number): DeviceBuffer;
  unmap(buffer: DeviceBuffer): void;
  /** A part will be read soon. */
  prefetch(buffer: DeviceBuffer, byteOffset: number, sizeBytes: number): void;
  /** A part will not be read soon: its memory may serve others until it is. */
  drop(buffer: DeviceBuffer, byteOffset: number, sizeBytes: number): void;
}

/**
 * A device. Kernel calls enqueue work in program order and return at once; only `read` waits.
 * Memory given back by `release` may be reused by later calls: the order of calls is the order of execution.
 */
export interface Backend {
  readonly name: string;
  /** One line about the device: instruction set, threads. */
  readonly description: string;
  /** By the op's name (`CompleteBackend` of ops/index.ts: for every op). */
  readonly kernels: { readonly [op: string]: Kernel<never> | Unsupported };
  /** Absent where products read weights as they are stored. */
  readonly packer?: WeightPacker;
  /** Absent where attention reads a paged cache row by row. */
  readonly caches?: CacheArranger;
  /** Absent where memory is all the device can read from: files are read by the host, and their bytes written. */
  readonly files?: FileMapper;
  /** Uninitialised memory, at least 64-byte aligned. Throws BackendError when there is none left. */
  allocate(sizeBytes: number): DeviceBuffer;
  release(buffer: DeviceBuffer): void;
  write(buffer: DeviceBuffer, byteOffset: number, bytes: Uint8Array): void;
  /** Copies bytes within the device. */
  copy(from: DeviceBuffer, fromOffset: number, to: DeviceBuffer, toOffset: number, sizeBytes: number): void;
  /** A copy of the bytes, after all work enqueued so far. */
  read(buffer: DeviceBuffer, byteOffset: number, sizeBytes: number): Promise<Uint8Array>;
}
