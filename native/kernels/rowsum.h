// Sums over rows (weight gradients) in an order fixed by the row count: at most 64 runs of rows, added up in order.
// Knows nothing of what is summed.
#pragma once
#include <cstring>

#include "lanes.h"
#include "pool.h"
#include "scratch.h"

namespace luciole {

/** Rows per run: a function of the row count alone, so that neither threads nor columns change the order. */
inline int64_t runLength(int64_t rows) {
  int64_t length = (rows + 63) / 64;
  return length < 16 ? 16 : length;
}

/** out[i] (+)= sum over runs, in order, of partials[run, i]. */
inline void addRuns(const float* partials, int64_t numRuns, float* out, int64_t cols, bool accumulate) {
  parallelFor(cols, 4096, [&](int64_t begin, int64_t end) {
    eachVector(begin, end, [&](int64_t i, auto n) {
      vf total = accumulate ? get(out + i, n) : vf{};
      for (int64_t run = 0; run < numRuns; ++run) total += get(partials + run * cols + i, n);
      put(out + i, total, n);
    });
  });
}

/**
 * Calls body(rowBegin, rowEnd, partial) for each run in parallel, where body adds its rows into partial [cols] (zeroed
 * before), then out (+)= the partials. `out` may be null: bodies then receive null and nothing is summed.
 */
template <class F>
inline void sumOverRows(int64_t rows, int64_t cols, float* out, bool accumulate, F&& body) {
  thread_local SharedScratch<float> scratch;
  const int64_t length = runLength(rows), numRuns = (rows + length - 1) / length;
  float* partials = out ? scratch.get(numRuns * cols) : nullptr;
  const int64_t grain = (rowGrain(cols) + length - 1) / length;
  parallelFor(numRuns, grain, [&](int64_t begin, int64_t end) {
    for (int64_t run = begin; run < end; ++run) {
      float* partial = partials ? partials + run * cols : nullptr;
      if (partial) std::memset(partial, 0, cols * sizeof(float));
      body(run * length, (run + 1) * length < rows ? (run + 1) * length : rows, partial);
    }
  });
  if (out) addRuns(partials, numRuns, out, cols, accumulate);
}

}  // namespace luciole
