// See grouped-gemm.h.
#include "grouped-gemm.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "dtype.h"
#include "gemm-tile.h"
#include "pool.h"

namespace luciole {
namespace {

const void* at(const void* data, int64_t type, int64_t elements) {
  return static_cast<const char*>(data) + elements * sizeOf(type);
}

/**
 * The tiles of all groups in one list, the groups with the largest tiles first: the last tile to end is then a small
 * one.
 */
struct GroupTiles {
  struct Group {
    int64_t expert, firstTile;
    TileGrid grid;
  };
  std::vector<Group> groups;
  int64_t numTiles = 0;

  void add(int64_t expert, const TileGrid& grid) { groups.push_back({expert, 0, grid}); }

  /** Runs body(expert, grid, tile in grid) for every tile, on all threads. */
  template <class F>
  void run(F&& body) {
    std::stable_sort(groups.begin(), groups.end(), [](const Group& x, const Group& y) {
      return x.grid.rows * x.grid.columns > y.grid.rows * y.grid.columns;
    });
    for (Group& group : groups) {
      group.firstTile = numTiles;
      numTiles += group.grid.numTiles();
    }
    parallelFor(numTiles, 1, [&](int64_t begin, int64_t end) {
      for (int64_t tile = begin; tile < end; ++tile) {
        auto after = std::upper_bound(groups.begin(), groups.end(), tile,
                                      [](int64_t t, const Group& group) { return t < group.firstTile; });
        const Group& group = *(after - 1);
        body(group.expert, group.grid, tile - group.firstTile);
      }
    });
  }
};

/** groupedGemm; `firstW` is the first group's weight. */
void multiplyGroups(int64_t E, int64_t R, int64_t N, int64_t K, const void* X, int64_t xType, const int32_t* rowIndex,
                    const Operand& firstW, const int32_t* offsets, void* Y, int64_t yType, bool accumulate,
                    bool bf16Compute) {
  if (E <= 0 || R <= 0 || N <= 0) return;
  if (!accumulate) clearUngrouped(E, R, N, offsets, Y, yType);
  auto product = [&](int64_t e) {
    const int64_t first = offsets[e];
    const Operand x{rowIndex ? X : at(X, xType, first * K), xType, K, true, rowIndex ? rowIndex + first : nullptr};
    Operand w = firstW;
    w.expert = e;
    if (!w.source) w.data = at(w.data, w.type, e * N * K);
    return Product{x, w, K, bf16Compute, static_cast<char*>(Y) + first * N * sizeOf(yType), yType, N, accumulate};
  };
  GroupTiles tiles;
  const int64_t threads = threadCount(),
                busy = std::count_if(offsets, offsets + E, [](const int32_t& first) { return (&first)[1] > first; });
  for (int64_t e = 0; e < E; ++e)
    if (int64_t rows = offsets[e + 1] - offsets[e]; rows > 0)
      tiles.add(e, chooseTiles(product(e), rows, N, threads, busy));
  tiles.run([&](int64_t e, const TileGrid& grid, int64_t tile) {
    computeGridTile(product(e), grid, tile, offsets[e + 1] - offsets[e], N);
  });
}

}  // namespace

void clearUngrouped(int64_t E, int64_t R, int64_t N, const int32_t* offsets, void* Y, int64_t yType) {
  const int64_t rowBytes = N * sizeOf(yType), first = offsets[0], end = offsets[E];
  std::memset(Y, 0, first * rowBytes);
  std::memset(static_cast<char*>(Y) + end * rowBytes, 0, (R - end) * rowBytes);
}

void groupedGemm(bool transW, int64_t E, int64_t R, int64_t N, int64_t K, const void* X, int64_t xType,
                 const int32_t* rowIndex, const void* W, int64_t wType, const int32_t* offsets, void* Y, int64_t yType,
                 bool accumulate, bool bf16Compute) {
  multiplyGroups(E, R, N, K, X, xType, rowIndex, {W, wType, transW ? K : N, transW}, offsets, Y, yType, accumulate,
                 bf16Compute);
}

void groupedGemmPacked(bool transW, int64_t E, int64_t R, int64_t N, int64_t K, const void* X, int64_t xType,
                       const int32_t* rowIndex, const void* packedW, int64_t wType, const int32_t* offsets, void* Y,
                       int64_t yType, bool accumulate) {
  const PackedWeightsSource source(packedW, wType, K, N);
  const Operand w = transW ? Operand{packedW, wType, 0, true, nullptr, true} : operandOf(source);
  multiplyGroups(E, R, N, K, X, xType, rowIndex, w, offsets, Y, yType, accumulate, wType == kBf16);
}

void groupedGemmFromSource(int64_t E, int64_t R, int64_t N, int64_t K, const void* X, int64_t xType, const Source& w,
                           const int32_t* offsets, void* Y, int64_t yType, bool bf16Compute) {
  multiplyGroups(E, R, N, K, X, xType, nullptr, operandOf(w), offsets, Y, yType, false, bf16Compute);
}

void groupedGemmWeightGrad(int64_t E, int64_t N, int64_t K, const void* dY, int64_t dyType, const void* X,
                           int64_t xType, const int32_t* rowIndex, const int32_t* offsets, float* dW, bool accumulate,
                           bool bf16Compute) {
  if (E <= 0 || N <= 0 || K <= 0) return;
  auto product = [&](int64_t e) {
    const int64_t first = offsets[e];
    const Operand dy{at(dY, dyType, first * N), dyType, N, false};
    const Operand x{rowIndex ? X : at(X, xType, first * K), xType, K, false, rowIndex ? rowIndex + first : nullptr};
    return Product{dy, x, offsets[e + 1] - first, bf16Compute, dW + e * N * K, kF32, K, accumulate};
  };
  GroupTiles tiles;
  const int64_t threads = threadCount();
  for (int64_t e = 0; e < E; ++e)
    if (!accumulate || offsets[e + 1] > offsets[e]) tiles.add(e, chooseTiles(product(e), N, K, threads, E));
  tiles.run([&](int64_t e, const TileGrid& grid, int64_t tile) { computeGridTile(product(e), grid, tile, N, K); });
}

}  // namespace luciole
