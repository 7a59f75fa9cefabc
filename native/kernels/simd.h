// Thin SIMD layer over the compiler's vector types: one source, one vector width per build.
// AVX-512: 16 floats; AVX2: 8; Armv8 NEON: 4. Knows nothing of kernels.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__AVX2__) || defined(__AVX512F__)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored \
    "-Wmaybe-uninitialized"  // GCC bug 105593: the AVX-512 intrinsics' own "undefined" operands
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace luciole {

#if defined(__AVX512F__)
inline constexpr int kLanes = 16;
#elif defined(__AVX2__)
inline constexpr int kLanes = 8;
#else
inline constexpr int kLanes = 4;
#endif

using vf = float __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));
using vi = int32_t __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));
using vh = uint16_t __attribute__((vector_size(kLanes * 2), aligned(2), may_alias));

/** bfloat16 storage: the upper half of an IEEE f32. */
struct bf16 {
  uint16_t bits;
};

inline float toFloat(float x) { return x; }
inline float toFloat(bf16 x) {
  uint32_t u = static_cast<uint32_t>(x.bits) << 16;
  float f;
  std::memcpy(&f, &u, 4);
  return f;
}
/** Round to nearest even; NaN stays NaN. */
inline bf16 toBf16(float f) {
  uint32_t u;
  std::memcpy(&u, &f, 4);
  if ((u & 0x7fffffffu) > 0x7f800000u) return {static_cast<uint16_t>((u >> 16) | 0x40)};
  u += 0x7fffu + ((u >> 16) & 1u);
  return {static_cast<uint16_t>(u >> 16)};
}
inline void storeAs(float* p, float x) { *p = x; }
inline void storeAs(bf16* p, float x) { *p = toBf16(x); }

inline vf splat(float x) { return x - vf{}; }
/** a·b + c with one rounding. Written out where bits matter: contraction of `a * b + c` is the compiler's choice. */
inline vf vfma(vf a, vf b, vf c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, c);
#elif defined(__AVX2__)
  return _mm256_fmadd_ps(a, b, c);
#elif defined(__ARM_NEON)
  return vfmaq_f32(c, a, b);
#else
  for (int i = 0; i < kLanes; ++i) c[i] = std::fma(a[i], b[i], c[i]);
  return c;
#endif
}
inline vf load(const float* p) { return *reinterpret_cast<const vf*>(p); }
inline void store(float* p, vf v) { *reinterpret_cast<vf*>(p) = v; }

inline vf load(const bf16* p) {
#if defined(__AVX512F__)  // one widening instruction; the generic form compiles to two halves and an insert
  __m512i wide = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))), 16);
#else
  vh h = *reinterpret_cast<const vh*>(p);
  vi wide = __builtin_convertvector(h, vi) << 16;
#endif
  return reinterpret_cast<vf&>(wide);
}
/** Rounded to bf16 (nearest even, NaN kept), still in 32 bits: the lower half is zero. */
inline vf roundBf16(vf v) {
  vi u = reinterpret_cast<vi&>(v);
  vi rounded = (u + 0x7fff + ((u >> 16) & 1)) & static_cast<int32_t>(0xffff0000);
  vi quiet = (u | 0x00400000) & static_cast<int32_t>(0xffff0000);
  vi result = v == v ? rounded : quiet;
  return reinterpret_cast<vf&>(result);
}
inline void store(bf16* p, vf v) {
#if defined(__AVX512BF16__)
  __m256bh packed = _mm512_cvtneps_pbh(v);
  std::memcpy(p, &packed, 32);
#else
  vf rounded = roundBf16(v);
  *reinterpret_cast<vh*>(p) = __builtin_convertvector(reinterpret_cast<vi&>(rounded) >> 16, vh);
#endif
}

/** First n (0 ≤ n ≤ kLanes) elements; the rest are zero. Touches no memory past them. */
template <class T>
inline vf loadPart(const T* p, int n) {
#if defined(__AVX512F__)
  const __mmask16 mask = static_cast<__mmask16>((1u << n) - 1);
  if constexpr (sizeof(T) == 4) return _mm512_maskz_loadu_ps(mask, p);
  __m512i wide = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, p)), 16);
  return reinterpret_cast<vf&>(wide);
#else
  T lanes[kLanes] = {};
  std::memcpy(lanes, p, n * sizeof(T));
  return load(lanes);
#endif
}
template <class T>
inline void storePart(T* p, vf v, int n) {
  T lanes[kLanes];
#if defined(__AVX512F__)
  const __mmask16 mask = static_cast<__mmask16>((1u << n) - 1);
  if constexpr (sizeof(T) == 4) return _mm512_mask_storeu_ps(p, mask, v);
  store(lanes, v);
  _mm256_mask_storeu_epi16(p, mask, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(lanes)));
#else
  store(lanes, v);
  std::memcpy(p, lanes, n * sizeof(T));
#endif
}

inline vf vmax(vf a, vf b) { return a > b ? a : b; }
inline vf vmin(vf a, vf b) { return a < b ? a : b; }

/** Horizontal sum in a fixed pairwise order: halves, quarters, pairs. */
inline float sum(vf v) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_ps(v);  // the same order
#elif defined(__AVX2__)
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  __m128 quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(quarter, _mm_movehdup_ps(quarter)));
#else
  float lanes[kLanes];
  store(lanes, v);
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  return lanes[0];
#endif
}
/** Largest lane; a NaN may or may not win. */
inline float hmax(vf v) {
#if defined(__AVX512F__)
  return _mm512_reduce_max_ps(v);
#elif defined(__AVX2__)
  __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  __m128 quarter = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(quarter, _mm_movehdup_ps(quarter)));
#else
  float m = v[0];
  for (int i = 1; i < kLanes; ++i) m = v[i] > m ? v[i] : m;
  return m;
#endif
}

/** e^x to about 1 ulp, flushing below -87.3 to 0 and saturating above 88.7 (Cephes expf split). */
inline vf vexp(vf x) {
  const vf hi = splat(88.3762626647949f), lo = splat(-87.3365447504019f);
  vi underflow = x < lo;
  x = vmin(vmax(x, lo), hi);
  vf n = x * 1.44269504088896341f;
  const vf magic = splat(12582912.0f);
  n = (n + magic) - magic;  // round to nearest
  vf r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  vf p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  vi e = (__builtin_convertvector(n, vi) + 127) << 23;
  vf result = p * reinterpret_cast<vf&>(e);
  return underflow ? vf{} : result;
}

inline vf vsigmoid(vf x) { return 1.0f / (1.0f + vexp(-x)); }

}  // namespace luciole
