// See rows.h.
#include "rows.h"

#include "dtype.h"
#include "lanes.h"
#include "pool.h"
#include "scratch.h"

namespace luciole {
namespace {

/** sources[starts[v] .. starts[v + 1]) = the positions r with index[r] = v, ascending (a counting sort). */
struct Inverse {
  int32_t* starts;
  int32_t* sources;

  Inverse(const int32_t* index, int64_t count, int64_t numTargets) {
    thread_local SharedScratch<int32_t> startsScratch, sourcesScratch;
    int32_t* next = startsScratch.get(numTargets + 2);
    sources = sourcesScratch.get(count);
    std::memset(next, 0, (numTargets + 2) * sizeof(int32_t));
    // Counted two places up, so that after the pass below next[v + 1] has moved to the start of v + 1 and next is
    // `starts`.
    for (int64_t i = 0; i < count; ++i) ++next[index[i] + 2];
    for (int64_t v = 0; v <= numTargets; ++v) next[v + 1] += next[v];
    for (int64_t i = 0; i < count; ++i) sources[next[index[i] + 1]++] = static_cast<int32_t>(i);
    starts = next;
  }
};

/** out[i] = (start ? start[i] : 0) + the source rows of dy, in order. */
template <class G, class D>
void sumSources(const G* dy, const int32_t* sources, int64_t count, const D* start, D* out, int64_t width) {
  eachVector(0, width, [=](int64_t i, auto n) {
    vf total = start ? get(start + i, n) : vf{};
    for (int64_t s = 0; s < count; ++s) total += get(dy + sources[s] * width + i, n);
    put(out + i, total, n);
  });
}

template <class G, class D>
void scatterAdd(const G* dy, const int32_t* index, D* dx, bool accumulate, int64_t rows, int64_t width,
                int64_t numTargets) {
  const Inverse inverse(index, rows, numTargets);
  parallelFor(numTargets, rowGrain(width), [&](int64_t begin, int64_t end) {
    for (int64_t v = begin; v < end; ++v) {
      const int64_t count = inverse.starts[v + 1] - inverse.starts[v];
      D* out = dx + v * width;
      if (count > 0) {
        sumSources(dy, inverse.sources + inverse.starts[v], count, accumulate ? static_cast<const D*>(out) : nullptr,
                   out, width);
      } else if (!accumulate) {
        std::memset(static_cast<void*>(out), 0, width * sizeof(D));
      }
    }
  });
}

}  // namespace

void concatLast(const void* a, const void* b, void* y, int64_t elementBytes, int64_t rows, int64_t widthA,
                int64_t widthB) {
  const int64_t bytesA = widthA * elementBytes, bytesB = widthB * elementBytes, bytes = bytesA + bytesB;
  parallelFor(rows, rowGrain(bytes / 4), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      char* out = static_cast<char*>(y) + r * bytes;
      copyBytes(out, static_cast<const char*>(a) + r * bytesA, bytesA);
      copyBytes(out + bytesA, static_cast<const char*>(b) + r * bytesB, bytesB);
    }
  });
}

void splitLast(const void* x, void* a, void* b, int64_t elementBytes, int64_t rows, int64_t widthA, int64_t widthB) {
  const int64_t bytesA = widthA * elementBytes, bytesB = widthB * elementBytes, bytes = bytesA + bytesB;
  parallelFor(rows, rowGrain(bytes / 4), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const char* in = static_cast<const char*>(x) + r * bytes;
      if (a) copyBytes(static_cast<char*>(a) + r * bytesA, in, bytesA);
      if (b) copyBytes(static_cast<char*>(b) + r * bytesB, in + bytesA, bytesB);
    }
  });
}

void gatherRows(const void* x, const int32_t* index, void* y, int64_t elementBytes, int64_t rows, int64_t width) {
  const int64_t bytes = width * elementBytes;
  parallelFor(rows, rowGrain(bytes / 4), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      copyBytes(static_cast<char*>(y) + r * bytes, static_cast<const char*>(x) + index[r] * bytes, bytes);
  });
}

void scatterAddRows(const void* dy, int64_t dyType, const int32_t* index, void* dx, int64_t dxType, int64_t rows,
                    int64_t width, int64_t numTargets) {
  dispatchType(dyType, [&](auto dyTag) {
    dispatchType(dxType, [&](auto dxTag) {
      scatterAdd(static_cast<const decltype(dyTag)*>(dy), index, static_cast<decltype(dxTag)*>(dx), false, rows, width,
                 numTargets);
    });
  });
}

void embedding(const void* table, int64_t tableType, const int32_t* ids, void* y, int64_t yType, int64_t T, int64_t d) {
  dispatchType(tableType, [&](auto tableTag) {
    dispatchType(yType, [&](auto yTag) {
      const auto* in = static_cast<const decltype(tableTag)*>(table);
      auto* out = static_cast<decltype(yTag)*>(y);
      parallelFor(T, rowGrain(d), [&](int64_t begin, int64_t end) {
        for (int64_t t = begin; t < end; ++t)
          eachVector(0, d, [&](int64_t i, auto n) { put(out + t * d + i, get(in + ids[t] * d + i, n), n); });
      });
    });
  });
}

void embeddingBackward(const int32_t* ids, const void* dy, int64_t dyType, float* dTable, bool accumulate, int64_t T,
                       int64_t V, int64_t d) {
  dispatchType(dyType, [&](auto dyTag) {
    scatterAdd(static_cast<const decltype(dyTag)*>(dy), ids, dTable, accumulate, T, d, V);
  });
}

}  // namespace luciole
