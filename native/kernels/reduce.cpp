// See reduce.h.
#include "reduce.h"

#include <cmath>

#include "dtype.h"
#include "rowsum.h"

namespace luciole {
namespace {

constexpr int64_t kBlock = 16384;

/** Sum over blocks, in order and in double, of block(begin, end). */
template <class F>
double sumBlocks(int64_t n, F&& block) {
  thread_local SharedScratch<double> scratch;
  const int64_t numBlocks = (n + kBlock - 1) / kBlock;
  double* partials = scratch.get(numBlocks);
  parallelFor(numBlocks, 2, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) partials[b] = block(b * kBlock, (b + 1) * kBlock < n ? (b + 1) * kBlock : n);
  });
  double total = 0;
  for (int64_t b = 0; b < numBlocks; ++b) total += partials[b];
  return total;
}

using vd = double __attribute__((vector_size(kLanes * 4)));  // half as many lanes
using halfFloats = float __attribute__((vector_size(kLanes * 2), aligned(4), may_alias));

double sumSquaresBlock(const float* x, int64_t begin, int64_t end) {
  vd low{}, high{};
  int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes) {
    vd a = __builtin_convertvector(*reinterpret_cast<const halfFloats*>(x + i), vd);
    vd b = __builtin_convertvector(*reinterpret_cast<const halfFloats*>(x + i + kLanes / 2), vd);
    low += a * a;
    high += b * b;
  }
  low += high;
  double total = 0;
  for (int lane = 0; lane < kLanes / 2; ++lane) total += low[lane];
  for (; i < end; ++i) total += static_cast<double>(x[i]) * x[i];
  return total;
}

}  // namespace

void sumAll(const float* x, float* out, int64_t n) {
  *out = static_cast<float>(sumBlocks(n, [=](int64_t begin, int64_t end) {
    return sumVectors(begin, end, [=](int64_t i, auto lanes) { return get(x + i, lanes); });
  }));
}

void dot(const float* a, const float* b, float* out, int64_t n) {
  *out = static_cast<float>(sumBlocks(n, [=](int64_t begin, int64_t end) {
    return sumVectors(begin, end, [=](int64_t i, auto lanes) { return get(a + i, lanes) * get(b + i, lanes); });
  }));
}

void sumSquares(const float* x, float* out, int64_t n, bool accumulate) {
  const double total = sumBlocks(n, [=](int64_t begin, int64_t end) { return sumSquaresBlock(x, begin, end); });
  *out = static_cast<float>(accumulate ? *out + total : total);
}

void columnSum(const void* x, int64_t type, float* out, int64_t rows, int64_t cols, bool accumulate) {
  dispatchType(type, [&](auto tag) {
    const auto* in = static_cast<const decltype(tag)*>(x);
    sumOverRows(rows, cols, out, accumulate, [=](int64_t begin, int64_t end, float* partial) {
      for (int64_t r = begin; r < end; ++r)
        eachVector(0, cols,
                   [=](int64_t i, auto n) { put(partial + i, get(partial + i, n) + get(in + r * cols + i, n), n); });
    });
  });
}

void clipFactor(const float* sumSq, float* factor, float maxNorm) {
  const float ratio = maxNorm / (std::sqrt(*sumSq) + 1e-6f);
  *factor = ratio > 1.0f ? 1.0f : ratio;  // a NaN fails the comparison and stays
}

}  // namespace luciole
