// Blocks of words read from an operand and turned; shared by the packers and the kernels that skip packing. Knows
// nothing of panels.
#pragma once
#include <cstdint>

#include "gemm-pack.h"
#include "words.h"

namespace luciole {

/** Row `row` of the operand as it is stored. */
template <class T>
inline const T* storedRow(const Operand& x, int64_t row) {
  return static_cast<const T*>(x.data) + (x.index ? x.index[row] : row) * x.ld;
}

/**
 * Words [k, k + kStep) of the kLanes rows at `rows` (null: zero), turned so that block[i] holds word i of every row.
 * Asks for the cache lines a few blocks ahead in every row.
 */
template <class T, bool Bf16>
inline void loadTurned(const T* const (&rows)[kLanes], bool wholeRows, int64_t k, int64_t kCount, vf (&block)[kLanes]) {
  using W = Words<T, Bf16>;
  constexpr int64_t ahead = 256 / sizeof(T);
  if (wholeRows && k + W::kStep <= kCount) {
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) {
      __builtin_prefetch(rows[i] + k + ahead);
      block[i] = W::along(rows[i] + k);
    }
  } else {
    int n = static_cast<int>(kCount - k < W::kStep ? kCount - k : W::kStep);
    for (int i = 0; i < kLanes; ++i) block[i] = rows[i] ? W::alongPart(rows[i] + k, n) : vf{};
  }
  transposeBlock(block);
}

}  // namespace luciole
