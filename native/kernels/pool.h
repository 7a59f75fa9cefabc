// A persistent thread pool: the calling thread works too; idle workers spin briefly, then park.
// Work is split into chunks whose results never depend on which thread runs them.
#pragma once
#include <cstdint>
#include <type_traits>

namespace luciole {

/** Threads that take part in parallelFor, the caller included; 1 inside a body. */
int64_t threadCount();
/** Restarts the pool with `count` threads (1..256); 1 means the caller alone. Throws from inside a parallelFor body. */
void setThreadCount(int64_t count);

/**
 * Calls body(begin, end) over [0, total) in chunks of `grain`, on all threads; returns when all are done.
 * Chunks are handed out dynamically; a body must write only what its own indexes own.
 * Runs inline on the caller when there is one chunk, inside another body, or while another thread holds the pool.
 * The first exception of a body is rethrown here once every running chunk has ended; chunks not yet begun are dropped.
 */
void parallelRanges(int64_t total, int64_t grain, void (*body)(void* context, int64_t begin, int64_t end),
                    void* context);

template <class F>
inline void parallelFor(int64_t total, int64_t grain, F&& body) {
  parallelRanges(
      total, grain,
      [](void* context, int64_t begin, int64_t end) {
        (*static_cast<std::remove_reference_t<F>*>(context))(begin, end);
      },
      &body);
}

/** Slots of threadScratch that the GEMM family holds while it runs; a kernel that calls gemm keeps to 0..4. */
inline constexpr int kScratchGemmA = 5, kScratchGemmB = 6, kScratchGemmC = 7;

/**
 * Per-thread scratch of at least `bytes`, 64-byte aligned, kept between calls. Valid until the same thread asks for the
 * same slot (0..7) again.
 */
void* threadScratch(int slot, int64_t bytes);

}  // namespace luciole
