// The machine's own limits: register-only arithmetic and streaming memory, the ceilings that benchmarks divide by.
// Knows nothing of tensors; starts its own threads, so the pool's state does not colour the figure.
#pragma once
#include <cstdint>

namespace luciole {

/**
 * FLOP/s of independent f32 fused multiply-adds that never leave the registers; the best slice of about `seconds` of
 * trying.
 */
double peakFmaF32(int64_t threads, double seconds);
/** FLOP/s of the bf16 dot product with f32 accumulation (vdpbf16ps); 0 where the instruction is absent. */
double peakDotBf16(int64_t threads, double seconds);
/** Operations per second of the int8 dot product with i32 accumulation (vpdpbusd); 0 where absent. */
double peakDotInt8(int64_t threads, double seconds);

/**
 * Bytes/s read by `threads` threads that each sum their share of a buffer of `bytes` (small: a cache's figure; large:
 * memory's).
 */
double readBandwidth(int64_t threads, int64_t bytes, double seconds);
/** The mean over the time instead of the best moment: what neighbours on the machine left to be had meanwhile. */
double sustainedReadBandwidth(int64_t threads, int64_t bytes, double seconds);
/** Bytes/s moved (read + written) by a plain copy between two buffers of `bytes` / 2. */
double copyBandwidth(int64_t threads, int64_t bytes, double seconds);
/** Bytes/s moved by a[i] = b[i] + s·c[i] over three buffers of `bytes` / 3 (STREAM triad; McCalpin 1995). */
double triadBandwidth(int64_t threads, int64_t bytes, double seconds);

}  // namespace luciole
