// The tensor handle: a typed, shaped, contiguous window on reference-counted device memory.
// Knows nothing of ops; who frees it is decided by scopes (engine.ts).

import { assert, BackendError } from "../errors.js";
import type { DeviceBuffer, Operand } from "./backend.js";
import type { Device } from "./device.js";
import { type DType, decodeBytes, type HostArray, storageBytes } from "./dtype.js";
import { numElements } from "./spec.js";

export { numElements, type TensorSpec } from "./spec.js";

/** Device memory shared by all handles on it; goes back to its pool when the last one is disposed. */
export class Storage {
  private references = 1;
  constructor(
    readonly device: Device,
    readonly buffer: DeviceBuffer,
    private readonly owner: { giveBack(buffer: DeviceBuffer): void },
  ) {}
  retain(): this {
    assert(this.references > 0, "retain of freed storage");
    this.references++;
    return this;
  }
  release(): void {
    assert(this.references > 0, "release of freed storage");
    if (--this.references === 0) this.owner.giveBack(this.buffer);
  }
  /** Whether more than one handle holds this memory: it must not be written in place. */
  get isShared(): boolean {
    return this.references > 1;
  }
}

/** Where the gradient of a parameter gathers. */
export interface GradientSink {
  grad: Tensor | null;
}

/** Bytes that `pieces` copies to the host at once. */
export const PIECE_BYTES = 8 << 20;

let nextId = 1;

/** A handle on device memory. `id` names the value in the autograd tape; aliases of a value may share it. */
export class Tensor implements Operand {
  /** The scope that will dispose this handle, if any (set by engine.ts). */
  owner: Set<Tensor> | null = null;
  /** True when gradients must flow to or through this value. */
  requiresGrad = false;
  /** The parameter this value is (a copy of), whose gradient its gradient is. */
  sink: GradientSink | null = null;
  private disposed = false;

  constructor(
    readonly storage: Storage,
    readonly byteOffset: number,
    readonly shape: readonly number[],
    readonly dtype: DType,
    readonly id: number = nextId++,
    readonly isPacked = false,
  ) {}

  /** Where its memory lies, and where ops on it run. */
  get device(): Device {
    return this.storage.device;
  }
  get size(): number {
    return numElements(this.shape);
  }
  /** Bytes of the numbers row by row (a packed copy may take some more). */
  get sizeBytes(): number {
    return storageBytes(this.dtype, this.size);
  }
  get isDisposed(): boolean {
    return this.disposed;
  }

  /** Frees this handle; the memory goes back when no other handle holds it. A second time does nothing. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.owner?.delete(this);
    this.owner = null;
    this.storage.release();
  }

  /** A second handle on the same value (same id), outside every scope: the caller disposes it. */
  retain(): Tensor {
    this.refuseDisposed("retain");
    const alias = new Tensor(this.storage.retain(), this.byteOffset, this.shape, this.dtype, this.id, this.isPacked);
    alias.requiresGrad = this.requiresGrad;
    alias.sink = this.sink;
    return alias;
  }

  /** The values, after all enqueued work; 16-bit floats arrive as f32, block types as their bytes. */
  async data(): Promise<HostArray> {
    return decodeBytes(await this.bytes(), this.dtype);
  }
  /** The raw bytes, after all enqueued work. */
  async bytes(): Promise<Uint8Array> {
    this.refuseDisposed("read");
    assert(!this.isPacked, () => `read of packed tensor ${this.id} [${this.shape}]`);
    return this.device.backend.read(this.storage.buffer, this.byteOffset, this.sizeBytes);
  }
  /** Throws BackendError when this handle was disposed. */
  refuseDisposed(what: string): void {
    if (this.disposed)
      throw new BackendError(
        `${what}: the tensor [${this.shape}] was already disposed: keep() it, or return it from its scope`,
      );
  }
  /**
   * The raw bytes from `byteOffset` on, in pieces that are read as they are asked for: for files, of which little
   * should stand in memory.
   */
  async *pieces(byteOffset = 0, sizeBytes = this.sizeBytes - byteOffset): AsyncIterable<Uint8Array> {
    for (let at = 0; at < sizeBytes; at += PIECE_BYTES) {
      this.refuseDisposed("read");
      yield await this.device.backend.read(
        this.storage.buffer,
        this.byteOffset + byteOffset + at,
        Math.min(PIECE_BYTES, sizeBytes - at),
      );
    }
  }
  /** The value of a one-element tensor. */
  async item(): Promise<number> {
    assert(this.size === 1, () => `item() of a tensor of shape [${this.shape}]`);
    return (await this.data())[0];
  }
}
