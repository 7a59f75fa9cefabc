// Vectors of bytes, four in each 32-bit lane, and their dot product with four signed bytes: what products with
// quantised weights are made of. Knows nothing of the layouts of weights.
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

/** sum + the products of the lower and of the upper signed halves of each lane of a and b. */
inline vi addPairs(vi sum, vi a, vi b) {
#if defined(__AVX512VNNI__)
  return (vi)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
  return sum + (vi)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#else
  return sum + ((a << 16) >> 16) * ((b << 16) >> 16) + (a >> 16) * (b >> 16);
#endif
}

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
    return (vi)_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(*reinterpret_cast<const __m128i*>(bytes)),
                                   (__m256i)codes);
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

/** Four weights in every lane as the bytes they are. */
struct ByteWeights {
  vi bytes;
  ByteWeights() = default;
  ByteWeights(vi four) : bytes(four) {}
  void store(uint8_t* p) const { storeWords(p, bytes); }
  static ByteWeights load(const uint8_t* p) { return loadWords(p); }
};

/** Bytes w + 128 as a `DotSum` of weights up to 255 takes them: standing for themselves less 128 − kWideZero. */
inline vi wideWeights(vi bytes) { return kWideZero ? bytes : bytes ^ static_cast<int32_t>(0x80808080); }

// DotSum<Most>: sums of products in each lane, exact: four weights, unsigned bytes of at most Most (over 127: what
// wideWeights makes), times four signed bytes, none −128.
//   Weights, Activations   four of each in every lane, ready to be multiplied; kActivationBytes: how wide an activation
//                          lies in memory
//   add(index, w, a)       `index`: how many quads were added before, known when compiled
//   total(count)           the sums after `count` quads
#if defined(__AVX2__) && !defined(__AVX512VNNI__)

/** Pairs of products are added up in 16 bits as long as they fit. */
template <int Most, bool Wide = (Most > 127)>
class DotSum {
  static constexpr int kRun = 32767 / (2 * 127 * Most);
  static_assert(kRun >= 1);

 public:
  using Weights = ByteWeights;
  static constexpr int kActivationBytes = 1;
  static vi activations(const void* p) { return broadcastWord32(p); }

  void start(vi sum) { sum_ = sum; }
  void add(int index, const Weights& w, vi a) {
    const __m256i pairs = _mm256_maddubs_epi16((__m256i)w.bytes, (__m256i)a);
    pairs_ = index % kRun == 0 ? pairs : _mm256_add_epi16(pairs_, pairs);
    asm("" : "+x"(pairs_));  // one after the other: regrouped, the sums of all rows would not fit into registers
    if ((index + 1) % kRun == 0) fold();
  }
  vi total(int count) {
    if (count % kRun != 0) fold();
    return sum_;
  }

 private:
  void fold() { sum_ += (vi)_mm256_madd_epi16(pairs_, _mm256_set1_epi16(1)); }
  vi sum_;
  __m256i pairs_;
};

/** Bytes times bytes do not fit into 16 bits: both are widened, the activations in memory. */
template <int Most>
class DotSum<Most, true> {
 public:
  struct Weights {
    vi even, odd;
    Weights() = default;
    Weights(vi bytes)
        : even((vi)_mm256_srai_epi16(_mm256_slli_epi16((__m256i)bytes, 8), 8)),
          odd((vi)_mm256_srai_epi16((__m256i)bytes, 8)) {}
    void store(uint8_t* p) const {
      storeWords(p, even);
      storeWords(p + sizeof(vi), odd);
    }
    static Weights load(const uint8_t* p) {
      Weights weights;
      weights.even = loadWords(p);
      weights.odd = loadWords(p + sizeof(vi));
      return weights;
    }
  };
  struct Activations {
    vi even, odd;
  };
  static constexpr int kActivationBytes = 2;
  static Activations activations(const uint8_t* p) { return {broadcastWord32(p), broadcastWord32(p + 4)}; }

  void start(vi sum) { sum_ = sum; }
  void add(int, const Weights& w, const Activations& a) {
    addPairs(w.even, a.even);
    addPairs(w.odd, a.odd);
  }
  vi total(int) const { return sum_; }

 private:
  void addPairs(vi w, vi a) {
    sum_ += (vi)_mm256_madd_epi16((__m256i)w, (__m256i)a);
    asm("" : "+x"(sum_));  // one after the other, as above
  }
  vi sum_;
};

#else

template <int Most>
class DotSum {
 public:
  using Weights = ByteWeights;
  static constexpr int kActivationBytes = 1;
  static vi activations(const void* p) { return broadcastWord32(p); }

  void start(vi sum) { sum_ = sum; }
  void add(int, const Weights& w, vi a) {
#if defined(__AVX512VNNI__)
    sum_ = (vi)_mm512_dpbusd_epi32((__m512i)sum_, (__m512i)w.bytes, (__m512i)a);
#elif defined(__ARM_FEATURE_DOTPROD)
    sum_ = (vi)vdotq_s32((int32x4_t)sum_, (int8x16_t)w.bytes, (int8x16_t)a);
#else
    for (int i = 0; i < kLanes; ++i)
      for (int b = 0; b < 32; b += 8) sum_[i] += static_cast<int8_t>(w.bytes[i] >> b) * static_cast<int8_t>(a[i] >> b);
#endif
  }
  vi total(int) const { return sum_; }

 private:
  vi sum_;
};

#endif

}  // namespace luciole
