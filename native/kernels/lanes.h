// Loops over rows of elements in whole vectors plus one partial vector, with the same arithmetic in both,
// and the vector math that simd.h leaves out (log, tanh, exp that keeps NaN and overflow). Knows nothing of kernels.
#pragma once
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include "simd.h"

namespace luciole {

/** The lane count of a whole vector, as a type: picks the unmasked loads and stores. */
using AllLanes = std::integral_constant<int, kLanes>;

template <class T>
inline vf get(const T* p, AllLanes) {
  return load(p);
}
#if defined(__AVX512F__)
/** One instruction; GCC 12 makes six of the conversion in simd.h's load. */
inline vf get(const bf16* p, AllLanes) {
  __m512i wide = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))), 16);
  return reinterpret_cast<vf&>(wide);
}
#endif
template <class T>
inline void put(T* p, vf v, AllLanes) {
  store(p, v);
}

template <class T>
inline vf get(const T* p, int n) {
  return loadPart(p, n);
}
template <class T>
inline void put(T* p, vf v, int n) {
  storePart(p, v, n);
}

/** get, with `rest` in the lanes past the end. */
inline vf getOr(const float* p, AllLanes, float) { return load(p); }
inline vf getOr(const float* p, int n, float rest) {
#if defined(__AVX512F__)
  return _mm512_mask_loadu_ps(_mm512_set1_ps(rest), static_cast<__mmask16>((1u << n) - 1u), p);
#else
  float lanes[kLanes];
  store(lanes, splat(rest));
  std::memcpy(lanes, p, n * sizeof(float));
  return load(static_cast<const float*>(lanes));
#endif
}

/**
 * Calls body(i, lanes) for every vector of [begin, end): lanes is AllLanes, or an int < kLanes for the last partial
 * one.
 */
template <class F>
inline void eachVector(int64_t begin, int64_t end, F&& body) {
  int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes) body(i, AllLanes{});
  if (i < end) body(i, static_cast<int>(end - i));
}

/**
 * Sum over [begin, end) of term(i, lanes), zero beyond the last element: four running vectors, then pairwise.
 * The order depends on end - begin only.
 */
template <class F>
inline float sumVectors(int64_t begin, int64_t end, F&& term) {
  vf a{}, b{}, c{}, d{};
  int64_t i = begin;
  for (; i + 4 * kLanes <= end; i += 4 * kLanes) {
    a += term(i, AllLanes{});
    b += term(i + kLanes, AllLanes{});
    c += term(i + 2 * kLanes, AllLanes{});
    d += term(i + 3 * kLanes, AllLanes{});
  }
  for (; i + kLanes <= end; i += kLanes) a += term(i, AllLanes{});
  if (i < end) b += term(i, static_cast<int>(end - i));
  return sum((a + b) + (c + d));
}

template <int Width, size_t... I>
inline vf upperOnto(vf v, std::index_sequence<I...>) {
  return __builtin_shufflevector(v, v, ((static_cast<int>(I) + Width) % kLanes)...);
}
/** body(v moved down by 1/2, 1/4, .. of the lanes): the steps of a reduction whose result ends in lane 0. */
template <int Width = kLanes / 2, class F>
inline void halvings(F&& body) {
  body([](vf v) { return upperOnto<Width>(v, std::make_index_sequence<kLanes>{}); });
  if constexpr (Width > 1) halvings<Width / 2>(body);
}
/** The largest lane; no lane may be NaN. */
inline float largest(vf v) {
  halvings([&](auto fold) { v = vmax(v, fold(v)); });
  return v[0];
}

/** The first i < n with x[i] == value; n if there is none. */
inline int64_t firstEqual(const float* x, int64_t n, float value) {
  int64_t i = 0;
#if defined(__AVX512F__)
  for (; i + kLanes <= n; i += kLanes)
    if (uint32_t hits = _mm512_cmpeq_ps_mask(load(x + i), _mm512_set1_ps(value))) return i + __builtin_ctz(hits);
#elif defined(__AVX2__)
  for (; i + kLanes <= n; i += kLanes)
    if (uint32_t hits = _mm256_movemask_ps(_mm256_cmp_ps(load(x + i), _mm256_set1_ps(value), _CMP_EQ_OQ)))
      return i + __builtin_ctz(hits);
#endif
  while (i < n && x[i] != value) ++i;
  return i;
}

/** memcpy for rows: no call for short ones, and no `rep movs`, which is slow on rows that are not aligned. */
inline void copyBytes(void* to, const void* from, int64_t bytes) {
  struct Block {
    unsigned char data[64];
  };
  auto* out = static_cast<unsigned char*>(to);
  auto* in = static_cast<const unsigned char*>(from);
  int64_t i = 0;
  for (; i + 64 <= bytes; i += 64) {
    Block block;
    std::memcpy(&block, in + i, 64);
    std::memcpy(out + i, &block, 64);
  }
  if (i < bytes) std::memcpy(out + i, in + i, bytes - i);
}

