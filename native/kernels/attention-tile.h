// The register tile of the attention kernels and the packing of their operands into f32 scratch.
// Everything here works on up to six query rows and one block of 64 keys; it knows nothing of sequences or caches.
#pragma once
#include <algorithm>
#include <cstdint>

#include "lanes.h"
#include "simd.h"

namespace luciole::attention {

/** Keys per softmax update: part of the arithmetic order, so the same in every build. */
inline constexpr int64_t kBlockKeys = 64;
inline constexpr int kTileRows = 6;
#if defined(__AVX2__) && !defined(__AVX512F__)
inline constexpr int kTileVectors = 2;  // 6 x 2 sums + operands fill 16 registers
#else
inline constexpr int kTileVectors = 4;  // 6 x 4 sums + operands fill 32 registers
#endif

inline int64_t roundUp(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }
inline int64_t padded(int64_t width) { return roundUp(width, kLanes); }

/** a * b + c with one rounding, whatever the compiler contracts elsewhere. */
inline vf fusedMultiplyAdd(vf a, vf b, vf c) {
#if defined(__AVX512F__)
  __m512 r = _mm512_fmadd_ps(reinterpret_cast<__m512&>(a), reinterpret_cast<__m512&>(b), reinterpret_cast<__m512&>(c));
  return reinterpret_cast<vf&>(r);
#elif defined(__AVX2__)
  __m256 r = _mm256_fmadd_ps(reinterpret_cast<__m256&>(a), reinterpret_cast<__m256&>(b), reinterpret_cast<__m256&>(c));
  return reinterpret_cast<vf&>(r);
#elif defined(__ARM_NEON)
  float32x4_t r = vfmaq_f32(reinterpret_cast<float32x4_t&>(c), reinterpret_cast<float32x4_t&>(a), reinterpret_cast<float32x4_t&>(b));
  return reinterpret_cast<vf&>(r);
#else
  vf r;
  for (int i = 0; i < kLanes; ++i) r[i] = std::fma(a[i], b[i], c[i]);
  return r;
#endif
}

/** Where a product starts: from zero, from what is there, or from what is there times alpha[row]. */
enum class Start { kZero, kKeep, kScale };

/** c[r,n] = start + sum over k ascending of a[r*aRow + k*aStep] * b[k*ldb + n], for R rows and N vectors of n. */
template <int R, int N, Start start>
inline void tile(float* c, int64_t ldc, const float* a, int64_t aRow, int64_t aStep, const float* b, int64_t ldb, int64_t steps, const float* alpha) {
  vf acc[R][N];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) {
      if constexpr (start == Start::kZero) acc[r][n] = vf{};
      if constexpr (start == Start::kKeep) acc[r][n] = load(c + r * ldc + n * kLanes);
      if constexpr (start == Start::kScale) acc[r][n] = load(c + r * ldc + n * kLanes) * splat(alpha[r]);
    }
  }
  for (int64_t k = 0; k < steps; ++k) {
    vf right[N];
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) right[n] = load(b + n * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      vf left = splat(a[r * aRow]);
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) acc[r][n] = fusedMultiplyAdd(left, right[n], acc[r][n]);
    }
    a += aStep;
    b += ldb;
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) store(c + r * ldc + n * kLanes, acc[r][n]);
}

/** tile over any number of vectors. */
template <int R, Start start>
inline void multiply(float* c, int64_t ldc, int64_t vectors, const float* a, int64_t aRow, int64_t aStep, const float* b, int64_t ldb, int64_t steps,
                     const float* alpha = nullptr) {
  for (; vectors >= kTileVectors; vectors -= kTileVectors, c += kTileVectors * kLanes, b += kTileVectors * kLanes)
    tile<R, kTileVectors, start>(c, ldc, a, aRow, aStep, b, ldb, steps, alpha);
  if constexpr (kTileVectors > 2) {
    if (vectors == 3) tile<R, 3, start>(c, ldc, a, aRow, aStep, b, ldb, steps, alpha);
    if (vectors == 2) tile<R, 2, start>(c, ldc, a, aRow, aStep, b, ldb, steps, alpha);
  }
  if (vectors == 1) tile<R, 1, start>(c, ldc, a, aRow, aStep, b, ldb, steps, alpha);
}

