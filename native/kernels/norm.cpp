// See norm.h.
#include "norm.h"

#include <cmath>

#include "dtype.h"
#include "rowsum.h"

namespace luciole {

void rmsNorm(const void* x, int64_t xType, const float* w, float weightOffset, void* y, int64_t yType, float* rstd,
             int64_t rows, int64_t d, float eps) {
  dispatchType(xType, [&](auto xTag) {
    dispatchType(yType, [&](auto yTag) {
      using X = decltype(xTag);
      using Y = decltype(yTag);
      parallelFor(rows, rowGrain(d), [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
          const X* in = static_cast<const X*>(x) + r * d;
          Y* out = static_cast<Y*>(y) + r * d;
          float square = sumVectors(0, d, [&](int64_t i, auto n) {
            vf v = get(in + i, n);
            return v * v;
          });
          const float scale = 1.0f / std::sqrt(square / static_cast<float>(d) + eps);
          if (rstd) rstd[r] = scale;
          eachVector(0, d, [&](int64_t i, auto n) {
            put(out + i, get(in + i, n) * scale * (get(w + i, n) + weightOffset), n);
          });
        }
      });
    });
  });
}

namespace {

/** One row of rmsNormBackward; `Add` is the type of dxAdd, read only when it is not null. */
template <class X, class G, class Add, class D>
void backwardRow(const X* x, const float* w, float weightOffset, float rstd, const G* dy, const Add* dxAdd, D* dx,
                 float* dw, int64_t d) {
  const auto weight = [&](int64_t i, auto n) { return get(w + i, n) + weightOffset; };
  const float dot = sumVectors(0, d, [&](int64_t i, auto n) { return get(x + i, n) * weight(i, n) * get(dy + i, n); });
  const float mean = dot * rstd / static_cast<float>(d);  // mean of g * n
  eachVector(0, d, [&](int64_t i, auto n) {
    vf normal = get(x + i, n) * rstd, gradient = get(dy + i, n);
    vf result = rstd * (weight(i, n) * gradient - normal * mean);
    if (dxAdd) result += get(dxAdd + i, n);
    if (dw) put(dw + i, get(dw + i, n) + gradient * normal, n);
    put(dx + i, result, n);
  });
}

}  // namespace

void rmsNormBackward(const void* x, int64_t xType, const float* w, float weightOffset, const float* rstd,
                     const void* dy, int64_t dyType, const void* dxAdd, int64_t dxAddType, void* dx, int64_t dxType,
                     float* dw, bool accumulateDw, int64_t rows, int64_t d) {
  dispatchType(xType, [&](auto xTag) {
    dispatchType(dyType, [&](auto dyTag) {
      dispatchType(dxAdd ? dxAddType : dxType, [&](auto addTag) {
        dispatchType(dxType, [&](auto dxTag) {
          using X = decltype(xTag);
          using G = decltype(dyTag);
          using Add = decltype(addTag);
          using D = decltype(dxTag);
          sumOverRows(rows, d, dw, accumulateDw, [&](int64_t begin, int64_t end, float* partial) {
            for (int64_t r = begin; r < end; ++r)
              backwardRow(static_cast<const X*>(x) + r * d, w, weightOffset, rstd[r], static_cast<const G*>(dy) + r * d,
                          dxAdd ? static_cast<const Add*>(dxAdd) + r * d : nullptr, static_cast<D*>(dx) + r * d,
                          partial, d);
          });
        });
      });
    });
  });
}

}  // namespace luciole
