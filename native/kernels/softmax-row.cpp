// See softmax-row.h.
#include "softmax-row.h"

#include <cmath>
#include <limits>

#include "lanes.h"
#include "pool.h"

namespace luciole {
namespace {
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
}

float rowMax(const float* x, int64_t n) {
  vf a = splat(kMinusInfinity), b = a;
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    a = vmax(load(x + i), a);
    b = vmax(load(x + i + kLanes), b);
  }
  eachVector(i, n, [&](int64_t at, auto lanes) { a = vmax(getOr(x + at, lanes, kMinusInfinity), a); });
  return largest(vmax(a, b));
}

float rowLogSumExp(const float* logits, int64_t n, float inverseTemperature, float* entropy) {
  const float max = rowMax(logits, n) * inverseTemperature;
  const auto shifted = [=](int64_t i, auto lanes) { return getOr(logits + i, lanes, kMinusInfinity) * inverseTemperature - max; };
  const float total = sumVectors(0, n, [=](int64_t i, auto lanes) { return vexpNan(shifted(i, lanes)); });
  const float logTotal = std::log(total);
  if (entropy) {
    const float weighted = sumVectors(0, n, [=](int64_t i, auto lanes) {
      vf z = shifted(i, lanes), e = vexpNan(z);
      return e > vf{} ? e * z : vf{};  // a masked logit (-inf) adds 0
    });
    *entropy = logTotal - weighted / total;
  }
  return max + logTotal;
}

float rowLogProb(const float* logits, int64_t target, float inverseTemperature, float lse) { return logits[target] * inverseTemperature - lse; }

namespace {

/** Writes never overtake reads: an element of `out` is no longer than a logit. */
template <class T>
void gradientInPlace(float* logits, T* out, int64_t n, int64_t target, float inverseTemperature, float lse, float scale) {
  const auto gradient = [=](vf logit) { return -scale * vexpNan(logit * inverseTemperature - lse); };
  const float atTarget = gradient(splat(logits[target]))[0] + scale;
  eachVector(0, n, [=](int64_t i, auto lanes) { put(out + i, gradient(get(logits + i, lanes)), lanes); });
  storeAs(out + target, atTarget);
}

}  // namespace

void rowLogProbGradient(float* logits, int64_t n, int64_t target, float inverseTemperature, float lse, float scale) {
  gradientInPlace(logits, logits, n, target, inverseTemperature, lse, scale);
}

void rowLogProbGradientBf16(float* logits, int64_t n, int64_t target, float inverseTemperature, float lse, float scale) {
  gradientInPlace(logits, reinterpret_cast<bf16*>(logits), n, target, inverseTemperature, lse, scale);
}

void logSoftmaxRows(const float* logits, float* lse, float* entropy, int64_t rows, int64_t V) {
  parallelFor(rows, rowGrain(V), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) lse[r] = rowLogSumExp(logits + r * V, V, 1.0f, entropy ? entropy + r : nullptr);
  });
}

}  // namespace luciole
