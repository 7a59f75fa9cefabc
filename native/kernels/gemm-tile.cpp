// See gemm-tile.h.
#include "gemm-tile.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dtype.h"
#include "gemm-skinny.h"
#include "gemm-words.h"
#include "pool.h"

namespace luciole {
namespace {

int64_t divideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t roundUp(int64_t a, int64_t b) { return divideUp(a, b) * b; }

// --- micro-kernels
// ---------------------------------------------------------------------------------------------------------------

/**
 * out[i, j] (+)= Σ_w a(i, w)·b(w, j) for R rows and V whole vectors of columns; `add` adds to what is there.
 * a(i, w) is at a[i·kRowStride + w], or a[w·kColumnStride + i] when Columns; b(w, ·) at b[w·bStride]. At each w the
 * words bAhead further on are prefetched: a later w of a packed panel, or the next panel of an unpacked B, whose long
 * strides no hardware foresees.
 */
template <int R, int V, bool Bf16, bool Columns>
void microKernel(int64_t words, const float* a, const float* b, int64_t bStride, int64_t bAhead, float* out,
                 int64_t ldo, bool add) {
  vf acc[R][V];
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < V; ++j) acc[i][j] = vf{};
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < V; ++j) __builtin_prefetch(out + i * ldo + j * kLanes, 1);
  for (int64_t w = 0; w < words; ++w) {
    vf bv[V];
#pragma GCC unroll 4
    for (int j = 0; j < V; ++j) {
      __builtin_prefetch(b + bAhead + j * kLanes);
      bv[j] = load(b + j * kLanes);
    }
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      vf av = broadcastWord(Columns ? a + i : a + i * kRowStride);
#pragma GCC unroll 4
      for (int j = 0; j < V; ++j) acc[i][j] = multiplyAdd<Bf16>(acc[i][j], av, bv[j]);
    }
    a += Columns ? kColumnStride : 1;
    b += bStride;
  }
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < V; ++j) {
      float* p = out + i * ldo + j * kLanes;
      store(p, add ? acc[i][j] + load(p) : acc[i][j]);
    }
}

using MicroKernel = void (*)(int64_t, const float*, const float*, int64_t, int64_t, float*, int64_t, bool);
using KernelRow = std::array<MicroKernel, kTileRows>;

template <int V, bool Bf16, bool Columns, int... R>
constexpr KernelRow kernelsOf(std::integer_sequence<int, R...>) {
  return {microKernel<R + 1, V, Bf16, Columns>...};
}

/** [vectors - 1][rows - 1] */
template <bool Bf16, bool Columns>
constexpr std::array<KernelRow, kTileVectors> kernelTable = {
    kernelsOf<1, Bf16, Columns>(std::make_integer_sequence<int, kTileRows>{}),
    kernelsOf<2, Bf16, Columns>(std::make_integer_sequence<int, kTileRows>{}),
};

const std::array<KernelRow, kTileVectors>& kernelsFor(bool dotBf16, bool columns) {
  if (dotBf16) return columns ? kernelTable<true, true> : kernelTable<true, false>;
  return columns ? kernelTable<false, true> : kernelTable<false, false>;
}

// --- epilogue
// --------------------------------------------------------------------------------------------------------------------

/**
 * What is added to a chunk's sums on their way to C; `earlier` points at f32 sums of earlier chunks that are kept
 * outside C (or null).
 */
struct Addends {
  const float* earlier;
  int64_t earlierLd;
  bool c, biasAndResidual;
};

/** The common case of a bf16 C: nothing to add, no column missing. */
template <class C>
inline void storeWhole(C* c, int64_t ldc, int64_t rows, const float* tile) {
  for (int64_t i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < kPanelColumns; j += kLanes) store(c + i * ldc + j, load(tile + i * kPanelColumns + j));
}

