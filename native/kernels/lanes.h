// Loops over rows of elements in whole vectors plus one partial vector, with the same arithmetic in both,
// and the vector math that simd.h leaves out (log, tanh, exp that keeps NaN and overflow). Knows nothing of kernels.
#pragma once
#include <cstdint>
#include <limits>
#include <type_traits>

#include "simd.h"

namespace luciole {

/** The lane count of a whole vector, as a type: picks the unmasked loads and stores. */
using AllLanes = std::integral_constant<int, kLanes>;

template <class T>
inline vf get(const T* p, AllLanes) {
  return load(p);
}
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
  float lanes[kLanes];
  store(lanes, splat(rest));
  std::memcpy(lanes, p, n * sizeof(float));
  return load(static_cast<const float*>(lanes));
}

/** Calls body(i, lanes) for every vector of [begin, end): lanes is AllLanes, or an int < kLanes for the last partial one. */
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

/** Rows per parallel chunk so that one chunk touches about 32k elements: less is not worth waking a thread. */
inline int64_t rowGrain(int64_t rowElements) { return rowElements >= 32768 ? 1 : 32768 / (rowElements < 1 ? 1 : rowElements); }

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

/** vexp that keeps NaN. */
inline vf vexpNan(vf x) { return x == x ? vexp(x) : x; }
/** vexp that keeps NaN and overflows to infinity. */
inline vf vexpFull(vf x) {
  vf y = x > splat(88.7228f) ? splat(std::numeric_limits<float>::infinity()) : vexp(x - (x > splat(88.0f) ? splat(1.0f) : vf{}));
  y = (x > splat(88.0f)) & (x <= splat(88.7228f)) ? y * 2.71828182845904524f : y;
  return x == x ? y : x;
}

/** Natural logarithm to about 1 ulp (Cephes logf); log 0 = -inf, of a negative number NaN. Subnormals are scaled first. */
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
  vf far = 1.0f - 2.0f / (vexp(a + a) + 1.0f);
  vf y = a < splat(0.625f) ? near : (x < vf{} ? -far : far);
  return x == x ? y : x;
}

}  // namespace luciole
