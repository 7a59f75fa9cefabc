// See gemm-tile.h.
#include "gemm-tile.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dtype.h"
#include "pool.h"

namespace luciole {
namespace {

int64_t divideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t roundUp(int64_t a, int64_t b) { return divideUp(a, b) * b; }

// --- micro-kernels ---------------------------------------------------------------------------------------------------------------

/** One packed word in every lane; its bits are not looked at as a number. */
inline vf broadcastWord(const float* p) {
#if defined(__AVX512F__)
  return _mm512_set1_ps(*p);
#elif defined(__AVX2__)
  return _mm256_broadcast_ss(p);
#else
  return splat(*p);
#endif
}

/** acc + a·b, each lane one word. */
template <bool Bf16>
inline vf multiplyAdd(vf acc, vf a, vf b) {
#if defined(__AVX512BF16__)
  if constexpr (Bf16) {
    __m512 x = a, y = b;
    return _mm512_dpbf16_ps(acc, reinterpret_cast<__m512bh&>(x), reinterpret_cast<__m512bh&>(y));
  }
#endif
  return vfma(a, b, acc);
}

/**
 * out[i, j] (+)= Σ_w a(i, w)·b(w, j) for R rows and V whole vectors of columns; `add` adds to what is there.
 * a(i, w) is at a[i·kRowStride + w], or a[w·kColumnStride + i] when Columns; b(w, ·) at b[w·bStride].
 */
template <int R, int V, bool Bf16, bool Columns>
void microKernel(int64_t words, const float* a, const float* b, int64_t bStride, float* out, int64_t ldo, bool add) {
  vf acc[R][V];
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < V; ++j) acc[i][j] = vf{};
  for (int64_t w = 0; w < words; ++w) {
    vf bv[V];
#pragma GCC unroll 4
    for (int j = 0; j < V; ++j) bv[j] = load(b + j * kLanes);
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

using MicroKernel = void (*)(int64_t, const float*, const float*, int64_t, float*, int64_t, bool);
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

// --- epilogue --------------------------------------------------------------------------------------------------------------------

/** What is added to a chunk's sums on their way to C; `earlier` points at f32 sums of earlier chunks that are kept outside C (or null). */
struct Addends {
  const float* earlier;
  int64_t earlierLd;
  bool c, biasAndResidual;
};

/** C[m.., n..] = tile (rows kPanelColumns apart) + addends. */
template <class C, class R>
void finishRows(const Product& p, const Addends& add, int64_t m, int64_t rows, int64_t n, int64_t columns, const float* tile) {
  const float* bias = add.biasAndResidual ? p.bias : nullptr;
  const R* residual = add.biasAndResidual ? static_cast<const R*>(p.residual) : nullptr;
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
      if (lanes == kLanes) store(c + j, v);
      else storePart(c + j, v, lanes);
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

// --- the tile --------------------------------------------------------------------------------------------------------------------

/** A stretch of k that is summed from zero: `count` elements from `begin`, `words` packed words. */
struct Chunk {
  int64_t begin, count, words;
  bool first, last;
};

/** A panel of packed rows of A or columns of B: `count` of them from `begin`, packed at `data`, `stride` words from one word of k to the next (B). */
struct Panel {
  int64_t begin, count;
  const float* data;
  int64_t stride;
};

/** The computation of one tile; scratch memory is the thread's own. */
class Tile {
 public:
  Tile(const Product& product, int64_t m0, int64_t m1, int64_t n0, int64_t n1)
      : p(product), m0(m0), m1(m1), n0(n0), n1(n1), numRowPanels(divideUp(m1 - m0, kTileRows)), numColumnPanels(divideUp(n1 - n0, kPanelColumns)) {
    panelWordsB = kPanelColumns * chunkWords(p.K, p.bf16Compute);
    panelA = scratch(kScratchGemmA, kPanelWordsA);
    panelsB = scratch(kScratchGemmB, numColumnPanels * panelWordsB);
    chunkK = chunkWords(p.K, p.bf16Compute) * elementsPerWord(p.bf16Compute);
    numChunks = std::max<int64_t>(1, divideUp(p.K, chunkK));
    if (numChunks > 1 && !sumsInC()) sums = scratch(kScratchGemmC, (m1 - m0) * sumsLd());
  }

  void run() {
    for (int64_t i = 0; i < numChunks; ++i) {
      const int64_t begin = i * chunkK, count = std::min(chunkK, p.K - begin);
      const Chunk chunk{begin, count, divideUp(count, elementsPerWord(p.bf16Compute)), i == 0, i + 1 == numChunks};
      for (int64_t r = 0; r < numRowPanels; ++r) {
        const Panel rows = packRowPanel(chunk, r);
        // The first sweep packs each panel of B just before its first use.
        for (int64_t c = 0; c < numColumnPanels; ++c) multiply(chunk, rows, columnPanel(chunk, c, r == 0));
      }
    }
  }

 private:
  static float* scratch(int slot, int64_t words) { return static_cast<float*>(threadScratch(slot, words * 4)); }
  bool sumsInC() const { return p.cType == kF32; }
  int64_t sumsLd() const { return numColumnPanels * kPanelColumns; }

  Panel packRowPanel(const Chunk& chunk, int64_t r) {
    const int64_t begin = m0 + (m1 - m0) * r / numRowPanels, count = m0 + (m1 - m0) * (r + 1) / numRowPanels - begin;
    packA(p.a, chunk.begin, chunk.count, begin, count, panelA);
    return {begin, count, panelA, 0};
  }

  Panel columnPanel(const Chunk& chunk, int64_t c, bool pack) {
    const int64_t begin = n0 + c * kPanelColumns, count = std::min<int64_t>(kPanelColumns, n1 - begin);
    // Read where it lies: B has f32 rows along n already, and too few rows of A to share a packed copy.
    if (directB && count == kPanelColumns) return {begin, count, static_cast<const float*>(p.b.data) + chunk.begin * p.b.ld + begin, p.b.ld};
    float* data = panelsB + c * panelWordsB;
    if (pack) packB(p.b, chunk.begin, chunk.count, begin, count, data);
    return {begin, count, data, kPanelColumns};
  }

  void multiply(const Chunk& chunk, const Panel& rows, const Panel& columns) {
    const int64_t vectors = divideUp(columns.count, kLanes), m = rows.begin, n = columns.begin;
    const MicroKernel kernel = kernels[vectors - 1][rows.count - 1];
    auto into = [&](float* out, int64_t ld, bool add) { kernel(chunk.words, rows.data, columns.data, columns.stride, out, ld, add); };
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
  const int64_t m0, m1, n0, n1, numRowPanels, numColumnPanels;
  int64_t panelWordsB, chunkK, numChunks;
  float *panelA, *panelsB, *sums = nullptr;
  const PackFunction packA = packerOfA(p.a, p.bf16Compute), packB = packerOfB(p.b, p.bf16Compute);
  const std::array<KernelRow, kTileVectors>& kernels = kernelsFor(p.bf16Compute && kHasDotBf16, !p.a.kContiguous);
  const Finish finish = finisherOf(p);
  const bool directB = numRowPanels == 1 && !p.b.kContiguous && p.b.type == kF32 && !p.b.index && !p.bf16Compute;
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
  // In vector operations per word of k: a multiply-add is 1; packing one element costs these (measured on Zen 4).
  const double costA = 0.15, costB = p.b.kContiguous ? 0.35 : 0.15;
  const double costOfTask = 1000.0 / std::max<int64_t>(1, divideUp(p.K, elementsPerWord(p.bf16Compute)));
  constexpr int64_t kTileWords = 128 * 1024;  // packed B: half of a second-level cache of 1 MiB
  const int64_t mostColumns = std::max<int64_t>(kPanelColumns, kTileWords / chunkWords(p.K, p.bf16Compute) / kPanelColumns * kPanelColumns);
  const int64_t leastColumnTiles = divideUp(N, mostColumns), mostColumnTiles = divideUp(N, kPanelColumns), mostRowTiles = divideUp(M, kTileRows);

  TileGrid best{};
  double leastCost = 1e300;
  for (int64_t columnTiles = leastColumnTiles;; columnTiles = std::min(columnTiles * 2, mostColumnTiles)) {
    const int64_t columns = roundUp(divideUp(N, columnTiles), kPanelColumns), numColumnTiles = divideUp(N, columns);
    for (int64_t rounds = 1; rounds <= 16; ++rounds) {
      const int64_t rowTiles = std::clamp<int64_t>(rounds * threads / (numColumnTiles * copies), 1, mostRowTiles);
      const int64_t rows = divideUp(M, rowTiles), numRowTiles = divideUp(M, rows);
      const double vectors = static_cast<double>(columns) / kLanes;
      const double tile = rows * vectors + rows * costA + columns * costB + costOfTask;
      const double cost = tile * (divideUp(numRowTiles * numColumnTiles * copies, threads) + (threads > 1 ? 0.15 : 0.0));
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
