// The register tile of the attention kernels, in f32 or in pairs of bf16, and what is made of it: softmax update,
// gradients. Everything here works on up to six query rows and one block of 64 keys; it knows nothing of sequences or
// caches.
#pragma once
#include <algorithm>
#include <cstdint>

#include "attention-pack.h"
#include "lanes.h"
#include "pool.h"
#include "simd.h"
#include "words.h"

namespace luciole::attention {

inline constexpr int kTileRows = 6;
#if defined(__AVX2__) && !defined(__AVX512F__)
inline constexpr int kTileVectors = 2;  // 6 x 2 sums + operands fill 16 registers
#else
inline constexpr int kTileVectors = 4;  // 6 x 4 sums + operands fill 32 registers
#endif

/**
 * Tasks a thread takes at a time: up to all the heads of one sequence, which share pages and cache lines, while there
 * are plenty.
 */
inline int64_t taskGrain(int64_t count, int64_t heads) {
  return std::clamp<int64_t>(count / (16 * threadCount()), 1, heads);
}

/**
 * Blocks of keys whose softmax is made by itself before it is folded into that of the keys before: part of the
 * arithmetic order, so the same everywhere.
 */
inline constexpr int64_t kSpanBlocks = 8;
inline constexpr int64_t kSpanKeys = kSpanBlocks * kBlockKeys;

inline constexpr int kLineFloats = 16;  // of a cache line

/**
 * e^x for x <= 0: zero below -87.3 (so for -inf), NaN stays NaN. Cephes expf split, exponent added in the integer
 * domain.
 */
inline vf expNonPositive(vf x) {
  const vf low = splat(-87.3365447504019f), magic = splat(12582912.0f);
  vi underflow = x < low;
  x = underflow ? low : x;
  vf shifted = vfma(x, splat(1.44269504088896341f), magic);  // the low bits now hold the rounded exponent
  vf n = shifted - magic;
  vf r = vfma(n, splat(-0.693359375f), x);
  r = vfma(n, splat(2.12194440e-4f), r);
  vf p = splat(1.9875691500e-4f);
  p = vfma(p, r, splat(1.3981999507e-3f));
  p = vfma(p, r, splat(8.3334519073e-3f));
  p = vfma(p, r, splat(4.1665795894e-2f));
  p = vfma(p, r, splat(1.6666665459e-1f));
  p = vfma(p, r, splat(5.0000001201e-1f));
  p = vfma(p, r * r, r) + splat(1.0f);
  vi bits = asInt(p) + (asInt(shifted) << 23);
  return underflow ? vf{} : asFloat(bits);
}

/**
 * Without it GCC 12 copies every sum at every step: it sees the values at the loop's end as others than those inside.
 */
inline void keepInRegister([[maybe_unused]] vf& v) {
#if defined(__AVX512F__) || defined(__AVX2__)
  asm("" : "+v"(v));
#endif
}

/** Where a product starts: from zero, from what is there, or from what is there times alpha[row]. */
enum class Start { kZero, kKeep, kScale };

/**
 * c[r,n] = start + sum over words k ascending of a[r*aRow + k*aStep] * b[k*ldb + n], for R rows and N vectors of n.
 * `Fetch`: at every step as many lines as b has are drawn towards L2 from `next` on, which moves by nextStep. Not
 * inlined: amid other code the sums lose their registers.
 */
template <bool Pairs, int R, int N, Start start, bool Fetch = false>
[[gnu::noinline]] void tile(float* c, int64_t ldc, const float* a, int64_t aRow, int64_t aStep, const float* b,
                            int64_t ldb, int64_t steps, const float* alpha,
                            [[maybe_unused]] const float* next = nullptr, [[maybe_unused]] int64_t nextStep = 0) {
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
    if constexpr (Fetch) {
#pragma GCC unroll 8
      for (int n = 0; n < N; n += kLineFloats / kLanes) __builtin_prefetch(next + n * kLanes, 0, 2);
      next += nextStep;
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      vf left = broadcastWord(a + r * aRow);
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) acc[r][n] = multiplyAdd<Pairs>(acc[r][n], left, right[n]);
    }
    a += aStep;
    b += ldb;
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) keepInRegister(acc[r][n]);
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) store(c + r * ldc + n * kLanes, acc[r][n]);
}

