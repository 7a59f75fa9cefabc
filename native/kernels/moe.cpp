// See moe.h.
#include "moe.h"

#include "dtype.h"
#include "lanes.h"
#include "pool.h"
#include "scratch.h"

namespace luciole {

void moeDispatch(const int32_t* indices, int32_t* offsets, int32_t* rowToken, int32_t* tokenRow, float* load, int64_t T,
                 int64_t E, int64_t K) {
  thread_local SharedScratch<int32_t> scratch;
  int32_t* next = scratch.get(E);
  std::memset(next, 0, E * sizeof(int32_t));
  for (int64_t i = 0; i < T * K; ++i) ++next[indices[i]];
  offsets[0] = 0;
  for (int64_t e = 0; e < E; ++e) {
    if (load) load[e] += static_cast<float>(next[e]);
    offsets[e + 1] = offsets[e] + next[e];
    next[e] = offsets[e];
  }
  for (int64_t t = 0; t < T; ++t) {
    for (int64_t k = 0; k < K; ++k) {
      const int32_t row = next[indices[t * K + k]]++;
      rowToken[row] = static_cast<int32_t>(t);
      tokenRow[t * K + k] = row;
    }
  }
}

void moeCombine(const void* rows, int64_t type, const float* weights, const int32_t* tokenRow, const void* add,
                int64_t addType, void* y, int64_t yType, int64_t T, int64_t K, int64_t d) {
  dispatchType(type, [&](auto tag) {
    dispatchType(add ? addType : yType, [&](auto addTag) {
      dispatchType(yType, [&](auto yTag) {
        const auto* in = static_cast<const decltype(tag)*>(rows);
        const auto* base = static_cast<const decltype(addTag)*>(add);
        auto* out = static_cast<decltype(yTag)*>(y);
        parallelFor(T, rowGrain((K + 2) * d), [&](int64_t begin, int64_t end) {
          for (int64_t t = begin; t < end; ++t) {
            const float* weight = weights + t * K;
            const int32_t* row = tokenRow + t * K;
            eachVector(0, d, [=](int64_t i, auto n) {
              vf total = base ? get(base + t * d + i, n) : vf{};
              for (int64_t k = 0; k < K; ++k) total += weight[k] * get(in + row[k] * d + i, n);
              put(out + t * d + i, total, n);
            });
          }
        });
      });
    });
  });
}

void moeCombineBackward(const void* rows, int64_t type, const float* weights, const int32_t* tokenRow, const void* dy,
                        int64_t dyType, void* dRows, float* dWeights, int64_t T, int64_t K, int64_t d) {
  dispatchType(type, [&](auto tag) {
    dispatchType(dyType, [&](auto dyTag) {
      const auto* in = static_cast<const decltype(tag)*>(rows);
      auto* out = static_cast<decltype(tag)*>(dRows);
      parallelFor(T, rowGrain((2 * K + 1) * d), [&](int64_t begin, int64_t end) {
        for (int64_t t = begin; t < end; ++t) {
          const auto* gradient = static_cast<const decltype(dyTag)*>(dy) + t * d;
          for (int64_t k = 0; k < K; ++k) {
            const int64_t row = tokenRow[t * K + k] * d;
            const float weight = weights[t * K + k];
            dWeights[t * K + k] = sumVectors(0, d, [=](int64_t i, auto n) {
              vf g = get(gradient + i, n), x = get(in + row + i, n);
              put(out + row + i, weight * g, n);
              return x * g;
            });
          }
        }
      });
    });
  });
}

void gatherSumRows(const void* dRows, int64_t type, const int32_t* tokenRow, void* dx, int64_t dxType, bool accumulate,
                   int64_t T, int64_t K, int64_t d) {
  dispatchType(type, [&](auto tag) {
    dispatchType(dxType, [&](auto dxTag) {
      const auto* in = static_cast<const decltype(tag)*>(dRows);
      auto* out = static_cast<decltype(dxTag)*>(dx);
      parallelFor(T, rowGrain((K + 1) * d), [&](int64_t begin, int64_t end) {
        for (int64_t t = begin; t < end; ++t) {
          const int32_t* row = tokenRow + t * K;
          eachVector(0, d, [=](int64_t i, auto n) {
            vf total = accumulate ? get(out + t * d + i, n) : vf{};
            for (int64_t k = 0; k < K; ++k) total += get(in + row[k] * d + i, n);
            put(out + t * d + i, total, n);
          });
        }
      });
    });
  });
}

}  // namespace luciole
