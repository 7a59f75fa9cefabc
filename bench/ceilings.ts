// This machine's own limits on the threads that the bench uses: what every other figure is held against.
import { createNativeBackend, type NativeBackend } from "../src/backends/native/backend.js";
import type { Claim } from "./claim.js";

const SECONDS = 1;
const LARGE_BYTES = 256 * 2 ** 20;

let opened: NativeBackend | undefined;
let peaks: { f32: number; bf16: number } | undefined;

/** The native backend on `threads` threads: one for the whole bench. */
export function nativeBackend(threads: number): NativeBackend {
  opened ??= createNativeBackend({ threads });
  return opened;
}

/**
 * Register-only FLOP/s of f32 multiply-adds, and of bf16 (of f32 where the CPU has no bf16 dot product). Measured once.
 */
export function arithmeticPeaks(threads: number): { f32: number; bf16: number } {
  if (!peaks) {
    const { addon } = nativeBackend(threads);
    const f32 = addon.peakFmaF32(threads, SECONDS);
    peaks = { f32, bf16: addon.peakDotBf16(threads, SECONDS) || f32 };
  }
  return peaks;
}

export const ceilings: Claim = async ({ threads }) => {
  const { addon, isa } = nativeBackend(threads);
  const { f32, bf16 } = arithmeticPeaks(threads);
  const line = (what: string, unit: string, ours: number, note?: string) => ({
    claim: "ceilings",
    what,
    unit,
    ours,
    note,
  });
  return [
    line("f32 multiply-add", "GFLOP/s", f32 / 1e9, `${isa}, ${threads} threads, registers only`),
    line("bf16 dot product", "GFLOP/s", bf16 / 1e9),
    line("read of large memory", "GB/s", addon.readBandwidth(threads, LARGE_BYTES, SECONDS) / 1e9),
    line("copy of large memory", "GB/s", addon.copyBandwidth(threads, LARGE_BYTES, SECONDS) / 1e9),
    line("triad over large memory", "GB/s", addon.triadBandwidth(threads, LARGE_BYTES, SECONDS) / 1e9),
  ];
};