/**
 * What products fetch as they go: from `at` on (null: nothing), `step` floats further at each step of a tile and `tile`
 * at each tile.
 */
struct Ahead {
  const float* at = nullptr;
  int64_t step = 0, tile = 0;
};

/** tile over any number of vectors; whole tiles fetch ahead. */
template <bool Pairs, int R, Start start>
inline void multiply(float* c, int64_t ldc, int64_t vectors, const float* a, int64_t aRow, int64_t aStep,
                     const float* b, int64_t ldb, int64_t steps, const float* alpha = nullptr, Ahead ahead = {}) {
  if (ahead.at)
    for (; vectors >= kTileVectors;
         vectors -= kTileVectors, c += kTileVectors * kLanes, b += kTileVectors * kLanes, ahead.at += ahead.tile)
      tile<Pairs, R, kTileVectors, start, true>(c, ldc, a, aRow, aStep, b, ldb, steps, alpha, ahead.at, ahead.step);
  for (; vectors >= kTileVectors; vectors -= kTileVectors, c += kTileVectors * kLanes, b += kTileVectors * kLanes)
    tile<Pairs, R, kTileVectors, start>(c, ldc, a, aRow, aStep, b, ldb, steps, alpha);
  if constexpr (kTileVectors > 2) {
    if (vectors == 3) tile<Pairs, R, 3, start>(c, ldc, a, aRow, aStep, b, ldb, steps, alpha);
    if (vectors == 2) tile<Pairs, R, 2, start>(c, ldc, a, aRow, aStep, b, ldb, steps, alpha);
  }
  if (vectors == 1) tile<Pairs, R, 1, start>(c, ldc, a, aRow, aStep, b, ldb, steps, alpha);
}

/** Calls body with `rows` (1..6) as a compile-time constant. */
template <class F>
inline void withRows(int64_t rows, F&& body) {
  switch (rows) {
    case 1:
      return body(std::integral_constant<int, 1>{});
    case 2:
      return body(std::integral_constant<int, 2>{});
    case 3:
      return body(std::integral_constant<int, 3>{});
    case 4:
      return body(std::integral_constant<int, 4>{});
    case 5:
      return body(std::integral_constant<int, 5>{});
    default:
      return body(std::integral_constant<int, 6>{});
  }
}

/** to[d] = from[d] * scale for d < width. */
template <class T>
inline void writeRow(const float* from, T* to, int64_t width, float scale) {
  eachVector(0, width, [&](int64_t d, auto lanes) { put(to + d, load(from + d) * splat(scale), lanes); });
}

/**
 * One packed block of keys and values: keys transposed [words of dqk, 64], values [words of 64, ldv] with `vectors`
 * whole vectors used. scale: what the products of queries and keys are still to be multiplied by; softCap: scores then
 * become softCap tanh(score / softCap), 0: they do not. Where values are read in place, the word that pairs the last
 * key with one that is not there lies apart (`tailValues`), after `wholeWords` others.
 */
struct KeyBlock {
  const float* keysT = nullptr;
  int64_t dqk = 0;
  const float* values = nullptr;
  int64_t ldv = 0;
  int64_t vectors = 0;
  float scale = 1, softCap = 0;
  int64_t wholeWords = kBlockKeys;
  const float* tailValues = nullptr;
  /** What scores and sums fetch meanwhile; after each tile of rows both go on by `aheadRows` floats, up to aheadEnd. */
  Ahead aheadKeys = {}, aheadValues = {};
  int64_t aheadRows = 0;
  const float* aheadEnd = nullptr;
  /**
   * Narrow heads leave products no time to fetch in: what is read next is fetched in three parts, before each of
   * attendRows' steps.
   */
  mutable Lookahead ahead = {};

