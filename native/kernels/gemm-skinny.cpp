// See gemm-skinny.h.
#include "gemm-skinny.h"

#include <array>

#include "dtype.h"
#include "gemm-words.h"

namespace luciole {
namespace {

template <int R, class T, bool Bf16>
void skinny(const Operand& b, int64_t k0, int64_t kCount, int64_t n, int64_t columns, const float* a, float* out, int64_t ldo, bool add) {
  for (int64_t j = 0; j < columns; j += kLanes) {
    const T* rows[kLanes];
    for (int i = 0; i < kLanes; ++i) rows[i] = j + i < columns ? storedRow<T>(b, n + j + i) + k0 : nullptr;
    vf acc[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) acc[r] = vf{};
    const float* words = a;
    for (int64_t k = 0; k < kCount; k += Words<T, Bf16>::kStep, words += kLanes) {
      vf block[kLanes];
      loadTurned<T, Bf16>(rows, j + kLanes <= columns, k, kCount, block);
#pragma GCC unroll 16
      for (int w = 0; w < kLanes; ++w)
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) acc[r] = multiplyAdd<Bf16>(acc[r], broadcastWord(words + r * kRowStride + w), block[w]);
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      float* p = out + r * ldo + j;
      store(p, add ? acc[r] + load(p) : acc[r]);
    }
  }
}

}  // namespace

SkinnyKernel skinnyKernel(const Operand& b, bool bf16Compute, int64_t rows) {
  return dispatchType(b.type, [&](auto tag) -> SkinnyKernel {
    using T = decltype(tag);
    constexpr std::array<SkinnyKernel, kSkinnyRows> f32 = {skinny<1, T, false>, skinny<2, T, false>, skinny<3, T, false>, skinny<4, T, false>};
    constexpr std::array<SkinnyKernel, kSkinnyRows> bf16 = {skinny<1, T, true>, skinny<2, T, true>, skinny<3, T, true>, skinny<4, T, true>};
    return (bf16Compute ? bf16 : f32)[rows - 1];
  });
}

}  // namespace luciole
