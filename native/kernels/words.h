// What products multiply at once: 32-bit words of one f32, or of two bf16 that are neighbours in the summed dimension;
// how elements become words, and a block of words turned in registers. Shared by the matrix products and attention;
// knows nothing of either.
#pragma once
#include <cstdint>
#include <cstring>

#include "simd.h"

namespace luciole {

// A packed word is 32 bits: one f32, or two bf16 that are neighbours in k (what vdpbf16ps multiplies at once).
#if defined(__AVX512BF16__)
inline constexpr bool kHasDotBf16 = true;
#else
inline constexpr bool kHasDotBf16 = false;
#endif
inline constexpr int64_t elementsPerWord(bool bf16Compute) { return bf16Compute && kHasDotBf16 ? 2 : 1; }

/** One packed word in every lane; its bits are not looked at as a number. */
inline vf broadcastWord(const float* p) {
#if defined(__AVX512F__)
  return _mm512_set1_ps(*p);
#elif defined(__AVX2__)
  return _mm256_broadcast_ss(p);
#else
  return splat(*p);
#endif
}

/** acc + a·b, each lane one word. */
template <bool Bf16>
inline vf multiplyAdd(vf acc, vf a, vf b) {
#if defined(__AVX512BF16__)
  if constexpr (Bf16) {
    __m512 x = a, y = b;
    return _mm512_dpbf16_ps(acc, reinterpret_cast<__m512bh&>(x), reinterpret_cast<__m512bh&>(y));
  }
#endif
  return vfma(a, b, acc);
}

/**
 * Words made of elements of type T: f32 as they are, or rounded to bf16 (in pairs where the dot instruction exists,
 * else each in its f32).
 */
template <class T, bool Bf16>
struct Words {
  static constexpr bool kPairs = Bf16 && kHasDotBf16;
  static constexpr int kElements = kPairs ? 2 : 1;

  /** Words of k that one vector of `along` covers, in elements. */
  static constexpr int64_t kStep = kLanes * kElements;

  /** kLanes words from kLanes·kElements consecutive elements (neighbours in k). */
  static vf along(const T* p) {
#if defined(__AVX512BF16__)
    if constexpr (kPairs && sizeof(T) == 2) return _mm512_loadu_ps(p);
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
  /**
   * n ≤ kLanes words (zero beyond), each from one element of row `p` and, in pairs, the one below it in row `q` (null:
   * zero).
   */
  static vf across(const T* p, [[maybe_unused]] const T* q, int n) {
#if defined(__AVX512BF16__)
    if constexpr (kPairs) return interleave(p, q, static_cast<__mmask16>((1u << n) - 1));
#endif
    vf v = n == kLanes ? load(p) : loadPart(p, n);
    return Bf16 && sizeof(T) == 4 ? roundBf16(v) : v;
  }

#if defined(__AVX512BF16__)
 private:
  static vf interleave(const T* p, const T* q, __mmask16 mask) {
    const __mmask16 maskQ = q ? mask : __mmask16{0};
    __m512i halves;
    if constexpr (sizeof(T) == 4) {
      __m512bh both = _mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(maskQ, q), _mm512_maskz_loadu_ps(mask, p));
      halves = reinterpret_cast<__m512i&>(both);
    } else {
      halves = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_maskz_loadu_epi16(mask, p)),
                                  _mm256_maskz_loadu_epi16(maskQ, q), 1);
    }
    // Lanes 0, 16, 1, 17, …: row p's element in the lower half of each word.
    const __m512i lower = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i order = _mm512_or_si512(lower, _mm512_slli_epi32(_mm512_add_epi32(lower, _mm512_set1_epi32(16)), 16));
    return _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, halves));
  }
#endif
};

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
    __m512 even01 = _mm512_shuffle_f32x4(u[c], u[4 + c], 0x88),
           even23 = _mm512_shuffle_f32x4(u[8 + c], u[12 + c], 0x88);
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

}  // namespace luciole