/** C[m.., n..] = tile (rows kPanelColumns apart) + addends. */
template <class C, class R>
void finishRows(const Product& p, const Addends& add, int64_t m, int64_t rows, int64_t n, int64_t columns,
                const float* tile) {
  const float* bias = add.biasAndResidual ? p.bias : nullptr;
  const R* residual = add.biasAndResidual ? static_cast<const R*>(p.residual) : nullptr;
  if (columns == kPanelColumns && !add.earlier && !add.c && !bias && !residual)
    return storeWhole(static_cast<C*>(p.c) + m * p.ldc + n, p.ldc, rows, tile);
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t row = (m + i) * p.ldc + n;
    C* c = static_cast<C*>(p.c) + row;
    for (int64_t j = 0; j < columns; j += kLanes) {
      const int lanes = static_cast<int>(std::min<int64_t>(columns - j, kLanes));
      auto at = [&](auto* q) { return lanes == kLanes ? load(q + j) : loadPart(q + j, lanes); };
      vf v = load(tile + i * kPanelColumns + j);
      if (add.earlier) v += at(add.earlier + i * add.earlierLd);
      if (add.c) v += at(c);
      if (bias) v += at(bias + n);
      if (residual) v += at(residual + row);
      if (lanes == kLanes)
        store(c + j, v);
      else
        storePart(c + j, v, lanes);
    }
  }
}

using Finish = void (*)(const Product&, const Addends&, int64_t, int64_t, int64_t, int64_t, const float*);

Finish finisherOf(const Product& p) {
  return dispatchType(p.cType, [&](auto c) -> Finish {
    using C = decltype(c);
    if (!p.residual) return finishRows<C, float>;
    return dispatchType(p.residualType, [](auto r) -> Finish { return finishRows<C, decltype(r)>; });
  });
}

// --- the tile
// --------------------------------------------------------------------------------------------------------------------

/** A stretch of k that is summed from zero: `count` elements from `begin`, `words` packed words. */
struct Chunk {
  int64_t begin, count, words;
  bool first, last;
};

/**
 * A packed panel: `count` rows of A or columns of B from `begin`. Of B also: words from one word of k to the next, and
 * to what the kernel asks the caches for meanwhile.
 */
struct Panel {
  int64_t begin, count;
  const float* data;
  int64_t stride = 0, ahead = 0;
};

/** Words of k that a kernel asks for ahead of use in a packed panel. */
constexpr int64_t kWordsAhead = 8;

/** Panels of A that are packed at once when a sweep over k is what reads them best. */
constexpr int64_t kRowPanelGroup = 8;

/** The computation of one tile; scratch memory is the thread's own. */
class Tile {
 public:
  Tile(const Product& product, int64_t m0, int64_t m1, int64_t n0, int64_t n1)
      : p(product),
        m0(m0),
        n0(n0),
        rowPanels{m0, m1, divideUp(m1 - m0, kTileRows), 0},
        columnPanels{n0, n1, divideUp(n1 - n0, kPanelColumns), kPanelColumns} {
    panelWordsB = kPanelColumns * chunkWords(p.K, p.bf16Compute) + kPanelGap;
    panelsA = scratch(kScratchGemmA, kPanelWordsA * groupSize());
    panelsB = scratch(kScratchGemmB, panelWordsB * columnPanels.count);
    chunkK = chunkWords(p.K, p.bf16Compute) * elementsPerWord(p.bf16Compute);
    numChunks = std::max<int64_t>(1, divideUp(p.K, chunkK));
    if (numChunks > 1 && !sumsInC()) sums = scratch(kScratchGemmC, (m1 - m0) * sumsLd());
  }

  void run() {
    for (int64_t i = 0; i < numChunks; ++i) {
      const int64_t begin = i * chunkK, count = std::min(chunkK, p.K - begin);
      const Chunk chunk{begin, count, divideUp(count, elementsPerWord(p.bf16Compute)), i == 0, i + 1 == numChunks};
      for (int64_t r = 0; r < rowPanels.count; ++r) {
        const Panel rows = rowPanel(chunk, r);
        for (int64_t c = 0; c < columnPanels.count; ++c) {
          const Panel columns = columnPanel(chunk, c, r == 0);
          if (p.a.kContiguous && r + 1 < rowPanels.count) prefetchShare(chunk, r + 1, c);
          multiply(chunk, rows, columns);
        }
      }
    }
  }

 private:
  static float* scratch(int slot, int64_t words) { return static_cast<float*>(threadScratch(slot, words * 4)); }
  bool sumsInC() const { return p.cType == kF32; }
  int64_t sumsLd() const { return columnPanels.count * kPanelColumns; }
  int64_t groupSize() const { return p.a.kContiguous ? 1 : kRowPanelGroup; }

