// Vectors of bytes, four in each 32-bit lane, and their dot product with four signed bytes: what products with quantised weights are made of.
// Knows nothing of the layouts of weights.
#pragma once
#include <cstdint>
#include <cstring>

#include "simd.h"

namespace luciole {

#if defined(__AVX512VNNI__)
/** What a weight over 127 is stored with added: the dot product takes unsigned weights whole. */
inline constexpr int kWideZero = 128;
#else
/** Elsewhere such weights are multiplied as signed bytes. */
inline constexpr int kWideZero = 0;
#endif

inline vi loadWords(const void* p) { return *static_cast<const vi*>(p); }
inline void storeWords(void* p, vi v) { *static_cast<vi*>(p) = v; }
/** The four bytes at p in every lane. */
inline vi broadcastWord32(const void* p) {
  int32_t word;
  std::memcpy(&word, p, 4);
#if defined(__AVX512F__)
  return (vi)_mm512_set1_epi32(word);
#else
  return word - vi{};
#endif
}
inline float floatAt(const void* p) {
  float value;
  std::memcpy(&value, p, 4);
  return value;
}
inline vf toFloat(vi v) { return __builtin_convertvector(v, vf); }

/** kLanes signed bytes, each in a lane. */
inline vi widenSigned(const void* p) {
#if defined(__AVX512F__)
  return (vi)_mm512_cvtepi8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p)));
#elif defined(__AVX2__)
  return (vi)_mm256_cvtepi8_epi32(_mm_loadl_epi64(static_cast<const __m128i*>(p)));
#else
  vi lanes;
  for (int i = 0; i < kLanes; ++i) lanes[i] = static_cast<const int8_t*>(p)[i];
  return lanes;
#endif
}
/** kLanes unsigned bytes, each in a lane. */
inline vi widenUnsigned(const void* p) { return widenSigned(p) & 255; }
/** kLanes unsigned 16-bit numbers, each in a lane. */
inline vi widenUnsigned16(const void* p) { return __builtin_convertvector(*static_cast<const vh*>(p), vi); }

/** 16 bytes, found by codes below 16. */
struct ByteTable {
  alignas(16) uint8_t bytes[16];

  /** The byte of every code. */
  vi at(vi codes) const {
#if defined(__AVX512F__)
    return (vi)_mm512_shuffle_epi8(_mm512_broadcast_i32x4(*reinterpret_cast<const __m128i*>(bytes)), (__m512i)codes);
#elif defined(__AVX2__)
    return (vi)_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(*reinterpret_cast<const __m128i*>(bytes)), (__m256i)codes);
#elif defined(__ARM_NEON)
    return (vi)vqtbl1q_u8(vld1q_u8(bytes), (uint8x16_t)codes);
#else
    vi found{};
    for (int i = 0; i < kLanes; ++i)
      for (int b = 0; b < 32; b += 8) found[i] |= bytes[(codes[i] >> b) & 15] << b;
    return found;
#endif
  }
};

/** kLanes IEEE halves as floats. */
inline vf widenHalf(const void* p) {
#if defined(__AVX512F__)
  return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
#elif defined(__AVX2__)
  return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(p)));
#elif defined(__ARM_NEON)
  float16x4_t halves;
  std::memcpy(&halves, p, 8);
  return vcvt_f32_f16(halves);
#else
#error "halves are converted by F16C or NEON"
#endif
}

/** Bytes w + 128 as `dot4<true>` takes them. */
inline vi wideWeights(vi bytes) { return kWideZero ? bytes : bytes ^ static_cast<int32_t>(0x80808080); }

/**
 * acc + Σ of the four products in each lane, exact. a: signed bytes, none −128. w: unsigned bytes up to 127, or what wideWeights makes (Wide),
 * which stands for itself less 128 − kWideZero.
 */
template <bool Wide>
inline vi dot4(vi acc, vi w, vi a) {
#if defined(__AVX512VNNI__)
  return (vi)_mm512_dpbusd_epi32((__m512i)acc, (__m512i)w, (__m512i)a);
#elif defined(__AVX2__)
  // A pair of products stays below 2^15: 127·127·2, or 128·127·2 when the sign has moved to the activation.
  const __m256i pairs = Wide ? _mm256_maddubs_epi16(_mm256_abs_epi8((__m256i)w), _mm256_sign_epi8((__m256i)a, (__m256i)w))
                             : _mm256_maddubs_epi16((__m256i)w, (__m256i)a);
  return acc + (vi)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
#elif defined(__ARM_FEATURE_DOTPROD)
  return (vi)vdotq_s32((int32x4_t)acc, (int8x16_t)w, (int8x16_t)a);
#else
  for (int i = 0; i < kLanes; ++i)
    for (int b = 0; b < 32; b += 8) acc[i] += static_cast<int8_t>(w[i] >> b) * static_cast<int8_t>(a[i] >> b);
  return acc;
#endif
}

}  // namespace luciole
