// Writes into a paged cache, and latents gathered from it. See paged.h.
#include <cstring>
#include <stdexcept>

#include "attention-pack.h"
#include "dtype.h"
#include "fp8-latent.h"
#include "lanes.h"
#include "paged-tables.h"
#include "paged.h"
#include "pool.h"

namespace luciole {
namespace {

using attention::kBlockKeys;

template <class X, class Y>
void convertRow(const X* x, Y* y, int64_t width) {
  if constexpr (std::is_same_v<X, Y>)
    copyBytes(y, x, width * sizeof(X));
  else
    eachVector(0, width, [&](int64_t d, auto lanes) { put(y + d, get(x + d, lanes), lanes); });
}

template <class Y, class X>
Y converted(X x) {
  Y y;
  storeAs(&y, toFloat(x));
  return y;
}

/** One token's keys of all heads into a block: number d of head h is column `offset` of word row d / P. */
template <class X, class C>
void writeKeys(const X* x, C* block, int64_t offset, int64_t heads, int64_t width) {
  constexpr int64_t P = sizeof(C) == 2 ? 2 : 1;
  C* column = block + offset * P;
  for (int64_t d = 0; d < heads * width; d += P, column += kBlockKeys * P) {
    C word[P];
    for (int64_t i = 0; i < P; ++i) word[i] = converted<C>(x[d + i]);
    std::memcpy(column, word, sizeof(word));
  }
}

/** One token's values of all heads into a block: every P-th number of the row of words that its pair shares. */
template <class X, class C>
void writeValues(const X* x, C* block, int64_t offset, int64_t heads, int64_t width) {
  constexpr int64_t P = sizeof(C) == 2 ? 2 : 1;
  for (int64_t h = 0; h < heads; ++h, block += width * kBlockKeys) {
    C* row = block + (offset / P * width) * P + offset % P;
    for (int64_t d = 0; d < width; ++d, ++x) row[d * P] = converted<C>(*x);
  }
}

template <class X, class C>
void writeEntry(const X* x, C* cache, int64_t role, int64_t block, int64_t offset, int64_t heads, int64_t width) {
  C* start = cache + block * heads * width * kBlockKeys;
  if (role == kPagedKeys) return writeKeys(x, start, offset, heads, width);
  if (role == kPagedValues) return writeValues(x, start, offset, heads, width);
  convertRow(x, start + offset * width, width);
}

}  // namespace

void pagedWrite(const void* x, int64_t xType, void* cache, int64_t cacheType, int64_t role, const int32_t* blockIds,
                const int32_t* offsets, int64_t R, int64_t heads, int64_t width, int64_t latent) {
  const int64_t rowWidth = heads * width;
  dispatchType(xType, [&](auto xTag) {
    using X = decltype(xTag);
    const X* rows = static_cast<const X*>(x);
    const auto eachRow = [&](auto&& write) {
      parallelFor(R, rowGrain(8 * rowWidth), [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) write(rows + r * rowWidth, blockIds[r], offsets[r]);
      });
    };
    if (cacheType == kU8) {
      const int64_t bytes = fp8EntryBytes(width, latent);
      return eachRow([&](const X* row, int64_t block, int64_t offset) {
        encodeFp8(row, static_cast<uint8_t*>(cache) + (block * kBlockKeys + offset) * bytes, width, latent);
      });
    }
    dispatchType(cacheType, [&](auto cacheTag) {
      using C = decltype(cacheTag);
      eachRow([&](const X* row, int64_t block, int64_t offset) {
        writeEntry(row, static_cast<C*>(cache), role, block, offset, heads, width);
      });
    });
  });
}

void gatherPaged(const void* cache, int64_t cacheType, int64_t numBlocks, const int32_t* tables, int64_t maxBlocks,
                 const int32_t* cuKeys, int64_t S, void* out, int64_t outType, int64_t width, int64_t latent) {
  const Tables blocks{tables, maxBlocks, numBlocks};
  for (int64_t s = 0; s < S; ++s) blocks.check(s, cuKeys[s + 1] - cuKeys[s]);
  dispatchType(outType, [&](auto outTag) {
    using Y = decltype(outTag);
    const auto eachEntry = [&](auto&& read) {
      for (int64_t s = 0; s < S; ++s)
        parallelFor(cuKeys[s + 1] - cuKeys[s], rowGrain(width), [&](int64_t begin, int64_t end) {
          for (int64_t t = begin; t < end; ++t)
            read(blocks.at(s, t / kBlockKeys) * kBlockKeys + t % kBlockKeys,
                 static_cast<Y*>(out) + (cuKeys[s] + t) * width);
        });
    };
    if (cacheType == kU8) {
      const int64_t bytes = fp8EntryBytes(width, latent);
      return eachEntry([&](int64_t entry, Y* row) {
        decodeFp8(static_cast<const uint8_t*>(cache) + entry * bytes, row, width, latent);
      });
    }
    dispatchType(cacheType, [&](auto cacheTag) {
      using C = decltype(cacheTag);
      eachEntry([&](int64_t entry, Y* row) { convertRow(static_cast<const C*>(cache) + entry * width, row, width); });
    });
  });
}

}  // namespace luciole
