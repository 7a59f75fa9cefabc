// See gemm-pack.h.
#include "gemm-pack.h"

#include "dtype.h"

namespace luciole {
namespace {

/** Words made of elements of type T: f32 as they are, or rounded to bf16 (in pairs where the dot instruction exists, else each in its f32). */
template <class T, bool Bf16>
struct Words {
  static constexpr bool kPairs = Bf16 && kHasDotBf16;
  static constexpr int kElements = kPairs ? 2 : 1;

  /** kLanes words from kLanes·kElements consecutive elements (neighbours in k). */
  static vf along(const T* p) {
#if defined(__AVX512BF16__)
    if constexpr (kPairs && sizeof(T) == 2) return load(reinterpret_cast<const float*>(p));
    if constexpr (kPairs && sizeof(T) == 4) {
      __m512bh pairs = _mm512_cvtne2ps_pbh(load(p + kLanes), load(p));
      return reinterpret_cast<vf&>(pairs);
    }
#endif
    if constexpr (Bf16 && sizeof(T) == 4) return roundBf16(load(p));
    return load(p);
  }
  /** The same from the first n < kLanes·kElements elements; zero beyond. */
  static vf alongPart(const T* p, int n) {
    T lanes[kLanes * kElements] = {};
    std::memcpy(lanes, p, n * sizeof(T));
    return along(lanes);
  }
  /** kLanes words, each from one element of row `p` and (in pairs) the one below it in row `q`; n elements are read of each. */
  template <bool Full>
  static vf across(const T* p, const T* q, int n) {
    vf lower = Full ? load(p) : loadPart(p, n);
    if constexpr (!kPairs) {
      return Bf16 && sizeof(T) == 4 ? roundBf16(lower) : lower;
    } else {
      vf upper = q == nullptr ? vf{} : Full ? load(q) : loadPart(q, n);
      if constexpr (sizeof(T) == 4) {
        lower = roundBf16(lower);
        upper = roundBf16(upper);
      }
      vi word = ((reinterpret_cast<vi&>(lower) >> 16) & 0xffff) | reinterpret_cast<vi&>(upper);
      return reinterpret_cast<vf&>(word);
    }
  }
};

template <class T>
inline const T* storedRow(const Operand& x, int64_t row) {
  return static_cast<const T*>(x.data) + (x.index ? x.index[row] : row) * x.ld;
}

/** [outer, k] storage to one packed row per outer index. */
template <class T, bool Bf16>
void packRows(const Operand& x, int64_t k0, int64_t kCount, int64_t outer0, int64_t count, float* dst) {
  using W = Words<T, Bf16>;
  constexpr int64_t step = kLanes * W::kElements;
  for (int64_t i = 0; i < count; ++i, dst += kRowStride) {
    const T* src = storedRow<T>(x, outer0 + i) + k0;
    float* out = dst;
    int64_t k = 0;
    for (; k + step <= kCount; k += step, out += kLanes) store(out, W::along(src + k));
    if (k < kCount) store(out, W::alongPart(src + k, static_cast<int>(kCount - k)));
  }
}

/** [k, outer] storage to `Stride` words per k. */
template <class T, bool Bf16, int Stride>
void packColumns(const Operand& x, int64_t k0, int64_t kCount, int64_t outer0, int64_t count, float* dst) {
  using W = Words<T, Bf16>;
  for (int64_t k = 0; k < kCount; k += W::kElements, dst += Stride) {
    const T* p = storedRow<T>(x, k0 + k) + outer0;
    const T* q = W::kPairs && k + 1 < kCount ? storedRow<T>(x, k0 + k + 1) + outer0 : nullptr;
    if (count == Stride) {
      for (int j = 0; j < Stride; j += kLanes) store(dst + j, W::template across<true>(p + j, q ? q + j : q, kLanes));
      continue;
    }
    for (int64_t j = 0; j < count; j += kLanes) {
      int n = static_cast<int>(count - j < kLanes ? count - j : kLanes);
      store(dst + j, W::template across<false>(p + j, q ? q + j : q, n));
    }
  }
}

/** Turns a kLanes × kLanes block of words: lane j of row i becomes lane i of row j. */
inline void transposeBlock(vf (&r)[kLanes]) {
#if defined(__AVX512F__)
  __m512 t[16], u[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
  // u[4g + c]: in 128-bit lane L, rows 4g .. 4g+3 of column 4L + c.
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    auto d = [&](int at) { return _mm512_castps_pd(t[at]); };
    u[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(d(i), d(i + 2)));
    u[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(d(i), d(i + 2)));
    u[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(d(i + 1), d(i + 3)));
    u[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(d(i + 1), d(i + 3)));
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    __m512 even01 = _mm512_shuffle_f32x4(u[c], u[4 + c], 0x88), even23 = _mm512_shuffle_f32x4(u[8 + c], u[12 + c], 0x88);
    __m512 odd01 = _mm512_shuffle_f32x4(u[c], u[4 + c], 0xdd), odd23 = _mm512_shuffle_f32x4(u[8 + c], u[12 + c], 0xdd);
    r[c] = _mm512_shuffle_f32x4(even01, even23, 0x88);
    r[8 + c] = _mm512_shuffle_f32x4(even01, even23, 0xdd);
    r[4 + c] = _mm512_shuffle_f32x4(odd01, odd23, 0x88);
    r[12 + c] = _mm512_shuffle_f32x4(odd01, odd23, 0xdd);
  }
#elif defined(__AVX2__)
  __m256 t[8], u[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    r[c] = _mm256_permute2f128_ps(u[c], u[4 + c], 0x20);
    r[4 + c] = _mm256_permute2f128_ps(u[c], u[4 + c], 0x31);
  }
#else
  vf turned[kLanes];
  for (int i = 0; i < kLanes; ++i)
    for (int j = 0; j < kLanes; ++j) turned[j][i] = r[i][j];
  for (int i = 0; i < kLanes; ++i) r[i] = turned[i];
#endif
}

/** [outer, k] storage to kPanelColumns words per k. Writes whole blocks of kLanes words of k. */
template <class T, bool Bf16>
void packTransposed(const Operand& x, int64_t k0, int64_t kCount, int64_t outer0, int64_t count, float* dst) {
  using W = Words<T, Bf16>;
  constexpr int64_t step = kLanes * W::kElements;
  for (int64_t j = 0; j < count; j += kLanes) {
    const T* rows[kLanes];
    for (int i = 0; i < kLanes; ++i) rows[i] = j + i < count ? storedRow<T>(x, outer0 + j + i) + k0 : nullptr;
    const bool wholeRows = j + kLanes <= count;
    float* out = dst + j;
    for (int64_t k = 0; k < kCount; k += step, out += kLanes * kPanelColumns) {
      vf block[kLanes];
      if (wholeRows && k + step <= kCount) {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) block[i] = W::along(rows[i] + k);
      } else {
        int n = static_cast<int>(kCount - k < step ? kCount - k : step);
        for (int i = 0; i < kLanes; ++i) block[i] = rows[i] ? W::alongPart(rows[i] + k, n) : vf{};
      }
      transposeBlock(block);
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) store(out + i * kPanelColumns, block[i]);
    }
  }
}

}  // namespace

PackFunction packerOfA(const Operand& a, bool bf16Compute) {
  return dispatchType(a.type, [&](auto tag) -> PackFunction {
    using T = decltype(tag);
    if (a.kContiguous) return bf16Compute ? packRows<T, true> : packRows<T, false>;
    return bf16Compute ? packColumns<T, true, kColumnStride> : packColumns<T, false, kColumnStride>;
  });
}

PackFunction packerOfB(const Operand& b, bool bf16Compute) {
  return dispatchType(b.type, [&](auto tag) -> PackFunction {
    using T = decltype(tag);
    if (b.kContiguous) return bf16Compute ? packTransposed<T, true> : packTransposed<T, false>;
    return bf16Compute ? packColumns<T, true, kPanelColumns> : packColumns<T, false, kPanelColumns>;
  });
}

}  // namespace luciole
