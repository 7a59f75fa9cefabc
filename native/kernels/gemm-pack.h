// Packing of matrix operands into the panels that the GEMM micro-kernels read, and the meaning of a packed word.
// Knows nothing of loops over tiles, of outputs or of threads.
#pragma once
#include <cstdint>

#include "dtype.h"
#include "words.h"

namespace luciole {

// The register tile: kTileRows rows of A against kTileVectors vectors of B, as many accumulators as the register file
// holds.
#if defined(__AVX512F__)
inline constexpr int kTileRows = 14;
#elif defined(__AVX2__)
inline constexpr int kTileRows = 6;
#else
inline constexpr int kTileRows = 8;
#endif
inline constexpr int kTileVectors = 2;
inline constexpr int kPanelColumns = kTileVectors * kLanes;

/**
 * Most words of k in one accumulation chunk: a panel of A stays in the first-level cache, a panel of B in the second.
 */
inline constexpr int64_t kChunkWords = 512;
/** Words from one packed row of A to the next: an odd number of cache lines, so that rows do not share cache sets. */
inline constexpr int64_t kRowStride = kChunkWords + 16;
/** Words from one k to the next in a packed panel of A that came from [K, M] storage. */
inline constexpr int64_t kColumnStride = (kTileRows + kLanes - 1) / kLanes * kLanes;

/** Words left free after a panel, so that the same word of neighbouring panels does not fall into one cache set. */
inline constexpr int64_t kPanelGap = 32;
/** Words from one packed panel of A to the next: room for either form. */
inline constexpr int64_t kPanelWordsA =
    (kTileRows * kRowStride > kColumnStride * kChunkWords ? kTileRows * kRowStride : kColumnStride * kChunkWords) +
    kPanelGap;

/** Rows of k that a Source gives at once, and the most columns. */
inline constexpr int kSourceRows = 32;
inline constexpr int64_t kSourceColumns = 256;

/**
 * Numbers of a B [K, N] that are made when they are packed: weights in panels or blocks, read against their grain for
 * the gradient of what they multiply.
 */
struct Source {
  /**
   * out[c·kSourceRows + i] = B[k + i, n + c] of the expert, for k a multiple of kSourceRows and c < columns; n and
   * columns lie within one stretch of kSourceColumns, n a multiple of kPanelColumns. Rows past the last are finite.
   * There is room for four columns more.
   */
  void (*block)(const Source& source, int64_t expert, int64_t k, int64_t n, int64_t columns, float* out);
};

/**
 * One side of a product, seen as X[outer, k]; outer is m for A and n for B. Stored [outer, k] when kContiguous, else
 * [k, outer], rows `ld` elements apart. `index` (optional) picks stored rows: row r of the view is stored row index[r].
 * `packed` (B only): `data` is what packWeights made, panels of kPanelColumns columns one after the other, ld and
 * kContiguous without meaning. `source` (B only): where the numbers of `expert` come from in place of `data`; type f32,
 * not kContiguous.
 */
struct Operand {
  const void* data;
  int64_t type;
  int64_t ld;
  bool kContiguous;
  const int32_t* index = nullptr;
  bool packed = false;
  const Source* source = nullptr;
  int64_t expert = 0;
};

/** The operand of a source. */
inline Operand operandOf(const Source& source) {
  Operand b{nullptr, kF32, 0, false};
  b.source = &source;
  return b;
}

/** What packWeights made of weights [E, N, K], as the B [N, K] of a product over N: the gradient of a linear layer. */
struct PackedWeightsSource : Source {
  const float* panels;
  bool isBf16;
  int64_t N, K;
  PackedWeightsSource(const void* packed, int64_t type, int64_t numRows, int64_t width);
};

/** [begin, end) cut into `count` panels: `width` wide each but the last, or (width 0) as equal as can be. */
struct Panels {
  int64_t begin, end, count, width;
  int64_t at(int64_t i) const {
    if (width == 0) return begin + (end - begin) * i / count;
    return begin + i * width < end ? begin + i * width : end;
  }
  int64_t sizeOf(int64_t i) const { return at(i + 1) - at(i); }
};

/**
 * Packs k0 .. k0+kCount of panels [first, last), panel i to dst + i·panelWords; a last half-filled word of k is
 * completed with zero.
 */
using PackFunction = void (*)(const Operand& x, int64_t k0, int64_t kCount, const Panels& panels, int64_t first,
                              int64_t last, float* dst, int64_t panelWords);

/** Panels of A: word w of row i at [i·kRowStride + w] of its panel when kContiguous, else at [w·kColumnStride + i]. */
PackFunction packerOfA(const Operand& a, bool bf16Compute);
/**
 * Panels of B: word w of column j at [w·kPanelColumns + j] of its panel; whole vectors are written, zero past the last
 * column.
 */
PackFunction packerOfB(const Operand& b, bool bf16Compute);

/** Asks for the memory of X[begin .. end, k0 .. k0+kCount), X kContiguous. */
void prefetchRows(const Operand& x, int64_t k0, int64_t kCount, int64_t begin, int64_t end);

}  // namespace luciole
