// The register tile of the attention kernels and the packing of their operands into f32 scratch.
// Everything here works on up to six query rows and one block of 64 keys; it knows nothing of sequences or caches.
#pragma once
#include <algorithm>
#include <cstdint>

#include "lanes.h"
#include "pool.h"
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

/** Tasks a thread takes at a time: up to all the heads of one sequence, which share pages and cache lines, while there are plenty. */
inline int64_t taskGrain(int64_t count, int64_t heads) { return std::clamp<int64_t>(count / (16 * threadCount()), 1, heads); }

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
      for (int n = 0; n < N; ++n) acc[r][n] = vfma(left, right[n], acc[r][n]);
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

/** to[d] = from[d] * scale for d < width. */
template <class T>
inline void writeRow(const float* from, T* to, int64_t width, float scale) {
  eachVector(0, width, [&](int64_t d, auto lanes) { put(to + d, load(from + d) * splat(scale), lanes); });
}

/** Strided rows to fetch towards L2, line by line in memory order, so that the hardware's own stream prefetcher follows. */
class RowLines {
 public:
  RowLines() = default;
  template <class T>
  RowLines(const T* rows, int64_t numRows, int64_t width, int64_t stride)
      : row_(reinterpret_cast<const char*>(rows)), left_(std::max<int64_t>(numRows, 0)), rowBytes_(width * sizeof(T)), strideBytes_(stride * sizeof(T)) {}
  int64_t count() const { return left_ * ((rowBytes_ + 63) / 64); }
  /** Fetches up to `lines` lines; returns how many of them were no longer there to fetch. */
  int64_t fetch(int64_t lines) {
    while (lines > 0 && left_ > 0) {
      const int64_t end = std::min(at_ + 64 * lines, rowBytes_);
      for (; at_ < end; at_ += 64, --lines) __builtin_prefetch(row_ + at_, 0, 2);
      if (at_ < rowBytes_) break;
      at_ = 0;
      row_ += strideBytes_;
      --left_;
    }
    return lines;
  }

 private:
  const char* row_ = nullptr;
  int64_t left_ = 0, rowBytes_ = 0, strideBytes_ = 0, at_ = 0;
};

/**
 * What the arithmetic will touch next, fetched a little at each step: a processor drops most of what is asked for all at once.
 * Short strided rows (one head of a token) are beyond what the hardware foresees.
 */
class Lookahead {
 public:
  void add(const RowLines& rows) { parts_[numParts_++] = rows; }
  void spreadOver(int64_t steps) {
    int64_t lines = 0;
    for (int i = 0; i < numParts_; ++i) lines += parts_[i].count();
    linesPerStep_ = (lines + steps - 1) / std::max<int64_t>(1, steps);
  }
  void step() {
    int64_t lines = linesPerStep_;
    while (at_ < numParts_ && (lines = parts_[at_].fetch(lines)) > 0) ++at_;
  }

 private:
  RowLines parts_[8];
  int numParts_ = 0, at_ = 0;
  int64_t linesPerStep_ = 0;
};

/**
 * out[(t*heads + h)*padded(width) + d] = x[t*tokenStride + h*width + d] * scale as f32; the padding is zero.
 */
template <class T>
void packRows(const T* x, int64_t tokens, int64_t tokenStride, int64_t heads, int64_t width, float scale, float* out);

/** Steps that packTransposed takes: squares of kLanes keys by kLanes columns. */
inline int64_t packSteps(int64_t tokens, int64_t width) { return padded(tokens) / kLanes * (padded(width) / kLanes); }

/**
 * out[d*64 + t] = x[t*tokenStride + d] as f32 for t < tokens <= 64; further columns are zero. Steps `ahead`, if given.
 */
template <class T>
void packTransposed(const T* x, int64_t tokens, int64_t tokenStride, int64_t width, float* out, Lookahead* ahead = nullptr);

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