/** Calls body with `rows` (1..6) as a compile-time constant. */
template <class F>
inline void withRows(int64_t rows, F&& body) {
  switch (rows) {
    case 1: return body(std::integral_constant<int, 1>{});
    case 2: return body(std::integral_constant<int, 2>{});
    case 3: return body(std::integral_constant<int, 3>{});
    case 4: return body(std::integral_constant<int, 4>{});
    case 5: return body(std::integral_constant<int, 5>{});
    default: return body(std::integral_constant<int, 6>{});
  }
}

/**
 * out[(t*heads + h)*ld + d] = x[t*tokenStride + h*width + d] * scale as f32; columns from `width` to `ld` are zero.
 * ld is at least `width`.
 */
template <class T>
void packRows(const T* x, int64_t tokens, int64_t tokenStride, int64_t heads, int64_t width, float scale, float* out, int64_t ld);

/** out[d*64 + t] = x[t*tokenStride + d] as f32 for t < tokens <= 64; further columns are zero. */
template <class T>
void packTransposed(const T* x, int64_t tokens, int64_t tokenStride, int64_t width, float* out);

/** One block of keys and values in f32: keys transposed [dqk, 64], values [64, ldv] with `vectors` whole vectors used. */
struct KeyBlock {
  const float* keysT;
  int64_t dqk;
  const float* values;
  int64_t ldv;
  int64_t vectors;
};

/** The online softmax of a run of query rows: maximum, per-lane normaliser [rows, kLanes], unnormalised output [rows, ldo]. */
struct Softmax {
  float* max;
  float* norm;
  float* out;
  int64_t ldo;
  /** Start of the row `rows` further down. */
  Softmax at(int64_t rows) const { return {max + rows, norm + rows * kLanes, out + rows * ldo, ldo}; }
  /** Floats of scratch for `rows` rows. */
  static int64_t size(int64_t rows, int64_t ldo) { return roundUp(rows, 16) + rows * (kLanes + ldo); }
  static Softmax in(float* scratch, int64_t rows, int64_t ldo);
  /** Writes out / norm to o and, unless null, log-sum-exp to *lse, for the first row. */
  template <class T>
  void finish(T* o, int64_t dv, float* lse) const;
};

/**
 * Folds one key block into the softmax of `rows` (1..6) query rows q [rows, ldq], already scaled.
 * Row r sees the first visible[r] keys of the block; visible must not decrease. The one place where a row's bits are made.
 */
void attendRows(int64_t rows, const float* q, int64_t ldq, const int32_t* visible, const KeyBlock& block, const Softmax& state);

/** One block of keys for the backward pass: keys and values transposed [width, 64], keys also by row [64, ldk] with ldk padded. */
struct GradBlock {
  const float* keysT;
  const float* valuesT;
  const float* keys;
  int64_t dqk, dv, ldk;
};

/**
 * For `rows` (1..6) query rows: p = exp(q k - lse) and ds = p (dO v - delta) into [rows, 64] buffers (hidden keys zero),
 * and dq [rows, ldk] += ds k. q [rows, ldk] is scaled; dO is [rows, ldo].
 */
void gradRows(int64_t rows, const float* q, const float* dO, int64_t ldo, const float* lse, const float* delta, const int32_t* visible,
              const GradBlock& block, float* p, float* ds, float* dq);

/** c [keys, ldc] += sum over r ascending of weights[r*64 + key] * x[r*ldx + n], `vectors` whole vectors of n; keys 1..6. */
void addWeightedRows(int64_t keys, float* c, int64_t ldc, int64_t vectors, const float* weights, const float* x, int64_t ldx, int64_t rows);

}  // namespace luciole::attention
