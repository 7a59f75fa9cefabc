// See gemm-skinny.h.
#include "gemm-skinny.h"

#include <array>
#include <utility>

#include "dtype.h"
#include "gemm-words.h"

namespace luciole {
namespace {

template <int R, class T, bool Bf16>
void skinny(const Operand& b, int64_t k0, int64_t kCount, int64_t n, int64_t columns, const float* a, float* out,
            int64_t ldo, bool add) {
  for (int64_t j = 0; j < columns; j += kLanes) {
    const T* rows[kLanes];
    for (int i = 0; i < kLanes; ++i) rows[i] = j + i < columns ? storedRow<T>(b, n + j + i) + k0 : nullptr;
    vf acc[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) acc[r] = vf{};
    const float* words = a;
    for (int64_t k = 0; k < kCount; k += Words<T, Bf16>::kStep, words += kLanes) {
      vf block[kLanes];
      loadTurned<T, Bf16>(rows, j + kLanes <= columns, k, kCount, block);
#pragma GCC unroll 16
      for (int w = 0; w < kLanes; ++w)
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r)
          acc[r] = multiplyAdd<Bf16>(acc[r], broadcastWord(words + r * kRowStride + w), block[w]);
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      float* p = out + r * ldo + j;
      store(p, add ? acc[r] + load(p) : acc[r]);
    }
  }
}

template <class T, bool Bf16, int... R>
constexpr std::array<SkinnyKernel, sizeof...(R)> kernelsOf(std::integer_sequence<int, R...>) {
  return {skinny<R + 1, T, Bf16>...};
}

}  // namespace

SkinnyKernel skinnyKernel(const Operand& b, bool bf16Compute, int64_t rows) {
  return dispatchType(b.type, [&](auto tag) {
    using T = decltype(tag);
    constexpr auto f32 = kernelsOf<T, false>(std::make_integer_sequence<int, kSkinnyRowsF32>{});
    constexpr auto bf16 = kernelsOf<T, true>(std::make_integer_sequence<int, kSkinnyRowsBf16>{});
    return bf16Compute ? bf16[rows - 1] : f32[rows - 1];
  });
}

}  // namespace luciole
