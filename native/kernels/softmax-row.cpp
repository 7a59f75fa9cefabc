// See softmax-row.h.
#include "softmax-row.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "lanes.h"

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

float rowMean(const float* x, int64_t n) {
  return sumVectors(0, n, [=](int64_t i, auto lanes) { return getOr(x + i, lanes, 0.0f); }) / static_cast<float>(n);
}

float inverseTemperatureOf(float temperature) {
  if (!(temperature >= 0))
    throw std::runtime_error("expected a temperature of at least 0, got " + std::to_string(temperature));
  constexpr float least = std::numeric_limits<float>::min(), most = std::numeric_limits<float>::max();
  return temperature > 0 ? std::clamp(1.0f / temperature, least, most) : 1.0f;
}

float RowSoftmax::logProb(float logit) const { return (logit - max) * inverseTemperature - logSum; }

RowSoftmax rowSoftmax(const float* logits, int64_t n, float inverseTemperature, float* entropy) {
  const float max = rowMax(logits, n);
  const auto shifted = [=](int64_t i, auto lanes) {
    return (getOr(logits + i, lanes, kMinusInfinity) - max) * inverseTemperature;
  };
  const float total = sumVectors(0, n, [=](int64_t i, auto lanes) { return vexpNan(shifted(i, lanes)); });
  const float logSum = std::log(total);
  if (entropy) {
    const float weighted = sumVectors(0, n, [=](int64_t i, auto lanes) {
      vf z = shifted(i, lanes), e = vexpNan(z);
      return e > vf{} ? e * z : vf{};  // a masked logit (-inf) adds 0
    });
    *entropy = logSum - weighted / total;
  }
  return {max, inverseTemperature, logSum};
}

namespace {

/** Writes never overtake reads: an element of `out` is no longer than a logit. */
template <class T>
void gradientInPlace(float* logits, T* out, int64_t n, int64_t target, const RowSoftmax& softmax, float scale,
                     float cap) {
  const float max = softmax.max, inverse = softmax.inverseTemperature, logSum = softmax.logSum;
  const auto gradient = [=](vf logit) { return -scale * vexpNan((logit - max) * inverse - logSum); };
  const float atTarget = gradient(splat(logits[target]))[0] + scale;
  if (cap > 0) {
    const float perCap = 1.0f / cap;
    const auto slope = [=](vf logit) {
      const vf t = logit * perCap;
      return 1.0f - t * t;
    };
    const float cappedAtTarget = atTarget * slope(splat(logits[target]))[0];
    eachVector(0, n, [=](int64_t i, auto lanes) {
      const vf logit = get(logits + i, lanes);
      put(out + i, gradient(logit) * slope(logit), lanes);
    });
    return storeAs(out + target, cappedAtTarget);
  }
  eachVector(0, n, [=](int64_t i, auto lanes) { put(out + i, gradient(get(logits + i, lanes)), lanes); });
  storeAs(out + target, atTarget);
}

}  // namespace

void capRow(float* x, int64_t n, float cap) {
  const float perCap = 1.0f / cap;
  eachVector(0, n, [=](int64_t i, auto lanes) { put(x + i, cap * vtanh(perCap * get(x + i, lanes)), lanes); });
}

void rowLogProbGradient(float* logits, int64_t n, int64_t target, const RowSoftmax& softmax, float scale, float cap) {
  gradientInPlace(logits, logits, n, target, softmax, scale, cap);
}

void rowLogProbGradientBf16(float* logits, int64_t n, int64_t target, const RowSoftmax& softmax, float scale,
                            float cap) {
  gradientInPlace(logits, reinterpret_cast<bf16*>(logits), n, target, softmax, scale, cap);
}

}  // namespace luciole