  /** Packs a group of row panels when its first one is asked for. */
  Panel rowPanel(const Chunk& chunk, int64_t r) {
    const int64_t inGroup = r % groupSize(), groupBegin = r - inGroup;
    float* group = panelsA - groupBegin * kPanelWordsA;
    if (inGroup == 0)
      packA(p.a, chunk.begin, chunk.count, rowPanels, r, std::min(r + groupSize(), rowPanels.count), group,
            kPanelWordsA);
    return {rowPanels.at(r), rowPanels.sizeOf(r), group + r * kPanelWordsA};
  }

  /** Asks for the next row panel's memory, a share of its rows before each product of the present one. */
  void prefetchShare(const Chunk& chunk, int64_t r, int64_t c) {
    const int64_t begin = rowPanels.at(r), count = rowPanels.sizeOf(r);
    prefetchRows(p.a, chunk.begin, chunk.count, begin + count * c / columnPanels.count,
                 begin + count * (c + 1) / columnPanels.count);
  }

  /**
   * Packs B in the first sweep over the columns: each panel before its first use, or all at once where that reads
   * memory in order.
   */
  Panel columnPanel(const Chunk& chunk, int64_t c, bool firstSweep) {
    const int64_t begin = columnPanels.at(c), count = columnPanels.sizeOf(c);
    if (p.b.packed) return {begin, count, prepacked(chunk, begin), kPanelColumns, kWordsAhead * kPanelColumns};
    if (skinny) return {begin, count, nullptr};
    // Read where it lies: B has f32 rows along n already, and too few rows of A to share a packed copy.
    if (directB && count == kPanelColumns)
      return {begin, count, static_cast<const float*>(p.b.data) + chunk.begin * p.b.ld + begin, p.b.ld, kPanelColumns};
    if (firstSweep && (p.b.kContiguous || directB))
      packB(p.b, chunk.begin, chunk.count, columnPanels, c, c + 1, panelsB, panelWordsB);
    else if (firstSweep && c == 0)
      packB(p.b, chunk.begin, chunk.count, columnPanels, 0, columnPanels.count, panelsB, panelWordsB);
    return {begin, count, panelsB + c * panelWordsB, kPanelColumns, kWordsAhead * kPanelColumns};
  }

  /** Where the chunk's words of the panel at column `begin` lie in a B that was packed beforehand. */
  const float* prepacked(const Chunk& chunk, int64_t begin) const {
    const int64_t perWord = elementsPerWord(p.bf16Compute);
    return static_cast<const float*>(p.b.data) + begin * divideUp(p.K, perWord) + chunk.begin / perWord * kPanelColumns;
  }

  void multiply(const Chunk& chunk, const Panel& rows, const Panel& columns) {
    const int64_t vectors = divideUp(columns.count, kLanes), m = rows.begin, n = columns.begin;
    const MicroKernel kernel = kernels[vectors - 1][rows.count - 1];
    auto into = [&](float* out, int64_t ld, bool add) {
      if (skinny)
        skinny(p.b, chunk.begin, chunk.count, n, columns.count, rows.data, out, ld, add);
      else
        kernel(chunk.words, rows.data, columns.data, columns.stride, columns.ahead, out, ld, add);
    };
    if (sumsInC() && columns.count == vectors * kLanes && !(chunk.last && (p.bias || p.residual)))
      return into(static_cast<float*>(p.c) + m * p.ldc + n, p.ldc, !chunk.first || p.accumulate);
    float* earlier = sums ? sums + (m - m0) * sumsLd() + (n - n0) : nullptr;
    if (earlier && !chunk.last) return into(earlier, sumsLd(), !chunk.first);
    alignas(64) float tile[kTileRows * kPanelColumns];
    into(tile, kPanelColumns, false);
    const Addends add{earlier, sumsLd(), p.accumulate || (sumsInC() && !chunk.first), chunk.last};
    finish(p, add, m, rows.count, n, columns.count, tile);
  }

