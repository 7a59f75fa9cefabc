// See spread.h.
#include "spread.h"

#include "dtype.h"
#include "lanes.h"
#include "pool.h"

namespace luciole {

void scale(const void* x, int64_t xType, void* y, int64_t yType, int64_t n, float factor) {
  dispatchType(xType, [&](auto from) {
    dispatchType(yType, [&](auto to) {
      const auto* source = static_cast<const decltype(from)*>(x);
      auto* target = static_cast<decltype(to)*>(y);
      parallelFor(n, kElementGrain, [&](int64_t begin, int64_t end) {
        eachVector(begin, end, [=](int64_t i, auto lanes) { put(target + i, get(source + i, lanes) * factor, lanes); });
      });
    });
  });
}

void spread(const float* s, const float* w, float* y, int64_t n) {
  const float factor = *s;
  parallelFor(n, kElementGrain, [&](int64_t begin, int64_t end) {
    eachVector(begin, end,
               [=](int64_t i, auto lanes) { put(y + i, w ? get(w + i, lanes) * factor : splat(factor), lanes); });
  });
}

}  // namespace luciole
