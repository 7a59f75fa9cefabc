// The caching pool: freed device buffers are kept by size class and handed out again.
// Knows nothing of tensors; counts live buffers so that a leak is a number.
import type { Backend, DeviceBuffer } from "./backend.js";

/** Sizes are rounded up to eighths of a power of two (at most 12.5% waste), at least 256 bytes. */
export function sizeClass(sizeBytes: number): number {
  if (sizeBytes <= 256) return 256;
  const eighth = (sizeBytes - 1) / 8;
  const step = eighth < 2 ** 31 ? 1 << (31 - Math.clz32(eighth)) : 2 ** Math.floor(Math.log2(eighth));
  return Math.ceil(sizeBytes / step) * step;
}

/**
 * A cached buffer serves where up to so much less is asked for: what lives long may hold as much more than it needs.
 * Steps of ever new sizes would otherwise give memory back and ask for it anew, and the system clears what it gives.
 */
const LARGEST_FIT = 1.5;
/**
 * Held memory may exceed the largest live amount so far by a quarter: steps of ever new sizes would otherwise leave
 * buffers of every size behind.
 */
const HELD_OVER_PEAK = 1.25;
/** What small programs may hold beyond that. */
const SLACK_BYTES = 32 * 2 ** 20;

/**
 * A pool over one backend. `liveBytes` and `liveBuffers` count what is handed out; `heldBytes` what the system sees.
 */
export class BufferPool {
  /** Cached buffers by size class; the class that was without one the longest ago stands first. */
  private readonly free = new Map<number, DeviceBuffer[]>();
  liveBuffers = 0;
  liveBytes = 0;
  heldBytes = 0;
  peakLiveBytes = 0;

  constructor(private readonly backend: Backend) {}

  acquire(sizeBytes: number): DeviceBuffer {
    const rounded = sizeClass(sizeBytes);
    const buffer = this.takeCached(rounded) ?? this.allocate(rounded);
    this.liveBuffers++;
    this.liveBytes += buffer.sizeBytes;
    if (this.liveBytes > this.peakLiveBytes) this.peakLiveBytes = this.liveBytes;
    return buffer;
  }

  giveBack(buffer: DeviceBuffer): void {
    this.liveBuffers--;
    this.liveBytes -= buffer.sizeBytes;
    const list = this.free.get(buffer.sizeBytes);
    if (list) list.push(buffer);
    else this.free.set(buffer.sizeBytes, [buffer]);
  }

  /** Returns every cached buffer to the system. */
  trim(): void {
    this.discardUntil(Number.NEGATIVE_INFINITY);
  }

  /** A cached buffer of the size, else the smallest that is not much larger. */
  private takeCached(sizeBytes: number): DeviceBuffer | undefined {
    for (let size = sizeBytes; size <= LARGEST_FIT * sizeBytes; size = sizeClass(size + 1)) {
      const list = this.free.get(size);
      const buffer = list?.pop();
      if (list?.length === 0) this.free.delete(size);
      if (buffer) return buffer;
    }
    return undefined;
  }

  /** When the system refuses, cached buffers are given back and it is asked once more. */
  private allocate(sizeBytes: number): DeviceBuffer {
    const peakBytes = Math.max(this.peakLiveBytes, this.liveBytes + sizeBytes);
    this.discardUntil(HELD_OVER_PEAK * peakBytes + SLACK_BYTES - sizeBytes);
    const buffer = this.tryAllocate(sizeBytes, this.free.size === 0);
    if (buffer) return buffer;
    this.trim();
    return this.tryAllocate(sizeBytes, true) as DeviceBuffer;
  }

  private tryAllocate(sizeBytes: number, last: boolean): DeviceBuffer | undefined {
    try {
      const buffer = this.backend.allocate(sizeBytes);
      this.heldBytes += sizeBytes;
      return buffer;
    } catch (error) {
      if (last) throw error;
      return undefined;
    }
  }

  /**
   * Gives cached buffers back, those of the size unused for longest first, until no more than `limitBytes` are held.
   */
  private discardUntil(limitBytes: number): void {
    for (const [sizeBytes, list] of this.free) {
      while (list.length > 0) {
        if (this.heldBytes <= limitBytes) return;
        this.discard(list.pop() as DeviceBuffer);
      }
      this.free.delete(sizeBytes);
    }
  }

  private discard(buffer: DeviceBuffer): void {
    this.heldBytes -= buffer.sizeBytes;
    this.backend.release(buffer);
  }
}