  /** The next line of packed memory at each step: `floats` from `at` on. */
  void trickle(const float* at, int64_t floats, int64_t keySteps, int64_t valueSteps, int64_t valueTiles) {
    aheadKeys = {at, kLineFloats, 0},
    aheadValues = {at + keySteps * kLineFloats, kLineFloats, valueSteps * kLineFloats};
    aheadRows = (keySteps + valueSteps * valueTiles) * kLineFloats, aheadEnd = at + floats;
  }
  void nextRows() {
    for (Ahead* ahead : {&aheadKeys, &aheadValues})
      ahead->at = ahead->at && ahead->at + aheadRows < aheadEnd ? ahead->at + aheadRows : nullptr;
  }
};

/**
 * The online softmax of a run of query rows: maximum, per-lane normaliser [rows, kLanes], unnormalised output [rows,
 * ldo].
 */
struct Softmax {
  float* max;
  float* norm;
  float* out;
  int64_t ldo;
  /** Start of the row `rows` further down. */
  Softmax at(int64_t rows) const { return {max + rows, norm + rows * kLanes, out + rows * ldo, ldo}; }
  /** Floats of scratch for `rows` rows. */
  static int64_t size(int64_t rows, int64_t ldo) { return roundUp(rows, 16) + rows * (kLanes + ldo); }
  /** An empty one in scratch; one that lies there. */
  static Softmax in(float* scratch, int64_t rows, int64_t ldo);
  static Softmax at(float* scratch, int64_t rows, int64_t ldo) {
    return {scratch, scratch + roundUp(rows, 16), scratch + roundUp(rows, 16) + rows * kLanes, ldo};
  }
  /** Takes in the softmax of further keys, of which rows [first, rows) have seen some. */
  void fold(const Softmax& further, int64_t first, int64_t rows) const;
  /** Writes out / norm to o and, unless null, log-sum-exp to *lse, for the first row. */
  template <class T>
  void finish(T* o, int64_t dv, float* lse) const;
};

/**
 * Which keys of a block a run of rows sees: row r those from hidden[r] to before visible[r]; neither may decrease.
 * Without `hidden` all from the block's first on.
 */
struct Sight {
  const int32_t* visible;
  const int32_t* hidden = nullptr;
  int64_t from(int64_t r) const { return hidden ? hidden[r] : 0; }
  /** Whether a sliding window has left all of the block behind for row r, or not reached it. */
  bool isBlind(int64_t r) const { return hidden && hidden[r] >= visible[r]; }
};

/**
 * Folds one key block into the softmax of `rows` (1..6) query rows q [rows, ldq]. The one place where a row's bits are
 * made.
 */
template <bool Pairs>
void attendRows(int64_t rows, const float* q, int64_t ldq, const Sight& sight, const KeyBlock& block,
                const Softmax& state);

/** Room for the factors of up to six rows, in whole vectors. */
inline constexpr int kAlphaRows = (kTileRows + kLanes - 1) / kLanes * kLanes;

/**
 * One packed block of keys for the backward pass: keys and values transposed [words of width, 64], keys also summed
 * over [words of 64, ldk].
 */
struct GradBlock {
  const float* keysT;
  const float* valuesT;
  const float* keys;
  int64_t dqk, dv, ldk;
  float scale, softCap;
};

/** Query rows of the backward pass: packed q [.., ldq] and dO [.., ldo], and per row log-sum-exp and delta. */
struct GradRows {
  const float *q, *dO;
  int64_t ldq, ldo;
  const float *lse, *delta;
};

/**
 * For `count` (1..6) query rows: p = exp(scale q k - lse) and ds = p (dO v - delta) into [count, 64] buffers (hidden
 * keys zero), and dq [count, ldk] += ds k.
 */
template <bool Pairs>
void gradRows(int64_t count, const GradRows& rows, const Sight& sight, const GradBlock& block, float* p, float* ds,
              float* dq);

/**
 * c [keys, ldc] += sum over words r of rows ascending of weights[r*64 + key] * x[r*ldx + n], `vectors` whole vectors of
 * n; keys 1..6.
 */
template <bool Pairs>
void addWeightedRows(int64_t keys, float* c, int64_t ldc, int64_t vectors, const float* weights, const float* x,
                     int64_t ldx, int64_t words);

}  // namespace luciole::attention
