// A device in use: a backend with its memory and its meters. Any number live side by side; a tensor stays with the one
// it was made on. Knows nothing of ops.
import { BackendError } from "../errors.js";
import type { Backend } from "./backend.js";
import { BufferPool } from "./pool.js";

/** Time and work of one op since the profile was started. */
export interface OpProfile {
  calls: number;
  seconds: number;
  flops: number;
  bytes: number;
}

/** Device memory in bytes, and how many buffers are in use. */
export interface MemoryStats {
  readonly liveBuffers: number;
  readonly liveBytes: number;
  readonly heldBytes: number;
  readonly peakLiveBytes: number;
}

/**
 * Where tensors lie and ops run. Ops run on the device of their operands; what is created takes a device, or the
 * default one.
 */
export class Device {
  /** Memory of this device, reused from tensor to tensor. */
  readonly pool: BufferPool;
  /** Work dispatched so far: floating-point operations and bytes, from the ops' own costs. */
  readonly meter = { flops: 0, bytes: 0, calls: 0 };
  /** Figures by op while a profile is taken (`startProfile`). */
  profile: Map<string, OpProfile> | null = null;

  constructor(readonly backend: Backend) {
    this.pool = new BufferPool(backend);
  }

  get name(): string {
    return this.backend.name;
  }

  /** Memory in use and held. */
  memory(): MemoryStats {
    const { liveBuffers, liveBytes, heldBytes, peakLiveBytes } = this.pool;
    return { liveBuffers, liveBytes, heldBytes, peakLiveBytes };
  }

  /** Gives cached memory back to the system. */
  trim(): void {
    this.pool.trim();
  }

  /** Starts a per-op profile (kernels of a synchronous backend are timed whole). */
  startProfile(): void {
    this.profile = new Map();
  }

  /** Ends the profile and returns it. */
  stopProfile(): Map<string, OpProfile> {
    const result = this.profile ?? new Map();
    this.profile = null;
    return result;
  }
}

let standard: Device | null = null;

/**
 * Makes `device` the one for what is created without naming any. Nothing moves; memory that the earlier default cached
 * is given back.
 */
export function setDefaultDevice(device: Device): void {
  standard?.trim();
  standard = device;
}

/** Whether a default was set. */
export const hasDefaultDevice = (): boolean => standard !== null;

/** The device for what is created without naming any. Throws BackendError when none was set. */
export function defaultDevice(): Device {
  if (!standard)
    throw new BackendError("no device: pass one, or call setDefaultDevice(new Device(await openBackend())) first");
  return standard;
}
