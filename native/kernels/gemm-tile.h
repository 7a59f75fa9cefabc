// One output tile of a matrix product: chunked accumulation over k, the register-tile micro-kernels, the epilogue; and
// how to cut a product into tiles. Knows nothing of threads: a tile is computed by whoever calls it, with the caller's
// scratch memory.
#pragma once
#include <cstdint>

#include "gemm-pack.h"

namespace luciole {

/**
 * C[m, n] = Σ_k A[m, k]·B[k, n] (+ C when accumulate) (+ bias[n]) (+ residual[m, n], leading dimension ldc).
 *
 * Order of the sum over k, the same for every tile shape, row count and thread: k is cut into equal chunks (chunkWords,
 * a function of K alone); in a chunk one fused multiply-add after the other from zero; chunk sums are then added in
 * order. So a row's bits do not depend on the other rows. With bf16Compute both operands are rounded to bf16; where
 * vdpbf16ps exists it takes two k at a time (bits differ from the build without it, which multiplies the rounded values
 * in f32, one k at a time).
 */
struct Product {
  Operand a, b;
  int64_t K;
  bool bf16Compute;
  void* c;
  int64_t cType, ldc;
  bool accumulate = false;
  const float* bias = nullptr;
  const void* residual = nullptr;
  int64_t residualType = 0;
};

/** Words of k in each accumulation chunk but the last. */
int64_t chunkWords(int64_t K, bool bf16Compute);

/** Computes rows [m0, m1) × columns [n0, n1) of the product, one thread. */
void computeTile(const Product& product, int64_t m0, int64_t m1, int64_t n0, int64_t n1);

/** A cut of [M, N] into rows × columns tiles of nearly equal size; the last ones may be smaller. */
struct TileGrid {
  int64_t rows, columns;
  int64_t numRowTiles, numColumnTiles;
  int64_t numTiles() const { return numRowTiles * numColumnTiles; }
};

/**
 * The cut with the least estimated time on `threads` threads when `copies` such products run side by side. Changes no
 * bit of the result.
 */
TileGrid chooseTiles(const Product& product, int64_t M, int64_t N, int64_t threads, int64_t copies = 1);

/** Computes tile `index` of the grid. */
void computeGridTile(const Product& product, const TileGrid& grid, int64_t index, int64_t M, int64_t N);

}  // namespace luciole
