// See optimizer.h.
#include "optimizer.h"

#include <cmath>

#include "dtype.h"
#include "lanes.h"
#include "pool.h"

namespace luciole {
namespace {

constexpr int64_t kGrain = 8192;  // a parameter carries five arrays

}  // namespace

void adamw(float* p, const float* g, float* m, float* v, void* copyBf16, const float* gradFactor, int64_t n,
           double lr, double beta1, double beta2, double eps, double weightDecay, double biasCorrection1,
           double biasCorrection2) {
  const float factor = gradFactor && n > 0 ? *gradFactor : 1.0f;
  const float keep = static_cast<float>(1.0 - lr * weightDecay), blend1 = static_cast<float>(1.0 - beta1),
              keep2 = static_cast<float>(beta2), blend2 = static_cast<float>(1.0 - beta2),
              step = static_cast<float>(lr / biasCorrection1),
              rootScale = static_cast<float>(1.0 / std::sqrt(biasCorrection2)), epsilon = static_cast<float>(eps);
  bf16* copy = static_cast<bf16*>(copyBf16);
  parallelFor(n, kGrain, [=](int64_t begin, int64_t end) {
    eachVector(begin, end, [=](int64_t i, auto lanes) {
      vf gradient = get(g + i, lanes) * factor, first = get(m + i, lanes), second = get(v + i, lanes);
      first += (gradient - first) * blend1;
      second = second * keep2 + gradient * gradient * blend2;
      vf updated = get(p + i, lanes) * keep - step * first / (vsqrt(second) * rootScale + epsilon);
      put(m + i, first, lanes);
      put(v + i, second, lanes);
      put(p + i, updated, lanes);
      if (copy) put(copy + i, updated, lanes);
    });
  });
}

void axpyUpdate(float* p, const void* update, int64_t type, void* copyBf16, int64_t n, double lr,
                double weightDecay) {
  const float keep = static_cast<float>(1.0 - lr * weightDecay), rate = static_cast<float>(lr);
  bf16* copy = static_cast<bf16*>(copyBf16);
  dispatchType(type, [&](auto tag) {
    const auto* direction = static_cast<const decltype(tag)*>(update);
    parallelFor(n, kElementGrain, [=](int64_t begin, int64_t end) {
      eachVector(begin, end, [=](int64_t i, auto lanes) {
        vf updated = get(p + i, lanes) * keep - rate * get(direction + i, lanes);
        put(p + i, updated, lanes);
        if (copy) put(copy + i, updated, lanes);
      });
    });
  });
}

}  // namespace luciole