/** Rows per parallel chunk so that one chunk touches about 32k elements: less is not worth waking a thread. */
inline int64_t rowGrain(int64_t rowElements) {
  return rowElements >= 32768 ? 1 : 32768 / (rowElements < 1 ? 1 : rowElements);
}

/** Elements per parallel chunk of an elementwise loop: about 10 µs of memory traffic. */
inline constexpr int64_t kElementGrain = 32768;

inline vf asFloat(vi v) { return reinterpret_cast<vf&>(v); }
inline vi asInt(vf v) { return reinterpret_cast<vi&>(v); }
inline vf vabs(vf v) { return asFloat(asInt(v) & 0x7fffffff); }

inline vf vsqrt(vf v) {
#if defined(__AVX512F__)
  __m512 r = _mm512_maskz_sqrt_ps(0xffff, reinterpret_cast<__m512&>(v));  // masked: GCC 12 warns of the plain form
  return reinterpret_cast<vf&>(r);
#elif defined(__AVX2__)
  __m256 r = _mm256_sqrt_ps(reinterpret_cast<__m256&>(v));
  return reinterpret_cast<vf&>(r);
#else
  for (int i = 0; i < kLanes; ++i) v[i] = std::sqrt(v[i]);
  return v;
#endif
}

/** e^x to about 1 ulp with NaN, infinities and overflow as IEEE has them (results below 1.2e-38 may be 0). */
inline vf vexpFull(vf x) {
#if defined(__AVX512F__)
  // Half the instructions of vexp: the exponent is put in by scalef, which also overflows and underflows rightly.
  // The clamps only keep infinities out of the range reduction; each returns its second operand when that is NaN.
  __m512 v = _mm512_min_ps(_mm512_set1_ps(90.0f), _mm512_max_ps(_mm512_set1_ps(-110.0f), x));
  vf n = _mm512_roundscale_ps(_mm512_mul_ps(v, _mm512_set1_ps(1.44269504088896341f)), _MM_FROUND_TO_NEAREST_INT);
  vf r = vfma(n, splat(2.12194440e-4f), vfma(n, splat(-0.693359375f), v));
  vf p = vfma(splat(1.9875691500e-4f), r, splat(1.3981999507e-3f));
  p = vfma(p, r, splat(8.3334519073e-3f));
  p = vfma(p, r, splat(4.1665795894e-2f));
  p = vfma(p, r, splat(1.6666665459e-1f));
  p = vfma(p, r, splat(5.0000001201e-1f));
  p = vfma(p, r * r, r) + 1.0f;
  return _mm512_scalef_ps(p, n);
#else
  const vf limit = splat(88.0f), overflow = splat(88.7228f);
  vf y = vexp(x > limit ? x - 1.0f : x);
  y = x > limit ? y * 2.71828182845904524f : y;
  y = x > overflow ? splat(std::numeric_limits<float>::infinity()) : y;
  return x == x ? y : x;
#endif
}
/** vexpFull but for the overflow: above 88 it is any value over 1e38, infinity included. */
inline vf vexpNan(vf x) {
#if defined(__AVX512F__)
  return vexpFull(x);
#else
  return x == x ? vexp(x) : x;
#endif
}

/** 1 / (1 + e^-x), NaN kept. */
inline vf vlogistic(vf x) { return 1.0f / (1.0f + vexpNan(-x)); }

/**
 * Natural logarithm to about 1 ulp (Cephes logf); log 0 = -inf, of a negative number NaN. Subnormals are scaled first.
 */
inline vf vlog(vf x) {
  vi tiny = x < splat(1.17549435e-38f);
  vf scaled = tiny ? x * 8388608.0f : x;
  vi bits = asInt(scaled);
  vf exponent = __builtin_convertvector(((bits >> 23) & 0xff) - 126, vf) - (tiny ? splat(23.0f) : vf{});
  vf m = asFloat((bits & 0x007fffff) | 0x3f000000);  // [0.5, 1)
  vi small = m < splat(0.707106781186547524f);
  exponent = small ? exponent - 1.0f : exponent;
  m = (small ? m + m : m) - 1.0f;
  vf p = splat(7.0376836292e-2f);
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  vf z = m * m;
  vf y = p * m * z + exponent * -2.12194440e-4f - 0.5f * z;
  y = m + y + exponent * 0.693359375f;
  const vf infinity = splat(std::numeric_limits<float>::infinity());
  y = x == vf{} ? -infinity : y;
  y = x == infinity ? infinity : y;
  return x >= vf{} ? y : splat(std::numeric_limits<float>::quiet_NaN());
}

/** Hyperbolic tangent to about 2 ulp: a polynomial near 0 (Cephes tanhf), through exp elsewhere. */
inline vf vtanh(vf x) {
  vf a = vabs(x), z = x * x;
  vf p = splat(-5.70498872745e-3f);
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  vf near = p * z * x + x;
  vf far = 1.0f - 2.0f / (vexpNan(a + a) + 1.0f);
  vf y = a < splat(0.625f) ? near : (x < vf{} ? -far : far);
  return x == x ? y : x;
}

}  // namespace luciole
