// Packing of attention operands into the words that the register tile multiplies: f32, or two bf16 that are neighbours
// in the summed dimension (where the dot instruction exists). Knows nothing of softmax, sequences or caches.
#pragma once
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "lanes.h"
#include "simd.h"
#include "words.h"

namespace luciole::attention {

/** Keys per softmax update: part of the arithmetic order, so the same in every build. */
inline constexpr int64_t kBlockKeys = 64;

inline int64_t roundUp(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }
inline int64_t padded(int64_t width) { return roundUp(width, kLanes); }

/** Words of `n` elements along the summed dimension. */
template <bool Pairs>
constexpr int64_t words(int64_t n) {
  return Pairs ? (n + 1) / 2 : n;
}

/**
 * Strided rows to fetch towards L2, line by line in memory order, so that the hardware's own stream prefetcher follows.
 */
class RowLines {
 public:
  RowLines() = default;
  template <class T>
  RowLines(const T* rows, int64_t numRows, int64_t width, int64_t stride)
      : row_(reinterpret_cast<const char*>(rows)),
        left_(std::max<int64_t>(numRows, 0)),
        rowBytes_(width * sizeof(T)),
        strideBytes_(stride * sizeof(T)) {}
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
 * What the arithmetic will touch next, fetched a little at each step: a processor drops most of what is asked for all
 * at once. Short strided rows (one head of a token) are beyond what the hardware foresees.
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

/** Whether products of operands of type T are taken in pairs. */
template <class T>
inline constexpr bool kPairs = std::is_same_v<T, bf16> && kHasDotBf16;

/** Squares of kLanes keys by kLanes words that packing keys transposed takes. */
template <bool Pairs>
inline int64_t packSteps(int64_t tokens, int64_t width) {
  return padded(tokens) / kLanes * (padded(words<Pairs>(width)) / kLanes);
}

/** Rows in memory: row r is head r % heads of token r / heads. */
template <class T>
struct HeadRows {
  const T* x;
  int64_t tokens, tokenStride, heads, width;
  int64_t count() const { return tokens * heads; }
  const T* at(int64_t r) const { return x + r / heads * tokenStride + r % heads * width; }
};

/** The three packed forms that products read. `T` is the type in memory; f32 words unless `Pairs`, then T is bf16. */
template <class T, bool Pairs>
struct Packer {
  static int64_t rowStride(int64_t width) { return padded(words<Pairs>(width)); }
  /**
   * Summed along the row: out[r*rowStride(width) + w]; the padding is zero. f32 words are multiplied by `scale`, pairs
   * are not.
   */
  static void rows(const HeadRows<T>& x, float scale, float* out);
  /**
   * Summed along the row, turned: out[w*64 + t] for the rows of t < 64, one head; further columns are zero. Steps
   * `ahead`, if given.
   */
  static void transposed(const HeadRows<T>& x, float* out, Lookahead* ahead = nullptr);
  /** Summed over rows: out[w*padded(width) + d]; the padding is zero, and the partner of a last single row. */
  static void stacked(const HeadRows<T>& x, float* out);
};

/**
 * Two f32 rows of 64 rounded into one row of words: out[key] = (even[key], odd[key]); a null `odd` is zero. Only where
 * pairs are.
 */
void pairRows(const float* even, const float* odd, float* out);

}  // namespace luciole::attention