  const Product& p;
  const int64_t m0, n0;
  const Panels rowPanels, columnPanels;
  int64_t panelWordsB, chunkK, numChunks;
  float *panelsA, *panelsB, *sums = nullptr;
  const PackFunction packA = packerOfA(p.a, p.bf16Compute), packB = packerOfB(p.b, p.bf16Compute);
  const std::array<KernelRow, kTileVectors>& kernels = kernelsFor(p.bf16Compute && kHasDotBf16, !p.a.kContiguous);
  const Finish finish = finisherOf(p);
  const bool fewRows = rowPanels.end - rowPanels.begin <= skinnyRows(p.bf16Compute);
  const SkinnyKernel skinny = fewRows && p.a.kContiguous && p.b.kContiguous && !p.b.packed
                                  ? skinnyKernel(p.b, p.bf16Compute, rowPanels.end - rowPanels.begin)
                                  : nullptr;
  const bool directB = rowPanels.count == 1 && !p.b.packed && !p.b.source && !p.b.kContiguous && p.b.type == kF32 &&
                       !p.b.index && !p.bf16Compute;
};

}  // namespace

int64_t chunkWords(int64_t K, bool bf16Compute) {
  const int64_t words = divideUp(K, elementsPerWord(bf16Compute));
  const int64_t numChunks = std::max<int64_t>(1, divideUp(words, kChunkWords));
  return std::max<int64_t>(kLanes, roundUp(divideUp(words, numChunks), kLanes));
}

void computeTile(const Product& product, int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
  if (m0 < m1 && n0 < n1) Tile(product, m0, m1, n0, n1).run();
}

TileGrid chooseTiles(const Product& p, int64_t M, int64_t N, int64_t threads, int64_t copies) {
  // Estimates in vector multiply-adds per word of k, from measurements on Zen 4: packing one word, mostly waiting for
  // memory; a task; waking threads.
  const double costA = p.a.kContiguous ? 0.4 : 1.0,
               costB = p.b.packed ? 0.1 : p.b.source ? 3.0 : p.b.kContiguous ? 0.6 : 1.0;
  const double words = static_cast<double>(std::max<int64_t>(1, divideUp(p.K, elementsPerWord(p.bf16Compute))));
  const double costOfTask = 1000 / words, costOfThreads = 6000 / words, idleAtEnd = 0.15;
  constexpr int64_t kTileWords = 128 * 1024;  // packed B: half of a second-level cache of 1 MiB
  constexpr int64_t kMostRowsOfSums = 256;    // sums kept outside C
  const int64_t mostColumns =
      std::max<int64_t>(kPanelColumns, kTileWords / chunkWords(p.K, p.bf16Compute) / kPanelColumns * kPanelColumns);
  const int64_t mostColumnTiles = divideUp(N, kPanelColumns), mostRowTiles = divideUp(M, kTileRows);
  const int64_t leastRowTiles = p.cType == kF32 ? 1 : divideUp(M, kMostRowsOfSums);

  TileGrid best{};
  double leastCost = 1e300;
  for (int64_t columnTiles = divideUp(N, mostColumns);; columnTiles = std::min(columnTiles * 2, mostColumnTiles)) {
    const int64_t columns = roundUp(divideUp(N, columnTiles), kPanelColumns), numColumnTiles = divideUp(N, columns);
    for (int64_t rounds = 1; rounds <= 16; ++rounds) {
      const int64_t rowTiles =
          std::clamp<int64_t>(rounds * threads / (numColumnTiles * copies), leastRowTiles, mostRowTiles);
      const int64_t rows = divideUp(M, rowTiles), numRowTiles = divideUp(M, rows),
                    numTiles = numRowTiles * numColumnTiles * copies;
      const double tile = static_cast<double>(rows * columns) / kLanes + rows * costA + columns * costB + costOfTask;
      const double parallel = threads > 1 && numTiles > 1 ? costOfThreads + idleAtEnd * tile : 0;
      const double cost = tile * divideUp(numTiles, threads) + parallel;
      if (cost < leastCost) {
        leastCost = cost;
        best = {rows, columns, numRowTiles, numColumnTiles};
      }
    }
    if (columnTiles >= mostColumnTiles || columnTiles >= 16 * threads) break;
  }
  return best;
}

void computeGridTile(const Product& product, const TileGrid& grid, int64_t index, int64_t M, int64_t N) {
  // Tiles of one column range follow each other: B stays in the shared cache.
  const int64_t m0 = index % grid.numRowTiles * grid.rows, n0 = index / grid.numRowTiles * grid.columns;
  computeTile(product, m0, std::min(M, m0 + grid.rows), n0, std::min(N, n0 + grid.columns));
}

}  // namespace luciole
